"""A CloudEvent: what the specification asks of an event and its attributes.

Documented: version 1.0.2 of the specification and its JSON format. URIs are not taken apart, since
nothing here follows them.
"""

import re
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

from hubsync.core.event import parse_timestamp

# Documented: no control characters, no code points that Unicode has set apart as no characters.
_NONCHARACTERS: Final = "\ufdd0-\ufdef" + "".join(
    chr(plane << 16 | last) for plane in range(17) for last in (0xFFFE, 0xFFFF)
)
_TEXT: Final = re.compile(rf"[^\x00-\x1f\x7f-\x9f{_NONCHARACTERS}]*")
_NAME: Final = re.compile(r"[a-z0-9]+")
_TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - of RFC 2045
_MEDIA_TYPE: Final = re.compile(rf"{_TOKEN}/({_TOKEN})\s*(;.*)?")
_INTEGER_MAX: Final = 2**31 - 1


def _text(text: str) -> str:
    if not text:
        raise ValueError("is empty")
    return _characters(text)


def _characters(text: str) -> str:
    if not _TEXT.fullmatch(text):
        raise ValueError("holds a control character, or what is no character of Unicode")
    return text


def _time(text: str) -> str:
    parse_timestamp(text)
    return text


def _media_type(text: str) -> str:
    if not _MEDIA_TYPE.fullmatch(text):
        raise ValueError("is no media type, such as application/json")
    return text


def _name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("a CloudEvents attribute has lower-case letters and digits for a name")
    return name


def _extension(value: object) -> object:
    if isinstance(value, str):
        return _characters(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and -_INTEGER_MAX - 1 <= value <= _INTEGER_MAX:
        return value
    raise ValueError("a CloudEvents attribute is a string, a boolean or an integer of 32 bits")


type Text = Annotated[str, AfterValidator(_text)]


class CloudEvent(BaseModel):
    """An event in its envelope, valid by the specification; what its data says is not judged."""

    # Built when the first of them comes, since most senders send none.
    model_config = ConfigDict(
        frozen=True, strict=True, extra="allow", hide_input_in_errors=True, defer_build=True
    )

    __pydantic_extra__: dict[
        Annotated[str, AfterValidator(_name)], Annotated[Any, AfterValidator(_extension)]
    ]

    specversion: Literal["1.0"]
    id: Text
    source: Text
    type: Text
    time: Annotated[str, AfterValidator(_time)] | None = None
    subject: Text | None = None
    dataschema: Text | None = None
    datacontenttype: Annotated[str, AfterValidator(_media_type)] | None = None
    data: Any = None
    data_base64: str | None = None

    @model_validator(mode="after")
    def _check_data(self) -> Self:
        if {"data", "data_base64"} <= self.model_fields_set:
            raise ValueError("has data and data_base64; one excludes the other")
        return self

    @property
    def has_json(self) -> bool:
        """Whether the data is JSON: that is what it is unless something else is said."""
        if self.datacontenttype is None:
            return True
        match = _MEDIA_TYPE.fullmatch(self.datacontenttype)
        assert match is not None
        return ("+" + match[1].lower()).endswith("+json")
