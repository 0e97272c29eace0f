"""A request's body: untrusted JSON to inputs, or the refusal that HubSpot's parser would give."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from hubspot_emulator import error_bodies
from hubspot_emulator.http_messages import Refusal
from hubspot_emulator.switches import Switches

DECODER = json.JSONDecoder()
TEXT_ONLY = frozenset({str})  # the type of a Number is another
BLANK = re.compile(r"[ \t\r\n]*")


class Number(str):
    """A JSON number, with the digits it was sent with."""

    __slots__ = ()


@dataclass(slots=True)
class Input:
    """One element of a request, in the fields' order of its schema."""

    id: str
    properties: dict[str, str]
    id_property: str | None = None
    trace_id: str | None = None
    associated: bool = False  # it asks for associations, which are not kept


@dataclass(slots=True)
class Batch:
    """The inputs of a request and, on a read, what to show of them."""

    inputs: list[Input]
    id_property: str | None = None
    properties: tuple[str, ...] = ()
    with_history: tuple[str, ...] = ()


def parse(body: bytes, required: tuple[str, ...], switches: Switches) -> Batch | None:
    """Read a batch; None stands for valid JSON without `inputs`, which HubSpot ignores.

    Observed: such a request is answered 2xx, and does nothing.
    """
    parser = _Parser(body, required, switches)
    document = parser.document()
    given = document.get("inputs")
    if given is None:
        return None
    if not isinstance(given, list):
        raise parser.refuse(0, error_bodies.wrong_token(_found(given), "java.util.ArrayList"))
    return Batch(
        inputs=[parser.input(index, item) for index, item in enumerate(given)],
        id_property=_text(document.get("idProperty")),
        properties=_names(document.get("properties")),
        with_history=_names(document.get("propertiesWithHistory")),
    )


class _Parser:
    def __init__(self, body: bytes, required: tuple[str, ...], switches: Switches) -> None:
        self._body = body
        self._required = required
        self._switches = switches

    def document(self) -> Mapping[str, object]:
        try:
            document = json.loads(
                self._body, parse_int=Number, parse_float=Number, parse_constant=_no_number
            )
        except json.JSONDecodeError as error:
            # Assumed: the place is right, the reason is worded by another parser.
            raise error_bodies.unreadable(error.lineno, error.colno, error.msg) from None
        except (UnicodeDecodeError, RecursionError):
            raise error_bodies.unreadable(1, 1, "Invalid UTF-8 or nesting") from None
        if not isinstance(document, dict):
            raise error_bodies.unreadable(1, 1, error_bodies.wrong_token(_found(document)))
        return document

    def input(self, index: int, item: object) -> Input:
        if not isinstance(item, dict):
            raise self.refuse(index, error_bodies.wrong_token(_found(item)))
        for name in self._required:
            if item.get(name) is None:
                line, column = self._place(index, at_end=True)
                raise error_bodies.missing_field(line, column, name, self._switches)
        return Input(
            self._scalar(index, item.get("id")) or "",
            self._properties(index, item.get("properties")),
            self._scalar(index, item.get("idProperty")),
            self._scalar(index, item.get("objectWriteTraceId")),
            "associations" in item,
        )

    def refuse(self, index: int, reason: str) -> Refusal:
        line, column = self._place(index, at_end=False)
        return error_bodies.unreadable(line, column, reason)

    def _properties(self, index: int, given: object) -> dict[str, str]:
        if given is None:
            return {}
        if not isinstance(given, dict):
            raise self.refuse(
                index, error_bodies.wrong_token(_found(given), "java.util.LinkedHashMap")
            )
        if TEXT_ONLY.issuperset(map(type, given.values())):
            return given
        converted = {name: self._value(index, name, value) for name, value in given.items()}
        return {name: value for name, value in converted.items() if value is not None}

    def _value(self, index: int, name: str, value: object) -> str | None:
        if value is None:
            return self._null(index, name)
        if type(value) is not str and self._switches.numeric_value == "400":
            # Assumed: the schema says that values are text; the refusal's words are unknown.
            raise self._no_text(index, value)
        return self._scalar(index, value)

    def _scalar(self, index: int, value: object) -> str | None:
        """Take scalars as text, as HubSpot's parser does; None stands for none."""
        text = _text(value)
        if text is None and value is not None:
            raise self._no_text(index, value)
        return text

    def _no_text(self, index: int, value: object) -> Refusal:
        return self.refuse(index, error_bodies.wrong_token(_found(value), "java.lang.String"))

    def _null(self, index: int, name: str) -> str | None:
        match self._switches.null_value:
            case "clears":
                return ""
            case "ignored":
                return None
            case "400":
                # Assumed: null is not documented as a value.
                raise self.refuse(index, f"Null value for property {name}")

    def _place(self, index: int, *, at_end: bool) -> tuple[int, int]:
        """Line and column at which an input begins or ends, counted from 1."""
        try:
            text = self._body.decode()
            begin, end = _span(text, index)
        except ValueError:  # not UTF-8; or `inputs` stands there twice, or is no array
            return 1, 1
        at = end if at_end else begin
        return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def _span(text: str, index: int) -> tuple[int, int]:
    """Begin and end of element `index` of the top-level `inputs` of valid JSON."""
    key, at = DECODER.raw_decode(text, _next(text, _next(text, 0) + 1))
    while key != "inputs":
        _, at = DECODER.raw_decode(text, _next(text, _next(text, at) + 1))
        key, at = DECODER.raw_decode(text, _next(text, _next(text, at) + 1))
    begin = _next(text, _next(text, _next(text, at) + 1) + 1)
    _, end = DECODER.raw_decode(text, begin)
    for _ in range(index):
        begin = _next(text, _next(text, end) + 1)
        _, end = DECODER.raw_decode(text, begin)
    return begin, end


def _next(text: str, at: int) -> int:
    """Find the next character that is not blank."""
    blank = BLANK.match(text, at)
    return at if blank is None else blank.end()


def _text(value: object) -> str | None:
    if type(value) is str:  # not a Number
        return value
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return None


def _no_number(name: str) -> object:
    """Assumed: what Python takes for a number and JSON does not know is not readable."""
    raise error_bodies.unreadable(1, 1, f"Non-standard token '{name}'")


def _names(given: object) -> tuple[str, ...]:
    return tuple(str(name) for name in given) if isinstance(given, list) else ()


def _found(value: object) -> str:
    match value:
        case list():
            return "Array"
        case dict():
            return "Object"
        case Number():
            return "Number"
        case bool():
            return "Boolean"
        case None:
            return "Null"
        case _:
            return "String"
