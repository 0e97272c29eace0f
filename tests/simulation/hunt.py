"""`python -m tests.simulation.hunt FIRST N`: run seeds until one complains; exit 1 if none does."""

import sys

from tests.simulation.simulation import simulate


def main(first: int, runs: int) -> int:
    for seed in range(first, first + runs):
        try:
            complaints = simulate(seed).complaints
        except BaseException as error:  # noqa: BLE001 - a crash of broken code is a catch, too
            complaints = [repr(error)]
        if complaints:
            sys.stdout.write(f"seed {seed}: {complaints[0]}\n")
            return 0
    sys.stdout.write(f"{runs} seeds from {first} on, and nothing was noticed\n")
    return 1


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]), int(sys.argv[2])))
