"""The HTTP interface as an OpenAPI 3.1 document, made of the models, limits and errors of the code.

`make format` writes it to docs/openapi.json; a test compares.
"""

import json
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from hubsync.core.limits import BODY_BYTES_MAX
from hubsync.core.payloads.cloud_events import BATCH, STRUCTURED
from hubsync.core.signatures.schemes import SCHEMES
from hubsync.errors import NotEnqueued, Refusal
from hubsync_checks.openapi_schemas import Tree, array_of, ref, schemas

EVENTS: Final = Path(__file__).parents[2] / "events"
PROBLEM: Final = "application/problem+json"
STATUSES: Final = {
    400: "Not JSON, or JSON beyond the limits.",
    401: "The signature is missing, wrong, too old or from the future: one answer for all.",
    404: "There is no such source.",
    405: "Only POST and OPTIONS are answered.",
    413: f"The body has more than {BODY_BYTES_MAX} bytes.",
    415: "The content type is not JSON in UTF-8, or the body is compressed.",
    422: "JSON, but an event is invalid. Nothing was accepted; each fault is named.",
    503: "The queue did not confirm every event. Sending again is safe.",
}


def text() -> str:
    """Return the document as it is checked in."""
    return json.dumps(document(), indent=2) + "\n"


def document() -> Tree:
    """Return the whole document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "hubsync",
            "version": version("hubsync"),
            "summary": "Change events in, HubSpot records kept in step.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [
            {
                "url": "https://{api}.execute-api.{region}.amazonaws.com",
                "variables": {"api": {"default": "abcdefghij"}, "region": {"default": "us-east-1"}},
            }
        ],
        "paths": {"/webhooks/{source}": {**_source(), **_methods()}},
        "components": {"schemas": schemas(), "securitySchemes": dict(_signatures())},
    }


def _source() -> Tree:
    name = {"name": "source", "in": "path", "required": True, "schema": {"type": "string"}}
    return {"parameters": [name | {"description": "An upstream system, by its file's name."}]}


def _methods() -> Tree:
    return {"post": _post(), "options": _options(), "head": _head()}


def _head() -> Tree:
    return {
        "operationId": "askPresence",
        "summary": "Whether there is such a source. No signature is asked for.",
        "security": [],
        "responses": {
            "200": {"description": "There is."},
            "404": _problem(404),
        },
    }


def _post() -> Tree:
    return {
        "operationId": "postWebhook",
        "summary": "Take in change events, all or none.",
        "description": "How a request is signed, and what its body means, is the source's to say.",
        "security": [{name: []} for name, _ in _signatures()],
        "parameters": [
            _attribute(name) for name in ("specversion", "id", "source", "type", "time")
        ],
        "requestBody": {"required": True, "content": _bodies()},
        "responses": {
            "200": _json(
                "Slack's `url_verification`, answered; or the ping that the source names.",
                "Challenge",
                "Accepted",
            ),
            "202": _json("Every event is in the queue, or the source ignores this.", "Accepted"),
            **{str(status): _problem(status) for status in sorted(_statuses())},
            "429": _of_gateway("Too many requests."),
            "500": _of_gateway("The function failed. Sending again is safe."),
        },
    }


def _attribute(name: str) -> Tree:
    return {
        "name": f"ce-{name}",
        "in": "header",
        "description": "An attribute of a CloudEvent in binary mode, percent-encoded.",
        "schema": {"type": "string"},
    }


def _options() -> Tree:
    origin = {
        "name": "WebHook-Request-Origin",
        "in": "header",
        "description": "Who asks. Without it, no permission is given.",
        "schema": {"type": "string"},
    }
    granted = {
        "Allow": {"required": True, "schema": {"const": "POST"}},
        "WebHook-Allowed-Origin": {"schema": {"const": "*"}},
        "WebHook-Allowed-Rate": {
            "description": "Requests per minute, of all senders together.",
            "schema": {"type": "string", "pattern": "^[1-9][0-9]*$"},
        },
    }
    return {
        "operationId": "askPermission",
        "summary": "The handshake of CloudEvents' web hooks. No signature is asked for.",
        "description": "`WebHook-Request-Callback` is never called.",
        "security": [],
        "parameters": [origin],
        "responses": {
            "200": {
                "description": "Permission, if it was asked for.",
                "headers": granted,
            },
            "404": _problem(404),
        },
    }


def _bodies() -> Tree:
    one, many = _example("webhook-one-event"), _example("webhook-array-of-events")
    data = {name: value for name, value in one.items() if name not in ("eventId", "occurredAt")}
    envelope = {
        "specversion": "1.0",
        "id": one["eventId"],
        "source": "/customers",
        "type": "com.example.customer.changed",
        "time": one["occurredAt"],
        "data": data,
    }
    canonical = [ref("ChangeEvent"), array_of("ChangeEvent"), ref("Payload")]
    return {
        "application/json": {
            "schema": {"anyOf": canonical},
            "examples": {"one": {"value": one}, "several": {"value": many}},
        },
        STRUCTURED: {"schema": ref("CloudEvent"), "example": envelope},
        BATCH: {"schema": array_of("CloudEvent"), "example": [envelope]},
    }


def _example(name: str) -> Any:  # noqa: ANN401 - any JSON
    return json.loads(json.loads((EVENTS / f"{name}.json").read_text("utf-8"))["body"])


def _problem(status: int) -> Tree:
    kind = "InvalidEvents" if status == 422 else "Problem"  # noqa: PLR2004 - HTTP's own
    answer: Tree = {
        "description": STATUSES[status],
        "content": {PROBLEM: {"schema": ref(kind)}},
    }
    if status == 405:  # noqa: PLR2004
        answer["headers"] = {"Allow": {"required": True, "schema": {"const": "POST"}}}
    if status == 503:  # noqa: PLR2004
        answer["headers"] = {"Retry-After": {"required": True, "schema": {"type": "integer"}}}
    return answer


def _json(description: str, *kinds: str) -> Tree:
    some = [ref(kind) for kind in kinds]
    schema = {"anyOf": some} if len(some) > 1 else some[0]
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _of_gateway(description: str) -> Tree:
    said = {"type": "object", "properties": {"message": {"type": "string"}}}
    content = {"application/json": {"schema": said}}
    return {"description": f"Of API Gateway itself. {description}", "content": content}


def _statuses() -> set[int]:
    """Return every status that the errors of the code carry."""

    def below(kind: type[Refusal]) -> Iterator[type[Refusal]]:
        for refusal in kind.__subclasses__():
            yield refusal
            yield from below(refusal)

    return {refusal.status.value for refusal in below(Refusal)} | {NotEnqueued.status.value}


def _signatures() -> Iterator[tuple[str, Tree]]:
    for name, scheme in SCHEMES.items():
        beside = [header for header in (scheme.id_header, scheme.timestamp_header) if header]
        yield (
            name,
            {
                "type": "apiKey",
                "in": "header",
                "name": scheme.header,
                "description": f"HMAC-{scheme.algorithm.upper()} in {scheme.encoding} of "
                f"`{scheme.signed}`" + "".join(f", with `{header}` beside it" for header in beside),
            },
        )
    yield (
        "token",
        {
            "type": "apiKey",
            "in": "header",
            "name": "authorization",
            "description": "Of a source with the scheme `token`, which may name another header.",
        },
    )
    description = "Of a source with the scheme `hmac`, which names its own header."
    yield (
        "hmac",
        {"type": "apiKey", "in": "header", "name": "x-signature", "description": description},
    )


if __name__ == "__main__":
    sys.stdout.write(text())
