"""HubSpot's wire format: where a batch goes, and what an answer says of its inputs.

Every field of an error is optional (documented: "the fields ... should all be treated as optional
in any error parsing"), so whatever is missing is done without.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from itertools import chain
from json import JSONDecodeError, loads
from math import isnan, nan
from typing import Any, Final

from pydantic_core import from_json

from hubsync.core.change import folded
from hubsync.core.compact import compact
from hubsync.core.event import HUBSPOT_ID
from hubsync.core.hubspot import http_statuses
from hubsync.core.hubspot.batch import Batch, Route
from hubsync.core.hubspot.reply import (
    SENSITIVE,
    Ambiguous,
    Answered,
    BatchRefused,
    Confirmed,
    HistoryValue,
    NotFound,
    ReadResult,
    Reason,
    Refused,
    Reply,
    ShownRecord,
    Taken,
    TooLarge,
    TraceId,
    Unread,
    Usage,
    Verdict,
    shown_text,
)
from hubsync.core.limits import PROPERTY_NAME_CHARACTERS_MAX, RETRY_AFTER_SECONDS_MAX
from hubsync.core.object_types import DEFAULT, path_segment

# Observed: these sentences are all that tells a fault of the request from one of an input.
_REQUEST_FAULTS: Final = (
    ("non-unique", "NON_UNIQUE_ID_PROPERTY"),
    ("Unable to infer object type", "UNKNOWN_OBJECT_TYPE"),
)
_VALUES_INVALID: Final = "Property values were not valid: "
_EXISTING_ID: Final = re.compile(r"Existing ID: ([0-9]+)|([0-9]+) already has that value", re.ASCII)
# Observed: who was to have which value, and who has it. The value may hold anything.
_TAKEN: Final = re.compile(
    r"Cannot set PropertyValueCoordinates\{.*?\bpropertyName=(?P<name>[^,}\s]+),"
    r" value=(?P<value>.*)\}(?: on (?P<written_to>[0-9]+))?"
    r"\. (?P<existing_id>[0-9]+) already has that value",
    re.ASCII | re.DOTALL,
)
_UNIQUE: Final = "UNIQUE_VALUE_CONFLICT"
# Documented for 2026-09: the sentences of what is required; the entries of a 207 may hold no more.
_REQUIRED: Final = (
    (re.compile(r"A value for (\S+) must be provided"), "MISSING_REQUIRED_PROPERTY"),
    (
        re.compile(r"(\S+) is required because of a conditional property rule"),
        "MISSING_CONDITIONAL_REQUIRED_PROPERTY",
    ),
)
_UNFINISHED: Final = frozenset({"PENDING", "PROCESSING"})
_WORD: Final = re.compile(rf"\S{{1,{PROPERTY_NAME_CHARACTERS_MAX}}}")
_CODE: Final = re.compile(r"[A-Z][A-Z0-9_]{0,63}", re.ASCII)


def path(object_type: str, operation: str, versions: Mapping[str, str]) -> str:
    """Return the path of a batch call; `versions` by type id, with a default."""
    version = versions.get(object_type) or versions[DEFAULT]
    family = "/crm/v3/objects" if version == "v3" else f"/crm/objects/{version}"
    return f"{family}/{path_segment(object_type)}/batch/{operation}"


def decode(batch: Batch, status: int, headers: Mapping[str, str], body: bytes) -> Reply:
    """Return what an answer says. `headers` are asked for lower-case names.

    Any 2xx is read alike, since HubSpot's success codes drift (observed: 201 became 200).
    """
    if 200 <= status < 300:  # noqa: PLR2004 - the class of success
        if batch.route.operation == "archive" and not body.strip():
            return _archived(batch)
        return Answered({}) if status == HTTPStatus.NO_CONTENT else _answered(batch, body)
    return _failed(status, headers, _object(body))


def usage_of(headers: Mapping[str, str]) -> Usage | None:
    """Return HubSpot's own count of the burst limit, where an answer gives it (documented)."""
    try:
        return Usage(
            int(headers["x-hubspot-ratelimit-max"]), int(headers["x-hubspot-ratelimit-remaining"])
        )
    except (KeyError, ValueError):
        return None


def encode_read(
    route: Route, ids: Sequence[str], names: Sequence[str], *, histories: bool = False
) -> bytes:
    """Return the body of a batch/read of records, addressed as the route addresses them."""
    body: dict[str, object] = {"properties": list(names), "inputs": [{"id": id_} for id_ in ids]}
    if route.id_property != HUBSPOT_ID:
        body["idProperty"] = route.id_property
        body["properties"] = [*names, *({route.id_property} - set(names))]
    if histories:
        body["propertiesWithHistory"] = list(names)
    return compact(body)


