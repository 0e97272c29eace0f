"""`python -m tests.simulation --seeds N|FIRST-LAST`: more runs than the tests have time for."""

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed

from tests.simulation.simulation import Report, simulate

CHUNK = 250


def main() -> int:
    parser = argparse.ArgumentParser(prog="make sim", description=__doc__)
    parser.add_argument(
        "--seeds",
        type=_range,
        default=range(10_000),
        help="how many runs, or from which seed to before which (SEEDS=N, SEEDS=FIRST-LAST)",
    )
    parser.add_argument("--seed", type=int, help="one run, with its trace (SEED=n)")
    given = parser.parse_args()
    if given.seed is not None:
        report = simulate(given.seed)
        sys.stdout.write("\n".join([*report.trace, *_told(report), report.digest, ""]))
        return bool(report.complaints)
    return _many(given.seeds)


def _range(text: str) -> range:
    first, dash, last = text.partition("-")
    try:
        seeds = range(int(first), int(last)) if dash else range(int(first))
    except ValueError:
        seeds = range(0)
    if not seeds:
        msg = f"{text!r} is neither a number of runs nor a range such as 40000-60000"
        raise argparse.ArgumentTypeError(msg)
    return seeds


def _many(seeds: range) -> int:
    started, done, failed = time.monotonic(), 0, 0
    with ProcessPoolExecutor() as pool:
        chunks = [seeds[first : first + CHUNK] for first in range(0, len(seeds), CHUNK)]
        for future in as_completed([pool.submit(_failures, chunk) for chunk in chunks]):
            count, reports = future.result()
            done += count
            failed += len(reports)
            for report in reports:
                sys.stdout.write("\n".join([*_told(report), ""]))
            rate = done / (time.monotonic() - started)
            left = (len(seeds) - done) / rate
            sys.stderr.write(
                f"\r{done:,} of {len(seeds):,} runs, {failed} failed; "
                f"{rate:.0f} a second, {left:.0f} s left   "
            )
    seconds = time.monotonic() - started
    sys.stdout.write(
        f"\n{done:,} runs in {seconds:.0f} s, {done / seconds:.0f} a second: {failed} failed\n"
    )
    return bool(failed)


def _failures(seeds: range) -> tuple[int, list[Report]]:
    reports = [simulate(seed) for seed in seeds]
    return len(reports), [report for report in reports if report.complaints]


def _told(report: Report) -> list[str]:
    return [f"seed {report.seed}: {complaint}" for complaint in report.complaints]


if __name__ == "__main__":
    raise SystemExit(main())
