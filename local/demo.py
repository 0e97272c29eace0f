"""Plays the demo's story on a running stack, as its senders would."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import httpx

from hubsync.core.signature import sign
from local.children import LocalError
from local.findings import Findings, gather
from local.scenario import FAULTS, SEEDS, Act, scenario
from local.stack import Stack

REQUEST_SECONDS_MAX = 30
SETTLE_SECONDS_MAX = 90
LOOK_SECONDS = 0.1
SOURCE = "changes"

type Tell = Callable[[str], None]


def play(stack: Stack, tell: Tell) -> Findings:
    """Send the story's webhooks, wait until all is settled, and gather what came of it."""
    story = scenario(_seed(stack))
    _control(stack, "faults", {"faults": FAULTS})
    answers = Counter(_strangers(stack))
    *earlier, last = story.acts
    for act in earlier:
        tell(f"sending {act.title}")
        answers.update(_send(stack, act))
    tell("waiting: the consumer gathers messages for 5 s, so that its batches are full")
    _wait_until_written(stack)
    tell(f"sending {last.title}")
    answers.update(_send(stack, last))
    tell("waiting until every event is settled")
    stack.wait_until_settled(SETTLE_SECONDS_MAX)
    return gather(stack, story, answers)


def _seed(stack: Stack) -> dict[str, str]:
    """Make the records that people made before; return their ids."""
    return {
        name: _control(stack, "records", {"type": kind, "properties": properties})["id"]
        for name, (kind, properties) in SEEDS.items()
    }


def _strangers(stack: Stack) -> Iterator[int]:
    """Send what must be turned away: unsigned, signed for another body, signed but invalid."""
    body = b'{"eventId": "stranger"}'
    yield _post(stack, body, signed=None)
    yield _post(stack, body, signed=b"{}")
    yield _post(stack, body, signed=body)


def _send(stack: Stack, act: Act) -> Iterator[int]:
    for events in act.requests:
        body = json.dumps(events, ensure_ascii=False).encode()
        yield _post(stack, body, signed=body)


def _post(stack: Stack, body: bytes, *, signed: bytes | None) -> int:
    headers = {"content-type": "application/json"}
    if signed is not None:
        secret = stack.ready["sources"][SOURCE]["secret"]
        headers |= sign(secret, message_id="msg_demo", timestamp=int(time.time()), body=signed)
    url = f"{stack.ready['gateway']}/webhooks/{SOURCE}"
    return httpx.post(url, content=body, headers=headers, timeout=REQUEST_SECONDS_MAX).status_code


def _wait_until_written(stack: Stack) -> None:
    deadline = time.monotonic() + SETTLE_SECONDS_MAX
    while not _control(stack, "records?type=contacts&limit=2")["records"][1:]:
        stack.check()
        if time.monotonic() > deadline:
            raise LocalError(f"nothing was written; the logs are in {stack.logs}")
        time.sleep(LOOK_SECONDS)


def _control(stack: Stack, what: str, content: object = None) -> dict[str, Any]:
    method = "GET" if content is None else "POST"
    url = f"{stack.ready['hubspot']}/__emulator__/{what}"
    answer: Any = httpx.request(method, url, json=content).raise_for_status().json()
    return answer  # type: ignore[no-any-return] # JSON of the emulator's own