def decode_read(
    route: Route, ids: Sequence[str], status: int, headers: Mapping[str, str], body: bytes
) -> ReadResult | Unread:
    """Return what an answer shows, by the id asked for, and what it says is not there."""
    answer = _object(body)
    if not 200 <= status < 300:  # noqa: PLR2004 - the class of success
        failed = _failed(status, headers, answer)
        # Too large an answer is mended as a refusal is: by asking for fewer records.
        if isinstance(failed, BatchRefused | TooLarge):
            return BatchRefused(failed.reason)
        assert not isinstance(failed, Answered), "only a 2xx is an answer"
        return failed
    if answer is None or _unfinished(answer):
        return Ambiguous("READ_UNFINISHED")
    asked = set(ids)
    found: dict[str, ShownRecord | None] = {}
    for error in _objects(answer.get("errors")):
        if error.get("category") == "OBJECT_NOT_FOUND":
            keys = (folded(route.object_type, route.id_property, key) for key in _ids(error))
            found.update((key, None) for key in keys if key in asked)
    for result in _objects(answer.get("results")):
        # A record merged into another, or found by an additional address, shows another key.
        key = _key_of(result, route)
        id_ = ids[0] if len(ids) == 1 else key
        hubspot_id = _word(result.get("id"))
        if id_ in asked and hubspot_id is not None:
            found[id_] = ShownRecord(hubspot_id, _shown(result), _histories(result))
    return found


def _histories(result: dict[str, Any]) -> dict[str, tuple[HistoryValue, ...]]:
    return {
        name: tuple(
            HistoryValue(
                shown_text(told.get("value")) or "",
                (str(told.get("sourceType")), str(told.get("sourceId"))),
            )
            for told in _objects(values)
        )
        for name, values in _mapping(result.get("propertiesWithHistory")).items()
    }


def _shown(result: dict[str, Any]) -> dict[str, str | None]:
    values = _mapping(result.get("properties"))
    return {name: shown_text(value) for name, value in values.items()}


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _archived(batch: Batch) -> Answered:
    # Documented: 204 with an empty body. It vouches for all inputs; there is no report of each.
    # Assumed: with another code for success the body is empty all the same.
    return Answered({item.trace_id: Confirmed(None) for item in batch.inputs})


def _answered(batch: Batch, body: bytes) -> Reply:
    answer = _object(body)
    if answer is None:
        return Ambiguous("BROKEN_BODY")
    if _unfinished(answer):
        return Ambiguous(str(answer["status"]))
    errors = [(error, _blamed(batch, error)) for error in _objects(answer.get("errors"))]
    failed = {trace: _failure(error) for error, traces in errors for trace in traces}
    counted = answer.get("numErrors")
    confirmed, strangers = _successes(batch, failed, _objects(answer.get("results")))
    # An error that blames nobody could be about any input that is left.
    if all(traces for _, traces in errors) and counted in (None, 0, len(errors)):
        unmatched = [i.trace_id for i in batch.inputs if i.trace_id not in {**failed, **confirmed}]
        confirmed |= _by_count(batch.route, unmatched, strangers)
    return Answered({**confirmed, **failed})


def _unfinished(answer: Mapping[str, Any]) -> bool:
    status = answer.get("status")
    return isinstance(status, str) and status in _UNFINISHED


def _blamed(batch: Batch, error: Mapping[str, Any]) -> list[TraceId]:
    """Return the inputs that an error is about: by trace id, else by the ids it names."""
    context = error.get("context")
    context = context if isinstance(context, dict) else {}
    traces = {item.trace_id for item in batch.inputs}
    named = [TraceId(trace) for trace in _texts(context.get("objectWriteTraceId"))]
    by_id = {item.record.id: item.trace_id for item in batch.inputs}
    return [trace for trace in named if trace in traces] or [
        by_id[id_] for id_ in _texts(context.get("ids")) if id_ in by_id
    ]


def _failure(error: dict[str, Any]) -> Verdict:
    reason = reason_of(error)
    return NotFound(reason) if error.get("category") == "OBJECT_NOT_FOUND" else Refused(reason)


