"""Random schedules of the shipped consumer. A failure names its seed, for `make sim SEED=n`."""

import subprocess
import sys

import pytest

from tests.simulation.simulation import simulate

RUNS = 2_000
CHUNK = 125


@pytest.mark.parametrize("first", range(0, RUNS, CHUNK))
def test_whatever_happens_each_event_has_its_fate_and_the_newest_values_stand(first):
    reports = [simulate(seed) for seed in range(first, first + CHUNK)]
    assert {report.seed: report.complaints for report in reports if report.complaints} == {}


def test_the_same_seed_gives_the_same_trace_in_another_process():
    here = simulate(7)
    command = [sys.executable, "-m", "tests.simulation", "--seed", "7"]
    there = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    assert there.stdout.splitlines() == [*here.trace, here.digest]


def test_the_perils_are_real():
    # A simulation in which nothing goes wrong would pass for any code.
    missing = {
        "crash",
        "redrive",
        "expires",
        "LEASED",
        "NO_ANSWER_",
        "Rejected",
        "seen=1",
        "PAUSED",
        "merge of",
        "MORE_REFUSED",
        "NOT_FOUND",
    }
    # The rarest, refusals that outlast an invocation, shows itself about once in 400 seeds.
    for seed in range(1_500):
        trace = "\n".join(simulate(seed).trace)
        missing = {sign for sign in missing if sign not in trace}
        if not missing:
            return
    assert not missing
