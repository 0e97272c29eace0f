"""How much of the rate limit the whole consumer uses, and how seldom it hits it.

`measured` is for other numbers of consumers, too.
"""

import asyncio
from collections import Counter
from typing import NamedTuple

from hubspot_emulator import Limits, Portal, Request
from hubsync_local.virtual.pipeline import Pipeline, assert_accounted_for
from tests.builders import raw_event

LIMIT = 190
WINDOW_SECONDS = 10
BACKLOG_WINDOWS = 6
JITTER_SECONDS = 0.2
REPLY_SECONDS = 0.3
TYPES = 16  # Records of different types share no call.
PORTAL = Portal.model_validate(
    {
        "types": {
            f"type{n}": {
                "type_id": f"2-{n}",
                "singular": f"type{n}",
                "properties": {"key": {"unique": True}},
            }
            for n in range(TYPES)
        }
    }
)
OTHERS_CALL = Request(
    "POST", "/crm/objects/2026-03/type0/batch/read", {"authorization": "Bearer t"}
)


class Throughput(NamedTuple):
    """Of a run: our calls in each full window, how many calls in all, and how many throttled."""

    windows: list[int]
    calls: int
    throttled: int


def measured(consumers, *, others_share=0.0, windows=BACKLOG_WINDOWS, seed=1):
    """Let so many consumers work off a backlog that takes so many windows of ten seconds."""

    async def others(pipeline):
        while pipeline.sqs.stored:
            pipeline.hubspot.handle(OTHERS_CALL)
            await asyncio.sleep(WINDOW_SECONDS / (LIMIT * others_share))

    pipeline = Pipeline(
        portal=PORTAL, limits=Limits(LIMIT, daily=0), limit=LIMIT, consumers=consumers, window=1,
        jitter=JITTER_SECONDS, seed=seed, during=others if others_share else None,
    )  # fmt: skip

    async def reply_later(_request):
        await asyncio.sleep(REPLY_SECONDS)

    pipeline.slow.reply = reply_later
    messages = (windows * LIMIT + TYPES) // TYPES
    for number in range(messages):
        pipeline.put(*[an_event(number, kind) for kind in range(TYPES)])
    pipeline.run()
    assert_accounted_for(
        pipeline, [f"{n}-{kind}" for n in range(messages) for kind in range(TYPES)]
    )
    assert pipeline.letters == {}
    return _throughput(pipeline, windows)


def an_event(number, kind):
    return raw_event(
        eventId=f"{number}-{kind}", objectType=f"2-{kind}", idProperty="key", id=f"k{number}",
        properties={"key": f"k{number}"},
    )  # fmt: skip


def _throughput(pipeline, windows):
    start = pipeline.now() - pipeline.settled_at - 300
    ours = [call for call in pipeline.hubspot.calls if call.operation == "upsert"]
    used = Counter(int((call.time - start) // WINDOW_SECONDS) for call in ours)
    throttled = sum(call.status == 429 for call in ours)
    return Throughput([used[n] for n in range(windows)], len(ours), throttled)


def test_a_backlog_is_worked_off_at_95_percent_of_the_limit_without_hitting_it():
    throughput = measured(8)
    assert min(throughput.windows) >= 0.95 * LIMIT
    assert throughput.throttled == 0


def test_with_another_client_of_the_same_token_few_calls_are_throttled():
    throughput = measured(8, others_share=1 / 3)
    assert throughput.throttled < 0.01 * throughput.calls
