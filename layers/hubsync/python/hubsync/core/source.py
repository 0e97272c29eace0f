"""A source: one upstream system, how it signs and what its payloads mean. One TOML file each."""

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hubsync.errors import Misconfigured

# It becomes the message group, where SQS takes letters, digits and punctuation of ASCII alone.
_ACCOUNT = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
_NAME = r"^[a-z0-9][a-z0-9_-]{0,63}$"


class Signature(BaseModel):
    """How requests of a source are signed, and the name of the secret below the stack's."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    scheme: Literal["standard-webhooks"]
    secret: Annotated[str, Field(pattern=r"^webhooks/[A-Za-z0-9/_+=.@-]+$")]
    tolerance_seconds: Annotated[int, Field(gt=0, le=3600)] = 300


class Source(BaseModel):
    """One upstream system. There is no unsigned source."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    name: Annotated[str, Field(pattern=_NAME)]
    account: Annotated[str, Field(pattern=_ACCOUNT)]
    signature: Signature
    properties_allowed: Annotated[frozenset[str] | None, Field(strict=False)] = None


def load_sources(folder: Path) -> dict[str, Source]:
    """Return a folder's sources by name, the name of the file; Misconfigured says what is off."""
    return {path.stem: load_source(path) for path in sorted(folder.glob("*.toml"))}


def load_source(path: Path) -> Source:
    try:
        return Source.model_validate({"name": path.stem, **tomllib.loads(path.read_text("utf-8"))})
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise Misconfigured(f"{path.name}: {error}") from None
