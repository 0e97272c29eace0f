"""A source: one upstream system, how it signs and what its payloads mean. One TOML file each."""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from hubsync.core import json_codec
from hubsync.core.event import Rules
from hubsync.core.payloads.mapping import MappedChange, mistakes
from hubsync.core.signatures.schemes import (
    SCHEMES,
    Algorithm,
    Encoding,
    Scheme,
    SecretEncoding,
    TimestampUnit,
    placeholders,
)
from hubsync.errors import Fault, InvalidSource

# It becomes the message group, where SQS takes letters, digits and punctuation of ASCII alone.
_ACCOUNT = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
_NAME = r"^[a-z0-9][a-z0-9_-]{0,63}$"


_MESSAGES = {"extra_forbidden": "is no key that is known here", "missing": "is required"}

type _Secret = Annotated[str, Field(pattern=r"^webhooks/[A-Za-z0-9/_+=.@-]+$")]
type _Tolerance = Annotated[int, Field(gt=0, le=3600)]
type _Header = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,63}$", to_lower=True)
]
type _Item = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,16}$")]
# None of the signatures needs a schema of its own: it is part of the source's.
_CONFIG = ConfigDict(frozen=True, strict=True, extra="forbid", defer_build=True)


class Signature(BaseModel):
    """How requests of a source are signed, and the name of the secret below the stack's."""

    model_config = _CONFIG

    scheme: Literal["standard-webhooks", "github", "stripe", "shopify", "slack"]
    secret: _Secret
    tolerance_seconds: _Tolerance = 300  # of the timestamp, where the scheme has one

    @property
    def rules(self) -> Scheme:
        return SCHEMES[self.scheme]


class HubSpotSignature(BaseModel):
    """HubSpot signs the address that it calls, too."""

    model_config = _CONFIG

    scheme: Literal["hubspot-v3"]
    secret: _Secret
    tolerance_seconds: _Tolerance = 300
    # Needed where what arrives is not what was called: behind a custom domain with a path mapping,
    # or behind a proxy.
    url: Annotated[str | None, Field(pattern=r"^https://[!-~]+$", max_length=2_048)] = None

    @property
    def rules(self) -> Scheme:
        return SCHEMES[self.scheme]._replace(url=self.url)


class HmacSignature(BaseModel):
    """An HMAC in a header, of an upstream system that follows no scheme of its own name."""

    model_config = _CONFIG

    scheme: Literal["hmac"]
    secret: _Secret
    tolerance_seconds: _Tolerance = 300
    header: _Header
    # HMAC with SHA-1 is not broken as SHA-1 is, and some upstream systems have nothing else.
    algorithm: Algorithm = "sha256"
    encoding: Encoding = "hex"
    prefix: Annotated[str, Field(pattern=r"^[!-~]{0,32}$")] = ""
    item: _Item | None = None  # v1 in t=1,v1=ab: the header is a list of items
    timestamp_header: _Header | None = None
    timestamp_item: _Item | None = None
    timestamp_unit: TimestampUnit = "seconds"
    id_header: _Header | None = None
    signed: Annotated[str, Field(pattern=r"^[ -~]{1,256}$")] = "{body}"
    secret_encoding: SecretEncoding = "text"  # noqa: S105 - how it is written, and no secret
    ping_field: Annotated[str | None, Field(pattern=r"^[a-z_]{1,32}$")] = None

    @model_validator(mode="after")
    def _signs_all_that_counts(self) -> Self:
        """Require body, timestamp and id to be signed: what is not signed anybody can change."""
        if self.timestamp_header and self.timestamp_item:
            raise ValueError("timestamp_header and timestamp_item exclude each other")
        if self.timestamp_item and not self.item:
            raise ValueError("timestamp_item is of a header that is a list; say item, too")
        if self.timestamp_item and self.timestamp_item == self.item:
            raise ValueError("item and timestamp_item must differ")
        has_timestamp = self.timestamp_header or self.timestamp_item
        needed = ["body", *(["id"] if self.id_header else [])]
        needed += ["timestamp"] if has_timestamp else []
        if sorted(placeholders(self.signed)) != needed:
            names = " and ".join(f"{{{name}}}" for name in needed)
            raise ValueError(f"signed must hold {names} once, and no other placeholder")
        return self

    @property
    def rules(self) -> Scheme:
        return Scheme(
            header=self.header,
            algorithm=self.algorithm,
            encoding=self.encoding,
            takes_upper_case=self.encoding == "hex",
            prefix=(f"{self.item}=" if self.item else "") + self.prefix,
            separator="," if self.item else None,
            timestamp_item=f"{self.timestamp_item}=" if self.timestamp_item else None,
            timestamp_header=self.timestamp_header,
            timestamp_unit=self.timestamp_unit,
            id_header=self.id_header,
            signed=self.signed,
            secret_encoding=self.secret_encoding,
        )


