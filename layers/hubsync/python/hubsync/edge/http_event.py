"""API Gateway's events, payload format 2.0: whether something is one."""

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel


class _Model(BaseModel):
    # What stands within an event needs no schema of its own: it is part of the event's.
    model_config = ConfigDict(strict=True, alias_generator=to_camel, defer_build=True)


class _Http(_Model):
    method: str


class _Context(_Model):
    http: _Http
    request_id: str
    stage: str
    domain_name: str | None = None


class _Event(_Model, defer_build=False):
    """What is read of an event. Documented: what has nothing to say may be missing."""

    raw_path: str
    raw_query_string: str | None = None
    headers: dict[str, str] | None = None
    body: str | None = None
    is_base64_encoded: bool | None = Field(default=None, alias="isBase64Encoded")
    request_context: _Context


def is_request(event: object) -> bool:
    """Whether a function was invoked with an HTTP request, and not by hand with something else."""
    try:
        _Event.model_validate(event)
    except ValidationError:
        return False
    return True
