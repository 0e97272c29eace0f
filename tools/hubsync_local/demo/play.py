"""Plays the demo's story on a running stack, as its senders would."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator

from hubsync_local.demo.report import Findings, gather
from hubsync_local.demo.scenario import FAULTS, SEEDS, Act, scenario
from hubsync_local.processes import LocalError
from hubsync_local.stack import Stack
from hubsync_local.stack_client import Visitor

SETTLE_SECONDS_MAX = 90
LOOK_SECONDS = 0.1

type Tell = Callable[[str], None]


def play(stack: Stack, tell: Tell) -> Findings:
    """Send the story's webhooks, wait until all is settled, and gather what came of it."""
    with Visitor(stack.ready) as visitor:
        story = scenario(_seed(visitor))
        visitor.tell("faults", {"faults": FAULTS})
        answers = Counter(_strangers(visitor))
        *earlier, last = story.acts
        for act in earlier:
            tell(f"sending {act.title}")
            answers.update(_send(visitor, act))
        tell("waiting: the consumer gathers messages for 5 s, so that its batches are full")
        _wait_until_written(stack, visitor)
        tell(f"sending {last.title}")
        answers.update(_send(visitor, last))
        tell("waiting until every event is settled")
        stack.wait_until_settled(SETTLE_SECONDS_MAX)
        return gather(stack, visitor, story, answers)


def _seed(visitor: Visitor) -> dict[str, str]:
    """Make the records that people made before; return their ids."""
    return {
        name: visitor.tell("records", {"type": kind, "properties": properties})["id"]
        for name, (kind, properties) in SEEDS.items()
    }


def _strangers(visitor: Visitor) -> Iterator[int]:
    """Send what must be turned away: unsigned, signed for another body, signed but invalid."""
    body = b'{"eventId": "stranger"}'
    for headers in ({}, visitor.sign(b"{}"), visitor.sign(body)):
        yield visitor.post(body, headers=headers).status_code


def _send(visitor: Visitor, act: Act) -> Iterator[int]:
    for events in act.requests:
        yield visitor.post(json.dumps(events, ensure_ascii=False).encode()).status_code


def _wait_until_written(stack: Stack, visitor: Visitor) -> None:
    deadline = time.monotonic() + SETTLE_SECONDS_MAX
    while not visitor.look("records", type="contacts", limit="2")["records"][1:]:
        stack.check()
        if time.monotonic() > deadline:
            raise LocalError(f"nothing was written; the logs are in {stack.logs}")
        time.sleep(LOOK_SECONDS)
