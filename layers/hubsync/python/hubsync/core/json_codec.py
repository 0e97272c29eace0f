"""Untrusted bytes to JSON values, under limits: the one parser for every body that comes in.

The standard parser does the reading; what it is lax about is refused here: duplicate keys, NaN and
its like, lone surrogates, numbers that are costly to read, depth. Fractions become `Decimal`, so a
number means what its digits say.

No hook runs for each object or number, and the bytes are searched only in ways that take linear
time: a body of 1 MiB that was made to be costly is refused within milliseconds.
"""

import json
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple, NoReturn

from hubsync.core.limits import (
    EVENTS_PER_REQUEST_MAX,
    JSON_CONTAINERS_MAX,
    JSON_DEPTH_MAX,
    JSON_NODES_PER_EVENT_MAX,
    JSON_NODES_PER_PAYLOAD_MAX,
    JSON_NUMBER_CHARACTERS_MAX,
)
from hubsync.errors import NotJson

type Json = dict[str, Json] | list[Json] | str | int | Decimal | bool | None

_CONTAINERS: Final = frozenset({dict, list})
_SURROGATE_ESCAPE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_NUMBER_CHARACTERS: Final = b"+-.0123456789Ee"
_NUMBERS_AS_ZEROS: Final = bytes(
    ord("0") if byte in _NUMBER_CHARACTERS else 0 for byte in range(256)
)


class Form(NamedTuple):
    """What a body may hold: so many values, or so many for each event of an array of them."""

    values_max: int
    is_events: bool = False
    takes_halves: bool = False  # of surrogate pairs


EVENTS: Final = Form(JSON_NODES_PER_EVENT_MAX, is_events=True)
PAYLOAD: Final = Form(JSON_NODES_PER_PAYLOAD_MAX)


def parse(body: bytes, form: Form = EVENTS) -> Json:
    """Return the value that the body spells; NotJson if it spells none, or too much."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotJson(f"the body is not UTF-8 at byte {error.start}") from None
    bare = _without_strings(body, form)
    _refuse_costly(bare, form)
    fractions: list[str] = []
    # The shape first: a fraction as a Decimal costs as much as the rest of a body. Where the values
    # of the whole body are bounded, its commas have told enough.
    value = _decode(text, parse_float=fractions.append if form.is_events else Decimal)
    if _measure(value, form) != bare.count(b":"):
        raise NotJson("an object has the same key twice")
    if fractions:
        value = _decode(text, parse_float=Decimal)
    if not form.takes_halves and _SURROGATE_ESCAPE.search(body):
        _refuse_lone_surrogates(value)
    return value


def _without_strings(body: bytes, form: Form) -> bytes:
    """Return what stands outside of strings, if it is JSON: there every colon belongs to a key."""
    without_escapes = body.replace(rb"\\", b"").replace(rb"\"", b"")
    quotes = without_escapes.count(b'"')
    if 3 * quotes > 2 * len(body) + 2:  # Even "" needs something beside it.
        raise NotJson("the body is not JSON: it has more quotes than its strings can have")
    # Those of a key and a string for each value.
    if quotes > 4 * form.values_max and not (form.is_events and _is_array(body)):
        raise _too_many_values(form)
    return b"".join(without_escapes.split(b'"')[::2])


def _refuse_costly(bare: bytes, form: Form) -> None:
    """Refuse what would cost before it can be measured."""
    # Not by an expression: it would begin anew at each digit.
    if b"0" * (JSON_NUMBER_CHARACTERS_MAX + 1) in bare.translate(_NUMBERS_AS_ZEROS):
        raise NotJson(f"a number has more than {JSON_NUMBER_CHARACTERS_MAX} characters")
    if bare.count(b"[") + bare.count(b"{") > JSON_CONTAINERS_MAX:
        raise NotJson(f"the body has more than {JSON_CONTAINERS_MAX} objects and arrays")
    is_array = form.is_events and _is_array(bare)
    if not is_array and bare.count(b",") >= form.values_max:
        raise _too_many_values(form)
    if is_array and _commas_outside(bare.strip()) >= EVENTS_PER_REQUEST_MAX:
        raise _too_many_events()


def _is_array(text: bytes) -> bool:
    return text.lstrip().startswith(b"[")


def _commas_outside(array: bytes) -> int:
    """Count the commas before the first element with elements of its own, and after the last."""
    end = len(array) - 1
    openings = (array.find(b"[", 1), array.find(b"{", 1))
    first = min((found for found in openings if found > 0), default=end)
    last = max(array.rfind(b"]", 1, end), array.rfind(b"}", 1, end))
    return array.count(b",", 0, first) + array.count(b",", max(first, last))


def _decode(text: str, *, parse_float: Callable[[str], object]) -> Json:
    decoder = json.JSONDecoder(parse_float=parse_float, parse_constant=_constant)
    try:
        value: Json = decoder.decode(text)
    except RecursionError:
        raise _too_deep() from None
    except InvalidOperation:
        raise NotJson("a number has an exponent beyond all bounds") from None
    except json.JSONDecodeError as error:
        raise NotJson(
            f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from None
    return value


def _measure(value: Json, form: Form) -> int:
    """Count the keys; refuse too many events, too many values or too many levels."""
    if not (form.is_events and isinstance(value, list)):
        return _measure_one(value, form, depth=1)
    if len(value) > EVENTS_PER_REQUEST_MAX:
        raise _too_many_events()
    return sum(_measure_one(event, form, depth=2) for event in value)


def _measure_one(value: Json, form: Form, *, depth: int) -> int:
    # Level by level, so that the depth is the number of rounds and no stack grows.
    keys, nodes, level = 0, 1, _containers([value])
    while level:
        if depth > JSON_DEPTH_MAX:
            raise _too_deep()
        nodes += sum(map(len, level))
        if nodes > form.values_max:
            raise _too_many_values(form)
        keys += sum(len(node) for node in level if type(node) is dict)
        level = [found for node in level if node for found in _containers(node)]
        depth += 1
    return keys


def _containers(node: Any) -> list[Any]:  # noqa: ANN401 - a dict or a list
    children = node.values() if type(node) is dict else node
    if _CONTAINERS.isdisjoint(map(type, children)):  # Mostly so, and quickly seen.
        return []
    return [child for child in children if type(child) in _CONTAINERS]


def _too_many_events() -> NotJson:
    return NotJson(f"the array has more than {EVENTS_PER_REQUEST_MAX} events")


def _too_many_values(form: Form) -> NotJson:
    what = "an event" if form.is_events else "the body"
    return NotJson(f"{what} has more than {form.values_max} JSON values")


def _too_deep() -> NotJson:
    return NotJson(f"the body is nested deeper than {JSON_DEPTH_MAX} levels")


def _refuse_lone_surrogates(value: Json) -> None:
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode("utf-8")
    except UnicodeEncodeError:
        raise NotJson("a string holds half of a surrogate pair") from None


def _constant(name: str) -> NoReturn:
    raise NotJson(f"{name} is not JSON")
