"""The environment of what writes to HubSpot; ingest, where a sender waits, goes without."""

from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field

from hubsync.core.object_types import DEFAULT, canonical_type
from hubsync.errors import Misconfigured
from hubsync.settings import Settings, parsed

LIMIT_DEFAULT = 100.0  # Documented: the smallest of HubSpot's burst limits.


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"{name!r} is no time zone, such as Europe/Berlin") from None
    return name


type Limit = Annotated[float, Field(gt=0)]
type Version = Annotated[str, Field(pattern=r"^(v3|\d{4}-\d{2}(-beta)?)$")]


class PathSettings(Settings, defer_build=True):
    """What decides which path of HubSpot's a call has."""

    api_versions: Annotated[
        dict[str, Version], BeforeValidator(parsed), Field(alias="HUBSPOT_API_VERSIONS")
    ] = Field(default={DEFAULT: "2026-03"})


class WriterSettings(PathSettings, defer_build=False):
    """What every function that writes to HubSpot needs."""

    state_table: Annotated[str, Field(alias="STATE_TABLE", min_length=1)]
    base_url: Annotated[str, Field(alias="HUBSPOT_BASE_URL")] = "https://api.hubapi.com"
    token_secrets: Annotated[
        dict[str, str], BeforeValidator(parsed), Field(alias="HUBSPOT_TOKEN_SECRETS")
    ]
    requests_per_10_seconds: Annotated[
        Limit | dict[str, Limit],
        BeforeValidator(parsed),
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
