"""The environment, read once, as frozen models. A mistake names every setting that is wrong."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from hubsync.core.object_types import canonical_type
from hubsync.errors import Misconfigured


def parsed(value: object) -> object:
    """Return what a variable's text says in JSON."""
    return from_json(value) if isinstance(value, str) else value


def _object_types(types: dict[str, str]) -> dict[str, str]:
    """Return type ids by the name as events spell it once they are canonical."""
    found: dict[str, str] = {}
    for name, type_id in types.items():
        if canonical_type(type_id, {}) != type_id:
            raise ValueError(f"{type_id!r} is no type id, such as 2-123")
        if found.setdefault(name.strip().lower(), type_id) != type_id:
            raise ValueError(f"{name!r} is named twice")
    return found


type ObjectTypes = Annotated[dict[str, str], BeforeValidator(parsed), AfterValidator(_object_types)]


class Settings(BaseModel, defer_build=True):
    """What all functions share. Its own schema is made when it is first used, which none does."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    object_types: Annotated[ObjectTypes, Field(alias="HUBSPOT_OBJECT_TYPES")] = {}


class IngestSettings(Settings, defer_build=False):
    change_queue_url: Annotated[str, Field(alias="CHANGE_QUEUE_URL", min_length=1)]
    dead_letter_queue_url: Annotated[str, Field(alias="DEAD_LETTER_QUEUE_URL", min_length=1)]
    secrets_prefix: Annotated[str, Field(alias="WEBHOOK_SECRETS_PREFIX")]
    requests_per_second: Annotated[int, Field(alias="WEBHOOK_REQUESTS_PER_SECOND", gt=0)] = (
        500  # As the template's.
    )


def load[S: Settings](model: type[S], environment: Mapping[str, str]) -> S:
    """Return the settings; Misconfigured names every one that is missing or wrong."""
    try:
        return model.model_validate(dict(environment))
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise Misconfigured("; ".join(faults)) from None