def _successes(
    batch: Batch, failed: Mapping[TraceId, Verdict], results: list[dict[str, Any]]
) -> tuple[dict[TraceId, Verdict], list[str | None]]:
    """Match results to inputs by what they show, never by position; return the ids of strangers.

    Observed: results come shuffled, e-mail addresses lower-cased, and without trace ids.
    """
    by_key = {item.record.id: item.trace_id for item in batch.inputs}
    traces = set(by_key.values())
    confirmed: dict[TraceId, Verdict] = {}
    strangers: list[str | None] = []
    for result in results:
        trace = _trace_of(result, batch.route, by_key)
        hubspot_id = _word(result.get("id"))
        if trace not in traces:
            strangers.append(hubspot_id)
        elif trace not in failed:
            confirmed[trace] = Confirmed(hubspot_id, _mapping(result.get("properties")))
    return confirmed, strangers


def _by_count(
    route: Route, unmatched: Sequence[TraceId], strangers: Sequence[str | None]
) -> dict[TraceId, Verdict]:
    """Vouch for inputs that no result shows, if as many results show none of the inputs.

    Inferred: a contact found by an additional address shows another one.
    """
    if route.id_property == HUBSPOT_ID or len(unmatched) != len(strangers):
        return {}
    alone = len(unmatched) == 1
    return {trace: Confirmed(strangers[0] if alone else None) for trace in unmatched}


def _trace_of(
    result: dict[str, Any], route: Route, by_key: Mapping[str, TraceId]
) -> TraceId | None:
    trace = result.get("objectWriteTraceId")
    return TraceId(trace) if isinstance(trace, str) else by_key.get(_key_of(result, route) or "")


def _key_of(result: dict[str, Any], route: Route) -> str | None:
    """Return the id by which a result's record is addressed, if the result shows it."""
    key = result.get("id")
    if route.id_property != HUBSPOT_ID:
        properties = result.get("properties")
        key = properties.get(route.id_property) if isinstance(properties, dict) else None
    return folded(route.object_type, route.id_property, key) if isinstance(key, str) else None


def _failed(status: int, headers: Mapping[str, str], body: dict[str, Any] | None) -> Reply:
    error = body or {}
    row = http_statuses.row(status)
    code = row.code or f"HTTP_{status}"
    return row.action(
        http_statuses.Failure(
            code=code,
            reason=reason_of(error, default=code),
            ids=_ids(error),
            taken=_taken(error),
            category=_code(error.get("category")),
            policy=_code(error.get("policyName")) or _policy(headers, error),
            retry_after_seconds=_seconds(headers.get("retry-after")),
        )
    )


def _policy(headers: Mapping[str, str], error: dict[str, Any]) -> str:
    """Say which limit was hit where HubSpot does not name it.

    Observed: the sentence speaks of a daily limit. Documented: a header counts what is left of it.
    """
    text = error.get("message")
    daily = isinstance(text, str) and "daily limit" in text.lower()
    used_up = headers.get("x-hubspot-ratelimit-daily-remaining") == "0"
    return "DAILY" if daily or used_up else "UNNAMED"


def reason_of(error: dict[str, Any], *, default: str = "REFUSED") -> Reason:
    """Put an error of HubSpot into our words: its codes and property names, never its texts."""
    properties = dict(_named_properties(error))
    text = error.get("message")
    text = text if isinstance(text, str) else ""
    scopes = sorted(_scopes(error))
    code = next((code for sentence, code in _REQUEST_FAULTS if sentence in text), None)
    if _missing_keys(error):
        code = "OBJECT_NOT_FOUND"
    if scopes and all("sensitive" in scope for scope in scopes):
        code = SENSITIVE
    code = code or next(chain(properties.values(), _codes(error)), None)
    code = code or _code(error.get("category")) or default
    return Reason(
        code,
        _message(code, properties, scopes, _existing_id(error)),
        properties,
        _word(error.get("correlationId")),
    )


def _message(
    code: str, properties: Mapping[str, str], scopes: Sequence[str], existing_id: str | None
) -> str:
    by = f", taken by record {existing_id}" if existing_id else ""
    if properties:
        listed = ", ".join(f"{name} ({why})" for name, why in sorted(properties.items()))
        return f"HubSpot refused {listed}{by}"
    if existing_id:
        return f"HubSpot refused the record: {code}{by}"
    if scopes:
        return f"HubSpot refused the call: {code}, one of {', '.join(scopes)} is needed"
    return f"HubSpot refused the record: {code}, and named no property"


