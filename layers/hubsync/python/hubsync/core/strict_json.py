"""Untrusted bytes to JSON values, under limits: the one parser for every body that comes in.

The standard parser does the reading; what it is lax about is refused here: duplicate keys, NaN and
its like, lone surrogates, numbers that are costly to read, depth. Fractions become `Decimal`, so a
number means what its digits say.
"""

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn

from hubsync.core.limits import (
    EVENTS_PER_REQUEST_MAX,
    JSON_DEPTH_MAX,
    JSON_NODES_PER_EVENT_MAX,
    JSON_NUMBER_CHARACTERS_MAX,
)
from hubsync.errors import NotJson

type Json = dict[str, Json] | list[Json] | str | int | Decimal | bool | None

_SURROGATE_ESCAPE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_LONG_DIGITS: Final = re.compile(rb"[0-9]{%d}" % JSON_NUMBER_CHARACTERS_MAX)


def parse(body: bytes) -> Json:
    """Return the value that the body spells; NotJson if it spells none, or too much."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotJson(f"the body is not UTF-8 at byte {error.start}") from None
    # A hook for integers costs a Python call for each; without a long run of digits none is needed.
    decoder = _CAREFUL_DECODER if _LONG_DIGITS.search(body) else _DECODER
    try:
        value: Json = decoder.decode(text)
    except RecursionError:
        raise _too_deep() from None
    except json.JSONDecodeError as error:
        raise NotJson(
            f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from None
    _measure(value)
    if _SURROGATE_ESCAPE.search(body):
        _refuse_lone_surrogates(value)
    return value


def _measure(value: Json) -> None:
    """Refuse a value with too many events, or an event with too many nodes or levels."""
    if not isinstance(value, list):
        return _measure_event(value, depth=1)
    if len(value) > EVENTS_PER_REQUEST_MAX:
        raise NotJson(f"the array has {len(value)} events; the limit is {EVENTS_PER_REQUEST_MAX}")
    for event in value:
        _measure_event(event, depth=2)
    return None


def _measure_event(event: Json, *, depth: int) -> None:
    # Level by level, so that the depth is the number of rounds and no stack grows.
    nodes, level = 1, _containers([event])
    while level:
        if depth > JSON_DEPTH_MAX:
            raise _too_deep()
        nodes += sum(map(len, level))
        if nodes > JSON_NODES_PER_EVENT_MAX:
            raise NotJson(f"an event has more than {JSON_NODES_PER_EVENT_MAX} JSON values")
        level = [found for node in level for found in _containers(node)]
        depth += 1


def _containers(node: Any) -> list[Any]:  # noqa: ANN401 - a dict or a list
    children = node.values() if type(node) is dict else node
    return [child for child in children if type(child) is dict or type(child) is list]


def _too_deep() -> NotJson:
    return NotJson(f"the body is nested deeper than {JSON_DEPTH_MAX} levels")


def _refuse_lone_surrogates(value: Json) -> None:
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode("utf-8")
    except UnicodeEncodeError:
        raise NotJson("a string holds half of a surrogate pair") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise NotJson("an object has the same key twice")
    return members


def _number(text: str) -> Decimal:
    _refuse_long(text)
    try:
        return Decimal(text)
    except InvalidOperation:
        raise NotJson("a number has an exponent beyond all bounds") from None


def _integer(text: str) -> int:
    _refuse_long(text)
    return int(text)


def _refuse_long(number: str) -> None:
    if len(number) > JSON_NUMBER_CHARACTERS_MAX:
        raise NotJson(f"a number has more than {JSON_NUMBER_CHARACTERS_MAX} characters")


def _constant(name: str) -> NoReturn:
    raise NotJson(f"{name} is not JSON")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_number, parse_constant=_constant
)
_CAREFUL_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_number, parse_int=_integer, parse_constant=_constant
)
