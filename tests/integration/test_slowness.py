"""However slow HubSpot or AWS is, an invocation ends in time, and nothing is lost."""

import asyncio
from collections import Counter

import httpx
import pytest

from hubspot_emulator import Fault
from hubsync.core.limits import CONNECT_SECONDS_MAX, READ_SECONDS_MAX
from hubsync_local.virtual.pipeline import INVOCATION_SECONDS, Pipeline, Slow, assert_accounted_for
from tests.builders import raw_event

FOREVER = 10**9
QUICK_AGAIN_AFTER = 600


def takes(seconds):
    """Bytes trickle in, so that no single read is late."""

    async def wait(*_given):
        await asyncio.sleep(seconds)

    return wait


def breaks_off(error, seconds):
    async def wait(request):
        await asyncio.sleep(seconds)
        raise error("too late", request=request)

    return wait


async def connects_late(request):
    await asyncio.sleep(CONNECT_SECONDS_MAX)
    raise httpx.ConnectTimeout("too late", request=request)


SLOW = {
    **{f"an answer after {n} s": Slow(reply=takes(n)) for n in (1, 10, 29, 39.9)},
    "an answer never": Slow(reply=breaks_off(httpx.ReadTimeout, READ_SECONDS_MAX)),
    "an answer by the byte": Slow(reply=takes(FOREVER)),
    "a request by the byte": Slow(request=takes(FOREVER)),
    "no connection": Slow(request=breaks_off(httpx.ConnectTimeout, CONNECT_SECONDS_MAX)),
    **{f"a token after {n} s": Slow(token=takes(n)) for n in (4, 30, 39.9, FOREVER)},
    "all of it slow": Slow(token=takes(20), request=takes(5), reply=takes(14)),
}
FAULTS = {
    "refusing nobody by name": [Fault(kind="unnamed", property="company", value="poison")],
    "silently": [Fault(kind="silent", times=40)],
    "with a token that expired": [Fault(kind="expired_token", every=2)],
    "leaving some out": [Fault(kind="left_out", inputs=3, every=3)],
}


AWS = {
    **{f"the ledger by {n} s": Slow(ledger=takes(n)) for n in (3, FOREVER)},
    **{f"the budgets by {n} s": Slow(budgets=takes(n)) for n in (3, FOREVER)},
    **{f"the queues by {n} s": Slow(queue=takes(n)) for n in (3, FOREVER)},
    "all of it by 8 s": Slow(*[takes(8)] * 6),
    "HubSpot by 39.9 s and the rest by 2 s": Slow(
        reply=takes(39.9), ledger=takes(2), budgets=takes(2), queue=takes(2)
    ),
}


def events(count):
    """Every seventh archives what an earlier import may have made."""
    return [
        raw_event(eventId=f"e{n}", id=f"c{n}@example.com", operation="archive", properties=None)
        if n % 7 == 3
        else raw_event(
            eventId=f"e{n}",
            id=f"c{n}@example.com",
            properties={"company": "poison" if n % 97 == 0 else f"C{n}"},
        )
        for n in range(count)
    ]


def run_slowly(slow, faults=(), *, count=200, quick_after=QUICK_AGAIN_AFTER):
    async def quick_again(pipeline):
        await asyncio.sleep(quick_after)
        pipeline.slow = Slow()
        pipeline.hubspot.faults.clear()

    pipeline = Pipeline(limit=190, faults=faults, during=quick_again)
    pipeline.slow = slow
    sent = events(count)
    for first in range(0, count, 100):
        pipeline.put(*sent[first : first + 100])
    pipeline.run()
    assert_accounted_for(pipeline, [event["eventId"] for event in sent])
    assert pipeline.unclean == []
    return pipeline


def longest(pipeline):
    return max(ended - began for began, ended, _ in pipeline.invocations)


@pytest.mark.parametrize(
    ("what", "how"),
    [
        *((what, "well") for what in SLOW),
        *(("an answer after 29 s", how) for how in FAULTS),
        *(("an answer after 39.9 s", how) for how in FAULTS),
    ],
)
def test_an_invocation_ends_in_time_while_hubspot_gives(what, how):
    pipeline = run_slowly(SLOW[what], FAULTS.get(how, ()))
    assert longest(pipeline) < INVOCATION_SECONDS
    assert {code for code, _ in pipeline.letters.values()} <= {"VALIDATION_ERROR", "UNVOUCHED"}


def test_of_10000_events_what_cannot_be_sent_in_time_is_handed_back():
    pipeline = run_slowly(Slow(reply=takes(39.9)), count=10_000, quick_after=100)
    # Two calls, one after the other, in each of the 16 places; what they wrote is settled.
    outcomes = Counter(type(outcome).__name__ for _, outcome in pipeline.invocations[0].outcomes)
    assert longest(pipeline) < 81
    # The last batch of a route may be smaller, and may come among the first.
    assert outcomes.keys() == {"Written", "Retryable"}
    assert outcomes["Written"] > 3_100
    assert pipeline.letters == {}


@pytest.mark.parametrize("what", AWS)
def test_an_invocation_ends_in_time_while_there_is_delayed(what):
    pipeline = run_slowly(AWS[what], FAULTS["leaving some out"])
    assert longest(pipeline) < INVOCATION_SECONDS
    assert {code for code, _ in pipeline.letters.values()} <= {"UNVOUCHED"}
