"""Whatever becomes of a payload on its way, nothing of one that was answered 2xx is lost."""

import copy
import json
from collections import Counter
from http import HTTPStatus
from random import Random

import pytest

from hubsync.core import json_codec
from hubsync.core.kept_payload import read
from hubsync.core.payloads.mapper import Unmapped, make
from hubsync.core.payloads.source import load_source
from hubsync.core.signatures.verify import sign
from hubsync.errors import NotEnqueued, Refusal
from hubsync.ingest import Request, ingest
from hubsync_local.virtual.pipeline import Pipeline
from tests.examples import CASES, FOLDER, payloads, sources

SEED = 20_261_121
PAYLOADS_EACH = 10_000
THROUGH_THE_CONSUMER = 1_000  # Of those.
NOW = 1_795_262_400.0
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
URL = "https://hooks.example.com/webhooks/mutated"
# What stands in for a value: other types, and texts and numbers that have been trouble somewhere.
ODD = (
    *(None, True, False, 0, -1, 1.5, 10**25, -(10**12), 9223372036825200000, [], {}, [None], [";"]),
    *("", " ", ";a", "a;b", "x\0y", "\x85", "half \ud83d", "\udc00", "\uffff", "\u202e", "NaN"),
    *("1795262400", "yesterday", "2026-11-21", "2026-11-21T12:00:00+0100", "9999-12-31T23:59:59Z"),
    *("ada@example.com", "\u754c" * 43_700, "x" * 70_000, ["a", {"b": 1}], {"a": {"b": []}}),
)  # fmt: skip


def places(value, path=()):
    """Every place in a JSON value but the whole of it, as the steps that lead there."""
    steps = value.items() if isinstance(value, dict) else enumerate(value)
    for step, member in steps if isinstance(value, dict | list) else ():
        yield (*path, step)
        if isinstance(member, dict | list):
            yield from places(member, (*path, step))


def mutated(random, body):
    """A payload with one to three places lost, renamed or holding something else."""
    body = copy.deepcopy(body)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        if not (where := list(places(body))):
            return body
        *path, last = random.choice(where)
        parent = body
        for step in path:
            parent = parent[step]
        match random.randrange(4):
            case 0:
                del parent[last]
            case 1 if isinstance(parent, dict):
                parent[f"{last}\u00fc"] = parent.pop(last)
            case _:
                parent[last] = copy.deepcopy(random.choice(ODD))
    return body


class Queues:
    """What was put into the change queue, and what was kept; both are down now and then."""

    def __init__(self, random):
        self._random = random
        self.messages = []
        self.letters = []

    def enqueue(self, _account, bodies):
        self._fail_at_times()
        self.messages += bodies

    def keep(self, _kept, body):
        self._fail_at_times()
        self.letters.append(body)

    def _fail_at_times(self):
        if self._random.random() < 0.01:
            raise NotEnqueued


def answered(source, headers, content, queues):
    """The status of a request that its upstream system signed."""
    signed = sign(
        SECRET,
        scheme=source.signature.rules,
        message_id=headers.get("svix-id", "m-1"),
        timestamp=int(NOW),
        body=content,
        url=URL,
    )
    request = Request(
        "r-1",
        "POST",
        source.name,
        {"content-type": "application/json", **headers, **signed},
        content,
        URL,
    )
    try:
        taken = ingest(
            request,
            sources={source.name: source},
            secrets=lambda *_: [SECRET],
            enqueue=queues.enqueue,
            keep=queues.keep,
            object_types={},
            now=NOW,
        )
    except NotEnqueued:
        return HTTPStatus.SERVICE_UNAVAILABLE
    except Refusal as refusal:
        return refusal.status
    return HTTPStatus.OK if taken.challenge is not None else HTTPStatus.ACCEPTED


def meant(source, headers, content):
    """What a payload means, as the mapping alone says: properties by event, and how many fail."""
    body = json_codec.parse(content, source.form)
    try:
        made = make(source.change, headers=headers, body=body, mends=True)
    except Unmapped:
        return [], 1
    wires = [
        frozenset(each.wire.get("properties", {})) | frozenset(each.left_out)
        for each in made
        if each.wire is not None
    ]
    return wires, sum(bool(each.faults) for each in made)


def accounted(queues, wires, failed):
    """Whether each event of a payload is kept, or in a message that says what it lacks."""
    events = [event for body in queues.messages for event in json.loads(body)["events"]]
    unmade = [place for body in queues.letters for place in read(body).unmade]
    told = Counter(frozenset(e["properties"]) | frozenset(e.get("refused", ())) for e in events)
    return len(events) + len(unmade) == len(wires) + failed and told <= Counter(wires)


@pytest.mark.accept
@pytest.mark.parametrize("name", sources())
def test_of_10_000_mutated_payloads_nothing_is_unaccounted_for(name):
    random = Random(f"{SEED} {name}")
    source = load_source(FOLDER / f"{name}.toml")
    originals = [CASES[each] for each in payloads() if each.partition("-")[0] == name]
    bodies = [(case, json.loads(case.payload.read_bytes())) for case in originals]
    statuses, messages, unaccounted = Counter(), [], []
    for number in range(PAYLOADS_EACH):
        case, body = random.choice(bodies)
        content = json.dumps(mutated(random, body)).encode()
        if random.random() < 0.02:  # Not even JSON any more.
            cut = random.randrange(len(content))
            content = content[:cut] + random.randbytes(2) + content[cut + 1 :]
        queues = Queues(random)
        status = answered(source, case.headers, content, queues)
        statuses[status] += 1
        if status == HTTPStatus.ACCEPTED and not accounted(
            queues, *meant(source, case.headers, content)
        ):
            unaccounted.append((SEED, name, number, content[:500]))
        if status == HTTPStatus.ACCEPTED and number % (PAYLOADS_EACH // THROUGH_THE_CONSUMER) == 0:
            messages += queues.messages
    assert unaccounted == []
    assert statuses[HTTPStatus.ACCEPTED] > PAYLOADS_EACH / 2, statuses
    allowed = {HTTPStatus.OK, HTTPStatus.ACCEPTED, HTTPStatus.SERVICE_UNAVAILABLE}
    assert {status for status in statuses if status < HTTPStatus.BAD_REQUEST} <= allowed
    assert all(status in allowed or HTTPStatus.BAD_REQUEST <= status < 500 for status in statuses)
    _each_has_an_end(messages)


def _each_has_an_end(messages):
    """Let the consumer have the messages; each event is written, superseded or a dead letter."""
    pipeline = Pipeline(window=100)
    names = []
    for number, body in enumerate(messages):
        message = json.loads(body)
        for event in message["events"]:
            # Mutated payloads repeat their ids; here each is an event of its own.
            event["eventId"] = f"{number}:{event['eventId']}"[:256]
            names.append(event["eventId"])
        pipeline.sqs.put(json.dumps(message), visible_at=pipeline.now())
    pipeline.run()
    assert sorted(pipeline.ends) == sorted(set(names))
    assert pipeline.unclean == []
