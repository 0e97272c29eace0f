"""`python -m tests.simulation --seeds N [--seed n]`: more runs than the tests have time for."""

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed

from tests.simulation.simulation import Report, simulate

CHUNK = 250


def main() -> int:
    parser = argparse.ArgumentParser(prog="make sim", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10_000, help="how many runs (SEEDS=N)")
    parser.add_argument("--seed", type=int, help="one run, with its trace (SEED=n)")
    given = parser.parse_args()
    if given.seed is not None:
        report = simulate(given.seed)
        sys.stdout.write("\n".join([*report.trace, *_told(report), report.digest, ""]))
        return bool(report.complaints)
    return _many(given.seeds)


def _many(seeds: int) -> int:
    started, done, failed = time.monotonic(), 0, 0
    with ProcessPoolExecutor() as pool:
        chunks = [range(first, min(first + CHUNK, seeds)) for first in range(0, seeds, CHUNK)]
        for future in as_completed([pool.submit(_failures, chunk) for chunk in chunks]):
            count, reports = future.result()
            done += count
            failed += len(reports)
            for report in reports:
                sys.stdout.write("\n".join([*_told(report), ""]))
            seconds = time.monotonic() - started
            sys.stderr.write(f"\r{done} of {seeds} runs, {failed} failed, {seconds:.0f} s ")
    sys.stdout.write(f"\n{done} runs in {time.monotonic() - started:.0f} s: {failed} failed\n")
    return bool(failed)


def _failures(seeds: range) -> tuple[int, list[Report]]:
    reports = [simulate(seed) for seed in seeds]
    return len(reports), [report for report in reports if report.complaints]


def _told(report: Report) -> list[str]:
    return [f"seed {report.seed}: {complaint}" for complaint in report.complaints]


if __name__ == "__main__":
    raise SystemExit(main())
