"""The environment, read once, as frozen models. A mistake names every setting that is wrong."""

from collections.abc import Mapping
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from hubsync.core.object_types import DEFAULT, canonical_type
from hubsync.errors import Misconfigured

LIMIT_DEFAULT = 100.0  # Documented: the smallest of HubSpot's burst limits.


def _from_json(value: object) -> object:
    return from_json(value) if isinstance(value, str) else value


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"{name!r} is no time zone, such as Europe/Berlin") from None
    return name


def _object_types(types: dict[str, str]) -> dict[str, str]:
    """Return type ids by the name as events spell it once they are canonical."""
    found: dict[str, str] = {}
    for name, type_id in types.items():
        if canonical_type(type_id, {}) != type_id:
            raise ValueError(f"{type_id!r} is no type id, such as 2-123")
        if found.setdefault(name.strip().lower(), type_id) != type_id:
            raise ValueError(f"{name!r} is named twice")
    return found


type ObjectTypes = Annotated[
    dict[str, str], BeforeValidator(_from_json), AfterValidator(_object_types)
]
type Limit = Annotated[float, Field(gt=0)]
type Version = Annotated[str, Field(pattern=r"^(v3|\d{4}-\d{2}(-beta)?)$")]


class Settings(BaseModel):
    """What all functions share."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    object_types: Annotated[ObjectTypes, Field(alias="HUBSPOT_OBJECT_TYPES")] = {}


class IngestSettings(Settings):
    change_queue_url: Annotated[str, Field(alias="CHANGE_QUEUE_URL", min_length=1)]
    secrets_prefix: Annotated[str, Field(alias="WEBHOOK_SECRETS_PREFIX")]
    requests_per_second: Annotated[int, Field(alias="WEBHOOK_REQUESTS_PER_SECOND", gt=0)] = (
        500  # As the template's.
    )


class PathSettings(Settings):
    """What decides which path of HubSpot's a call has."""

    api_versions: Annotated[
        dict[str, Version], BeforeValidator(_from_json), Field(alias="HUBSPOT_API_VERSIONS")
    ] = {DEFAULT: "2026-03"}


class WriterSettings(PathSettings):
    """What every function that writes to HubSpot needs."""

    state_table: Annotated[str, Field(alias="STATE_TABLE", min_length=1)]
    base_url: Annotated[str, Field(alias="HUBSPOT_BASE_URL")] = "https://api.hubapi.com"
    token_secrets: Annotated[
        dict[str, str], BeforeValidator(_from_json), Field(alias="HUBSPOT_TOKEN_SECRETS")
    ]
    requests_per_10_seconds: Annotated[
        Limit | dict[str, Limit],
        BeforeValidator(_from_json),
        Field(alias="HUBSPOT_REQUESTS_PER_10_SECONDS"),
    ] = LIMIT_DEFAULT
    late_write_seconds: Annotated[
        float, Field(alias="HUBSPOT_LATE_WRITE_SECONDS", ge=0, le=3600)
    ] = 300
    not_found_retry_seconds: Annotated[float, Field(alias="NOT_FOUND_RETRY_SECONDS", ge=0)] = 600
    time_zone: Annotated[str, AfterValidator(_time_zone), Field(alias="HUBSPOT_TIME_ZONE")] = "UTC"


def limit_of(settings: WriterSettings, account: str) -> float:
    """Return an account's limit of calls in ten seconds; where none is named, the smallest."""
    limits = settings.requests_per_10_seconds
    return limits.get(account, LIMIT_DEFAULT) if isinstance(limits, dict) else limits


class ConsumerSettings(WriterSettings):
    change_queue_url: Annotated[str, Field(alias="CHANGE_QUEUE_URL", min_length=1)]
    dead_letter_queue_url: Annotated[str, Field(alias="DEAD_LETTER_QUEUE_URL", min_length=1)]


def load[S: Settings](model: type[S], environment: Mapping[str, str]) -> S:
    """Return the settings; Misconfigured names every one that is missing or wrong."""
    try:
        return model.model_validate(dict(environment))
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise Misconfigured("; ".join(faults)) from None


def versions_by_type(settings: PathSettings) -> dict[str, str]:
    """Return the API version by type id, with the default; two names of one type are an error."""
    found: dict[str, Any] = {DEFAULT: "2026-03"}
    for name, version in settings.api_versions.items():
        type_id = DEFAULT if name == DEFAULT else canonical_type(name, settings.object_types)
        if type_id is None:
            raise Misconfigured(f"HUBSPOT_API_VERSIONS: {name!r} is no object type known here")
        if type_id != DEFAULT and type_id in found:
            raise Misconfigured(f"HUBSPOT_API_VERSIONS: {name!r} is named twice, as {type_id}")
        found[type_id] = version
    return found
