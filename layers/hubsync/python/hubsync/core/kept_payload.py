"""Payloads kept whole: a change was about them, and something of them could not be made an event.

Such a payload was answered 2xx, so it is not lost: it is a dead letter that holds the bytes as they
were sent, and what of them is still to be made. It is mapped anew when it is redriven.
"""

import base64
import json
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hubsync.core.compact import compact
from hubsync.core.event import EVENT_ID
from hubsync.core.limits import BODY_BYTES_MAX, FAULTS_KEPT_MAX, LETTER_BYTES_MAX
from hubsync.core.message import Envelope
from hubsync.errors import BodyTooLarge, Fault

INVALID_PAYLOAD: Final = "INVALID_PAYLOAD"  # The reason of such a dead letter.
REASON_CHARACTERS_MAX: Final = 1_000
# What could let somebody else in; the signature's own headers are left out, too.
_SECRET_HEADERS: Final = frozenset({"authorization", "proxy-authorization", "cookie"})
_GZIP: Final = 16 + zlib.MAX_WBITS
_QUICK: Final = 1  # The level; a better one takes three times as long for a tenth less.
_ELEMENT: Final = re.compile(r"^element \d+: ")
_UNPRINTABLE: Final = re.compile(r"[^ -~]")


class Place(NamedTuple):
    """Where in a payload an event is from: a change of the mapping, an element of its list.

    None is the whole: of a payload without a mapping, or without a list.
    """

    change: int | None = None
    element: int | None = None


class Unmade(NamedTuple):
    """What no event could be made of, and why."""

    place: Place
    faults: tuple[Fault, ...]
    event_id: str | None = None  # where that is known


class Kept(NamedTuple):
    """A payload, and the places of it of which no event could be made yet.

    `body` is None where the source wants no payload kept.
    """

    envelope: Envelope
    unmade: tuple[Unmade, ...]
    headers: Mapping[str, str] = {}
    body: bytes | None = None

    @property
    def event_ids(self) -> frozenset[str]:
        return frozenset(each.event_id for each in self.unmade if each.event_id is not None)

    @property
    def reason(self) -> str:
        """Return why it is kept: the pointers of the mapping, each with what was wrong."""
        faults = dict.fromkeys(fault for each in self.unmade for fault in each.faults)
        told = "; ".join(f"{fault.pointer} {fault.message}".strip() for fault in faults)
        return _UNPRINTABLE.sub("?", told)[:REASON_CHARACTERS_MAX]


def letter(kept: Kept, *, signed_by: Iterable[str] = ()) -> str:
    """Return a dead letter's body; BodyTooLarge if SQS could not take it.

    `signed_by` are the headers of the signature, which are left out.
    """
    hidden = _SECRET_HEADERS.union(signed_by)
    places = [
        [*each.place, None if kept.body is None else _id_or_none(each.event_id)]
        for each in kept.unmade
    ]
    payload: dict[str, Any] = {"unmade": places, "faults": _faults(kept.unmade)}
    if kept.body is not None:
        payload["headers"] = {n: text for n, text in kept.headers.items() if n not in hidden}
        payload["body"] = base64.b64encode(_compressed(kept.body)).decode()
    head = kept.envelope.model_dump(by_alias=True)
    text = compact({**head, "payload": payload})
    if len(text) > LETTER_BYTES_MAX:
        raise BodyTooLarge(
            f"the body has {len(text)} bytes as it would be kept; the limit is {LETTER_BYTES_MAX}"
        )
    return text.decode()


def read(text: str) -> Kept | None:
    """Return the payload that a message's body holds; None if it holds none."""
    if '"payload"' not in text:
        return None
    try:
        value = json.loads(text)
        envelope = Envelope.model_validate(value)
        payload = _Payload.model_validate(value["payload"])
        body = None if payload.body is None else _expanded(base64.b64decode(payload.body))
    except (ValidationError, ValueError, KeyError, TypeError, RecursionError, zlib.error):
        return None
    unmade = tuple(
        Unmade(Place(change, element), (), event_id) for change, element, event_id in payload.unmade
    )
    faults = tuple(Fault(pointer, message) for pointer, message in payload.faults)
    # Which fault is of which place is not kept; the first one tells all.
    first = (unmade[0]._replace(faults=faults),) if unmade else ()
    return Kept(envelope, (*first, *unmade[1:]), payload.headers, body)


class _Payload(BaseModel):
    model_config = ConfigDict(strict=False, hide_input_in_errors=True)

    unmade: Annotated[list[tuple[int | None, int | None, str | None]], Field(min_length=1)]
    faults: list[tuple[str, str]]
    headers: dict[str, str] = {}
    body: str | None = None


def _faults(unmade: Sequence[Unmade]) -> list[tuple[str, str]]:
    """Return what was wrong, each once, whichever element it was of."""
    told = dict.fromkeys(
        (fault.pointer, _ELEMENT.sub("", fault.message)) for each in unmade for fault in each.faults
    )
    return list(told)[:FAULTS_KEPT_MAX]


def _id_or_none(event_id: str | None) -> str | None:
    return event_id if event_id is not None and EVENT_ID.fullmatch(event_id) else None


def _compressed(body: bytes) -> bytes:
    packer = zlib.compressobj(_QUICK, wbits=_GZIP)
    return packer.compress(body) + packer.flush()


def _expanded(packed: bytes) -> bytes:
    """Return what was packed; ValueError if it is more than any body, which would be a bomb."""
    unpacker = zlib.decompressobj(wbits=_GZIP)
    body = unpacker.decompress(packed, BODY_BYTES_MAX + 1)
    if len(body) > BODY_BYTES_MAX or not unpacker.eof:
        raise ValueError("is no body that was ever taken in")
    return body