class TokenSignature(BaseModel):
    """No signature: the sender shows a secret. Whoever sees one request can send any other."""

    model_config = _CONFIG

    scheme: Literal["token"]
    secret: _Secret
    header: _Header = "authorization"
    prefix: Annotated[str, Field(pattern=r"^[ -~]{0,32}$")] = ""

    @property
    def tolerance_seconds(self) -> int:
        return 0  # There is no time in it.

    @property
    def rules(self) -> Scheme:
        return Scheme(header=self.header, prefix=self.prefix, is_token=True)


def _lower_case(names: frozenset[str] | None) -> frozenset[str] | None:
    # As the names of events are: "firstName" would refuse everything.
    return None if names is None else frozenset(name.strip().lower() for name in names)


class Source(BaseModel):
    """One upstream system. There is no unsigned source."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    name: Annotated[str, Field(pattern=_NAME)]
    account: Annotated[str, Field(pattern=_ACCOUNT)]
    signature: Annotated[
        Signature | HubSpotSignature | HmacSignature | TokenSignature,
        Field(discriminator="scheme"),
    ]
    properties_allowed: Annotated[
        frozenset[str] | None, Field(strict=False), AfterValidator(_lower_case)
    ] = None
    invalid: Literal["refuse", "ignore"] = "refuse"
    # What becomes of a payload of which an event cannot be made, where invalid ones are ignored.
    unreadable: Literal["keep", "report"] = "keep"
    # Without any, bodies are change events in canonical form.
    change: Annotated[tuple[MappedChange, ...], Field(strict=False)] = ()

    @property
    def form(self) -> json_codec.Form:
        """What a body may hold: a mapping picks a few values, of canonical events all count."""
        if not self.change:
            return json_codec.EVENTS
        return json_codec.PAYLOAD._replace(takes_halves=self.invalid == "ignore")


def load_sources(folder: Path, object_types: Mapping[str, str] | None = None) -> dict[str, Source]:
    """Return a folder's sources by name, the name of the file; InvalidSource says what is off."""
    return {path.stem: load_source(path, object_types) for path in sorted(folder.glob("*.toml"))}


def load_source(path: Path, object_types: Mapping[str, str] | None = None) -> Source:
    """Return the source of a file; InvalidSource names every mistake in it.

    Names of custom objects are those of `object_types`; if that is not known, any name will do.
    """
    try:
        source = Source.model_validate(
            {"name": path.stem, **tomllib.loads(path.read_text("utf-8"))}
        )
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidSource(path.name, [Fault("", f"is no TOML: {error}")]) from None
    except ValidationError as error:
        raise InvalidSource(path.name, [*_faults(error)]) from None
    if faults := [*_mistakes(source, object_types)]:
        raise InvalidSource(path.name, faults)
    return source


def _faults(error: ValidationError) -> Iterator[Fault]:
    for detail in error.errors(include_url=False, include_context=False, include_input=False):
        steps = detail["loc"]
        if steps[0] == "signature":
            steps = (*steps[:1], *steps[2:])  # pydantic adds the scheme, which is no key.
        message = _MESSAGES.get(detail["type"], detail["msg"].removeprefix("Value error, "))
        yield Fault("".join(f"/{step}" for step in steps), message)


def _mistakes(source: Source, object_types: Mapping[str, str] | None) -> Iterator[Fault]:
    for place, change in enumerate(source.change):
        types = (
            {change.object_type.strip().lower(): "2-1"} if object_types is None else object_types
        )
        for pointer, message in mistakes(change, Rules(types, source.properties_allowed)):
            yield Fault(f"/change/{place}{pointer}", message)
