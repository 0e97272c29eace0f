"""Payloads as their dead letters hold them."""

import base64
import json
import zlib
from random import Random

import pytest

from hubsync.core.kept_payload import Kept, Place, Unmade, letter, read
from hubsync.core.limits import BODY_BYTES_MAX
from hubsync.core.message import Envelope, parse_message
from hubsync.errors import BodyTooLarge, Fault
from tests.builders import NO_RULES

ENVELOPE = Envelope.model_validate(
    {
        "v": 1,
        "account": "main",
        "source": "shop",
        "receivedAt": "2026-11-21T12:00:00Z",
        "requestId": "r-1",
    }
)
FAULT = Fault("/change/0/fields/id", "is null, or not there")
BODY = b'{"odd": "\xc3\xbc\\ud800", "n": 1e400}  '


def a_kept(*unmade, **more):
    unmade = unmade or (Unmade(Place(0, 3), (FAULT,), "e-1#3"),)
    return Kept(ENVELOPE, unmade, **{"headers": {"x-topic": "t"}, "body": BODY} | more)


def test_what_is_kept_is_read_again():
    kept = a_kept()
    assert read(letter(kept)) == kept


def test_the_bytes_are_those_that_were_sent():
    packed = json.loads(letter(a_kept()))["payload"]["body"]
    assert zlib.decompress(base64.b64decode(packed), wbits=31) == BODY


def test_a_fault_of_many_elements_is_told_once():
    unmade = [
        Unmade(Place(0, n), (FAULT._replace(message=f"element {n}: {FAULT.message}"),))
        for n in range(1_000)
    ]
    kept = read(letter(a_kept(*unmade)))
    assert [each.place.element for each in kept.unmade] == list(range(1_000))
    assert kept.reason == "/change/0/fields/id is null, or not there"


def test_without_its_payload_a_letter_has_pointers_alone():
    text = letter(a_kept(body=None))
    assert json.loads(text)["payload"] == {"unmade": [[0, 3, None]], "faults": [[*FAULT]]}
    assert read(text).body is None


@pytest.mark.parametrize("event_id", ["", "x" * 257, "a\0b", "half \ud800"])
def test_an_event_id_that_none_could_have_is_not_kept(event_id):
    kept = read(letter(a_kept(Unmade(Place(0), (FAULT,), event_id))))
    assert kept.event_ids == frozenset()


def test_a_reason_holds_no_character_that_an_attribute_may_not_have():
    fault = Fault("/0/properties/\u00fc\ufffe", "is\0odd" + "x" * 2_000)
    reason = a_kept(Unmade(Place(), (fault,))).reason
    assert reason.startswith("/0/properties/?? is?odd")
    assert len(reason) == 1_000


def test_what_sqs_could_not_take_is_too_large():
    noise = Random(1).randbytes(BODY_BYTES_MAX)  # It grows by a third, for it cannot be packed.
    assert read(letter(a_kept(body=noise[: BODY_BYTES_MAX * 7 // 10])))
    with pytest.raises(BodyTooLarge):
        letter(a_kept(body=noise))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON with payload",
        '{"payload": {}}',
        json.dumps({**ENVELOPE.model_dump(by_alias=True), "payload": None}),
        json.dumps({**ENVELOPE.model_dump(by_alias=True), "payload": {"unmade": [], "faults": []}}),
        json.dumps({**ENVELOPE.model_dump(by_alias=True), "events": []}),
    ],
)
def test_what_is_no_kept_payload_is_none(text):
    assert read(text) is None


def test_a_payload_that_would_grow_beyond_any_body_is_none():
    bomb = json.loads(letter(a_kept(body=b"")))
    packer = zlib.compressobj(9, wbits=31)
    packed = packer.compress(bytes(50_000_000)) + packer.flush()
    bomb["payload"]["body"] = base64.b64encode(packed).decode()
    assert read(json.dumps(bomb)) is None


def test_a_kept_payload_is_no_message_of_events():
    assert parse_message(letter(a_kept()), NO_RULES) is None
