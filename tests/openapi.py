"""The checked-in description of the HTTP interface, and whether an answer is as it promises."""

import json
from functools import cache
from pathlib import Path

from jsonschema import Draft202012Validator

DOCUMENT = Path(__file__).parents[1] / "docs" / "openapi.json"


@cache
def described():
    return json.loads(DOCUMENT.read_bytes())


def operation(method):
    return described()["paths"]["/webhooks/{source}"][method]


@cache
def validator(schema):
    """A validator of a schema, given as JSON; references are to the document."""
    whole = json.loads(schema) | {"components": described()["components"]}
    return Draft202012Validator(whole)


def mistakes(value, schema):
    return [error.message for error in validator(json.dumps(schema)).iter_errors(value)]


def broken_promises(method, status, headers, body):
    """Say how an answer differs from what the document says of this method and status.

    Methods that are not described are promised a 404 or a 405.
    """
    described = method.lower() if method in ("OPTIONS", "HEAD") else "post"
    responses = operation(described)["responses"]
    if str(status) not in responses:
        return [f"{method} is never answered {status}"]
    response = responses[str(status)]
    required = {name for name, each in response.get("headers", {}).items() if "required" in each}
    lacking = [f"no {name}" for name in sorted(required - set(headers))]
    if "content" not in response:
        return lacking if body is None else [*lacking, "a body"]
    media = headers["Content-Type"]
    if media not in response["content"]:
        return [*lacking, f"{status} is no {media}"]
    return lacking + mistakes(body, response["content"][media]["schema"])
