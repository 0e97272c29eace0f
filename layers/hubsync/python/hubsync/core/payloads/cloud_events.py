"""CloudEvents over HTTP: change events in envelopes whose `id` and `time` are theirs.

Structured and batched events carry their attributes in the body, binary ones in `ce-` headers.
Documented: version 1.0.2 of the specification's HTTP binding and web hooks.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final, Literal

from pydantic import ValidationError

from hubsync.core import json_codec
from hubsync.core.event import faults_of
from hubsync.core.json_codec import Json
from hubsync.core.kept_payload import Place, Unmade
from hubsync.core.payloads.cloud_event import CloudEvent
from hubsync.core.payloads.unvalidated import UnvalidatedEvents
from hubsync.errors import Fault, InvalidEvents, NotJson

type Mode = Literal["structured", "batch", "binary"]

STRUCTURED: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"
_PREFIX: Final = "ce-"
_REQUIRED: Final = frozenset({"ce-specversion", "ce-id", "ce-source", "ce-type"})
# The body and its Content-Type say these; a header beside them could only disagree.
_NO_HEADERS: Final = ("datacontenttype", "data", "data_base64")
# An attribute of the envelope and the field of the change event that it becomes.
_RENAMED: Final = {"eventId": "id", "occurredAt": "time"}

_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ENCODED: Final = re.compile(rb"%([0-9A-Fa-f]{2})?")


def mode(headers: Mapping[str, str]) -> Mode | None:
    """Return how a request carries CloudEvents; None if it carries none.

    One attribute that is required suffices for binary mode, so that an event that lacks another is
    refused instead of taken for something else.
    """
    media = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media == STRUCTURED:
        return "structured"
    if media == BATCH:
        return "batch"
    return "binary" if not _REQUIRED.isdisjoint(headers) else None


def cloud_drafts(body: Json, headers: Mapping[str, str], mode: Mode) -> UnvalidatedEvents:
    """Return the drafts in the envelopes; a fault of a header names it and points at nothing."""
    if mode == "batch":
        if not isinstance(body, list):
            return _invalid([Fault("", "a batch must be an array")])
        return _opened({Place(None, index): value for index, value in enumerate(body)})
    if mode == "structured":
        return _opened({Place(): body})
    try:
        attributes = _attributes(headers)
    except InvalidEvents as error:
        return _invalid(error.faults)
    drafts = _opened({Place(): attributes | {"data": body}})
    return drafts._replace(
        locate=lambda fault: _of_header(drafts.locate(fault)),
        unmade=tuple(
            each._replace(faults=tuple(map(_of_header, each.faults))) for each in drafts.unmade
        ),
    )


def permission(headers: Mapping[str, str], *, requests_per_second: int) -> dict[str, str]:
    """Return the headers that tell a sender whether it may deliver here, and how often.

    Every origin may ask to be let in, for a signature decides who is. The callback that a sender
    offers is never called: anybody could have us call anything.
    """
    allowed = {"Allow": "POST"}
    if not headers.get("webhook-request-origin", "").strip():
        return allowed
    per_minute = str(60 * requests_per_second)
    return allowed | {"WebHook-Allowed-Origin": "*", "WebHook-Allowed-Rate": per_minute}


def _invalid(faults: Sequence[Fault]) -> UnvalidatedEvents:
    return UnvalidatedEvents([], [], lambda fault: fault, unmade=(Unmade(Place(), tuple(faults)),))


def _opened(envelopes: Mapping[Place, Json]) -> UnvalidatedEvents:
    """Return the drafts of envelopes by the place of each."""
    unmade: list[Unmade] = []
    fields: dict[Place, Json] = {}
    for place, envelope in envelopes.items():
        start = _start(place)
        try:
            fields[place] = _fields(CloudEvent.model_validate(envelope))
        except ValidationError as error:
            unmade.append(Unmade(place, tuple(faults_of(error, start))))
        except InvalidEvents as error:
            faults = tuple(Fault(start + pointer, message) for pointer, message in error.faults)
            unmade.append(Unmade(place, faults))
    starts = [_start(place) for place in fields]
    return UnvalidatedEvents(
        [*fields.values()], [*fields], partial(_in_envelope, starts), unmade=tuple(unmade)
    )


def _start(place: Place) -> str:
    return "" if place.element is None else f"/{place.element}"


def _fields(event: CloudEvent) -> dict[str, Json]:
    """Return the canonical fields that an envelope holds; never one that it does not."""
    fields = _data(event)
    own: dict[str, Json] = {"eventId": event.id}
    if event.time is not None:
        own["occurredAt"] = event.time
    faults = [
        Fault(f"/data/{name}", f"differs from the event's {_RENAMED[name]}; leave it out")
        for name, value in own.items()
        if fields.get(name, value) != value
    ]
    if faults:
        raise InvalidEvents(faults)
    return {name: value for name, value in fields.items() if name not in _RENAMED} | own


def _data(event: CloudEvent) -> dict[str, Json]:
    member = "data_base64" if event.data_base64 is not None else "data"
    if not event.has_json:
        raise InvalidEvents([Fault("/datacontenttype", "must be JSON, such as application/json")])
    data = event.data if event.data_base64 is None else _decoded_data(event.data_base64)
    if not isinstance(data, dict):
        raise InvalidEvents([Fault(f"/{member}", "must be an object: a change event's fields")])
    return data


def _decoded_data(text: str) -> Json:
    try:
        return json_codec.parse(base64.b64decode(text, validate=True))
    except ValueError:
        raise InvalidEvents([Fault("/data_base64", "is not base64")]) from None
    except NotJson as error:
        raise InvalidEvents([Fault("/data_base64", str(error))]) from None


def _in_envelope(starts: Sequence[str], fault: Fault) -> Fault:
    """Point at the place in the envelope where a fault of the canonical event comes from."""
    _, index, *steps = fault.pointer.split("/")
    renamed = [_RENAMED[steps[0]]] if steps and steps[0] in _RENAMED else ["data", *steps]
    return Fault("/".join([starts[int(index)], *renamed]), fault.message)


def _of_header(fault: Fault) -> Fault:
    """Point into the body, which is the data; name the header of an attribute."""
    if fault.pointer.split("/")[1] == "data":
        return Fault(fault.pointer.removeprefix("/data"), fault.message)
    return Fault("", f"header {_PREFIX}{fault.pointer.removeprefix('/')}: {fault.message}")


def _attributes(headers: Mapping[str, str]) -> dict[str, Json]:
    attributes: dict[str, Json] = {"datacontenttype": headers.get("content-type", "").strip()}
    faults: list[Fault] = []
    for header, value in headers.items():
        name = header.removeprefix(_PREFIX)
        if name == header:
            continue
        try:
            attributes[name] = _decoded(value)
        except ValueError as error:
            faults.append(Fault("", f"header {header}: {error}"))
        if name in _NO_HEADERS:
            faults.append(Fault("", f"header {header}: must not be sent, for the body says it"))
    if faults:
        raise InvalidEvents(faults)
    return attributes


def _decoded(value: str) -> str:
    """Undo quotes, then percent-encoding, once; ValueError if it is none."""
    if value.startswith('"'):
        quoted = _QUOTED.fullmatch(value)
        if quoted is None:
            raise ValueError("has quotes that are not closed")
        value = re.sub(r"\\(.)", r"\1", quoted[1])
    try:
        return _ENCODED.sub(_byte, value.encode("ascii")).decode("utf-8")
    except UnicodeError:
        raise ValueError("must be ASCII, with UTF-8 behind its percent-encoding") from None


def _byte(encoded: re.Match[bytes]) -> bytes:
    if encoded[1] is None:
        raise ValueError("has a % without two hexadecimal digits")
    return bytes.fromhex(encoded[1].decode())