def _named_properties(error: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield every property an error names with its code, in each form that HubSpot is known to use.

    Observed: in `context.propertyName`, `errorTokens.propertyName` and `in`, of the error and of
    its `errors`; inside the message as JSON, as coordinates of a value, and by two sentences. What
    has a code of HubSpot's own comes later, and so counts.
    """
    message = error.get("message")
    if isinstance(message, str):
        yield from _named_in_sentences(message)
    for item in [error, *_objects(error.get("errors"))]:
        code = _code(item.get("code")) or _code(item.get("errorType"))
        named = (
            *_texts(_mapping(item.get("context")).get("propertyName")),
            *_texts(_mapping(item.get("errorTokens")).get("propertyName")),
            *_texts(item.get("in")),
        )
        for each in filter(_word, named):
            yield each.lower(), code or _code(error.get("category")) or "INVALID"
    for item in _embedded(message):
        if name := _word(item.get("name")):
            yield name.lower(), _code(item.get("error")) or "INVALID"


def _named_in_sentences(message: str) -> Iterator[tuple[str, str]]:
    if (found := _TAKEN.search(message)) and (name := _word(found["name"])):
        yield name.lower(), _UNIQUE
    for sentence, code in _REQUIRED:
        if (found := sentence.match(message)) and (name := _word(found[1])):
            yield name.lower(), code


def _taken(error: dict[str, Any]) -> Taken | None:
    """Return which unique value is taken; None if that is not what the error says."""
    message = error.get("message")
    found = _TAKEN.search(message) if isinstance(message, str) else None
    if found is not None:
        name, value, written_to, existing_id = found.groups()
        return Taken(name.lower(), value, written_to, existing_id)
    owner = _existing_id(error)
    names = {name for name, _ in _named_properties(error)}
    return Taken(names.pop(), existing_id=owner) if owner and len(names) == 1 else None


def _existing_id(error: dict[str, Any]) -> str | None:
    """Return the id of the record that has a value already."""
    for item in [error, *_objects(error.get("errors"))]:
        for place in ("errorTokens", "context"):
            said = _mapping(item.get(place))
            for name in ("existingObjectId", "existingId"):
                if found := next(filter(_word, map(str, _values(said.get(name)))), None):
                    return found
        message = item.get("message")
        if isinstance(message, str) and (existing := _EXISTING_ID.search(message)):
            return existing[1] or existing[2]
    return None


def _codes(error: dict[str, Any]) -> Iterator[str]:
    """Yield the codes an error gives, also of properties that it does not name."""
    judged = [item.get("error") for item in _embedded(error.get("message"))]
    listed = [item.get("code") for item in _objects(error.get("errors"))]
    yield from (code for each in (*judged, *listed) if (code := _code(each)))


def _embedded(message: object) -> list[dict[str, Any]]:
    if not isinstance(message, str) or not message.startswith(_VALUES_INVALID):
        return []
    try:
        return _objects(loads(message.removeprefix(_VALUES_INVALID)))
    except (JSONDecodeError, RecursionError):
        return []


def _scopes(error: dict[str, Any]) -> Iterator[str]:
    for item in _objects(error.get("errors")):
        context = _mapping(item.get("context"))
        yield from filter(_word, _texts(context.get("requiredGranularScopes")))


def _code(value: object) -> str | None:
    # Only what looks like a code is taken over: a free text could quote a value.
    return value if isinstance(value, str) and _CODE.fullmatch(value) else None


def _word(value: object) -> str | None:
    # A name or an id goes into the ledger and into a dead letter's attributes, where SQS refuses
    # control characters, and no wire takes half a surrogate pair.
    fit = isinstance(value, str) and _WORD.fullmatch(value) and value.isprintable()
    return str(value) if fit else None


def _seconds(text: str | None) -> float | None:
    """Read a Retry-After; no header, however absurd, makes anybody wait for longer than a day."""
    try:
        seconds = float(text) if text is not None else nan
    except ValueError:
        return None  # A date is allowed by HTTP; HubSpot documents seconds.
    return None if isnan(seconds) else min(max(0.0, seconds), RETRY_AFTER_SECONDS_MAX)


def _ids(error: dict[str, Any]) -> frozenset[str]:
    context = _mapping(error.get("context"))
    return frozenset((*_texts(context.get("ids")), *_missing_keys(error)))


def _missing_keys(error: dict[str, Any]) -> list[str]:
    """Return the keys of records that an update by a unique property did not find.

    Inferred: each is object type, property and value with colons between.
    """
    context = _mapping(error.get("context"))
    named = _texts(context.get("missingObjectPropertyValueCoordinates"))
    return [each.split(":", 2)[2] for each in named if each.count(":") > 1]


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        value = _value(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _value(body: bytes) -> object:
    try:
        return from_json(body)
    except ValueError:
        return loads(body)  # It reads what is lax, too: half a surrogate pair in somebody's value.


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _values(value: object) -> list[object]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
