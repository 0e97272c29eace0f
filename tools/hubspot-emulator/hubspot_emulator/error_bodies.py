"""HubSpot's sentences and error bodies, word for word where they are known.

Each function says where its words come from. Documented: HubSpot's documentation or published
schema. Observed: captured by someone from a real portal. Assumed: ours, the real words are unknown.
"""

import json
from collections.abc import Iterable, Sequence

from hubspot_emulator.http_messages import Body, Refusal, iso
from hubspot_emulator.portal import ObjectType, Portal
from hubspot_emulator.property_values import Flaw
from hubspot_emulator.switches import Switches

INPUT_CLASS = "com.hubspot.inbounddb.publicobject.core.v2.SimplePublicObjectBatchInput$Json"
SCOPES_LINK = "https://developers.hubspot.com/scopes"
SECONDS_PER_DAY = 86_400


def error(message: str, category: str | None = None, **more: object) -> Body:
    """Observed: `category` is missing from some bodies, such as those about unreadable JSON."""
    body = {"status": "error", "message": message, **more}
    return body if category is None else {**body, "category": category}


def validation(message: str, **more: object) -> Refusal:
    return Refusal(400, error(message, "VALIDATION_ERROR", **more))


# The request as a whole


def unreadable(line: int, column: int, reason: str) -> Refusal:
    """Observed, for an array in the place of an input."""
    return Refusal(400, error(f"Invalid input JSON on line {line}, column {column}: {reason}"))


def wrong_token(found: str, java_type: str = INPUT_CLASS) -> str:
    token = {"Array": "START_ARRAY", "Object": "START_OBJECT"}.get(found, f"VALUE_{found.upper()}")
    return (
        f"Cannot deserialize value of type `{java_type}` from {found} value"
        f" (token `JsonToken.{token}`)"
    )


def missing_field(line: int, column: int, name: str, switches: Switches) -> Refusal:
    """Observed on other HubSpot APIs; that a batch answers so is assumed."""
    if switches.missing_field_text == "other":
        return validation(f"Required field '{name}' is missing")
    where = f"Invalid input JSON on line {line}, column {column}."
    return validation(f"{where} Some required fields were not set: [{name}]")


def too_many(limit: int, switches: Switches, subject: str = "") -> Refusal:
    """Observed for property histories; the text for other batches is assumed to be its sibling."""
    if switches.over_limit_text == "other" and not subject:
        return validation(f"A batch request may have at most {limit} inputs")
    return validation(
        f"The maximum number of inputs supported in a batch request{subject} is {limit}."
        " Please reduce the number of items and try again"
    )


def duplicates(ids: Sequence[str]) -> Refusal:
    """Observed."""
    message = f"Duplicate IDs found in batch input: [{', '.join(ids)}]. IDs must be unique"
    return validation(message, context={"ids": list(ids)})


def not_unique(kind: ObjectType, name: str, portal: Portal) -> Refusal:
    """Observed, in the newer form, which names the portal."""
    return validation(
        f"Unable to perform update/upsert by non-unique {kind.type_id} property {name}"
        f" in portal ID {portal.portal_id}"
    )


def mixed_id_properties() -> Refusal:
    """Assumed."""
    return validation("All inputs of a batch must have the same idProperty")


def no_such_type(name: str) -> Refusal:
    """Observed: without a category."""
    return Refusal(400, error(f"Unable to infer object type from: {name}"))


def read_only_type(kind: ObjectType) -> Refusal:
    """Assumed: what a write to a type that became read-only gets is unknown."""
    return Refusal(405, error(f"Objects of type {kind.name} cannot be written"))


def nothing_here(path: str) -> Refusal:
    """Observed: some 404s have no category; the text is assumed."""
    return Refusal(404, error(f"No endpoint at {path}"))


def wrong_method(method: str) -> Refusal:
    """Assumed."""
    return Refusal(405, error(f"HTTP {method} is not allowed here"))


def no_such_property(kind: ObjectType, name: str) -> Refusal:
    """Observed: 404 with this category; the text is assumed."""
    message = f"Property {name} does not exist for object type {kind.type_id}"
    return Refusal(404, error(message, "OBJECT_NOT_FOUND"))


# Records


def not_found(kind: ObjectType) -> str:
    """Observed: one entry for all missing ids, the type in upper case."""
    return (
        f"Could not get some {kind.singular.upper()} objects, they may be deleted or not exist."
        " Check that ids are valid."
    )


def missing_keys(status: int, kind: ObjectType, keys: Sequence[tuple[str | None, str]]) -> Refusal:
    """Observed: the whole batch is refused; the form of each key is inferred."""
    named = [f"{kind.type_id}:{name}:{value}" for name, value in keys]
    context = {"missingObjectPropertyValueCoordinates": named}
    category = "OBJECT_NOT_FOUND" if status == 404 else "VALIDATION_ERROR"  # noqa: PLR2004
    return Refusal(status, error(not_found(kind), category, context=context))


def missing_ids(kind: ObjectType, ids: Sequence[str]) -> Refusal:
    """Assumed, for an archive that minds missing ids."""
    return Refusal(404, error(not_found(kind), "OBJECT_NOT_FOUND", context={"ids": list(ids)}))


def exists(kind: ObjectType, record_id: str | None) -> str:
    """Observed: the id is named for one input, and left out where a batch is refused whole."""
    sentence = f"{kind.singular.replace('_', ' ').capitalize()} already exists"
    return sentence if record_id is None else f"{sentence}. Existing ID: {record_id}"


def taken(portal: Portal, kind: ObjectType, name: str, value: str, owner: str) -> Flaw:
    """Observed, by weak evidence: the code; the text is assumed."""
    message = (
        f"Cannot set PropertyValueCoordinates{{portalId={portal.portal_id},"
        f" objectTypeId={kind.type_id}, propertyName={name}, value={value}}}."
        f" {owner} already has that value."
    )
    return Flaw("CONFLICTING_UNIQUE_VALUE", message, name)


def taken_refusal(
    form: str,
    portal: Portal,
    kind: ObjectType,
    taken: tuple[str, str],
    *,
    written_to: str | None,
    owner: str,
) -> Refusal:
    """Observed: three forms of a batch refused for a value that another record has.

    `taken` is the property and the value; `written_to` is the id of the record that was to have it,
    if it is there, and `owner` that of the record which has it.
    """
    name, _ = taken
    text = taken_text(portal, kind, taken, written_to=written_to, owner=owner)
    if form == "coordinates":
        return validation(text)
    if form == "tokens":
        tokens = {"propertyName": [name], "existingObjectId": [int(owner)]}
        more = {"errorType": "UNIQUE_VALUE_CONFLICT", "errorTokens": tokens}
        return validation("A record with that value exists already", **more)
    message = exists(kind, owner)
    return Refusal(
        409,
        error(message, "OBJECT_ALREADY_EXISTS", errors=[{"message": message, "in": name}]),
    )


def taken_text(
    portal: Portal, kind: ObjectType, taken: tuple[str, str], *, written_to: str | None, owner: str
) -> str:
    name, value = taken
    on = "" if written_to is None else f" on {written_to}"
    return (
        f"Cannot set PropertyValueCoordinates{{portalId={portal.portal_id},"
        f" objectTypeId={kind.type_id}, propertyName={name}, value={value}}}{on}."
        f" {owner} already has that value."
    )


def conflict(kind: ObjectType, record_id: str | None = None) -> Refusal:
    return Refusal(409, error(exists(kind, record_id), "CONFLICT"))


# Values


def values_entry(flaws: Sequence[Flaw], portal: Portal, switches: Switches) -> str:
    """Documented: what one input of a partial answer is told, with the portal's id."""
    listed = [_judgement(flaw, switches) | _local(flaw, portal) for flaw in flaws]
    return f"Property values were not valid: {_json(listed)}"


def values_refusal(flaws: Sequence[Flaw], switches: Switches) -> Refusal:
    """Observed: nothing in it says which input is meant."""
    listed = [_judgement(flaw, switches) for flaw in flaws]
    fewer = switches.value_error_shape == "fewer errors" and len(flaws) > 1
    named = flaws[:-1] if fewer else flaws
    return validation(f"Property values were not valid: {_json(listed)}", errors=details(named))


def details(flaws: Iterable[Flaw]) -> list[Body]:
    return [
        {"message": flaw.message, "code": flaw.code, "context": {"propertyName": [flaw.name]}}
        for flaw in flaws
    ]


def required_refusal(flaws: Sequence[Flaw]) -> Refusal:
    """Documented, for `/2026-09/` paths; the conditional form has neither status nor message."""
    body: dict[str, object] = {"category": "VALIDATION_ERROR", "errors": details(flaws)}
    if flaws[0].code == "MISSING_REQUIRED_PROPERTY":
        body |= {"status": "error", "message": "The property values provided are invalid"}
    return Refusal(400, body, correlated=False)


def required(name: str) -> Flaw:
    return Flaw("MISSING_REQUIRED_PROPERTY", f"A value for {name} must be provided", name)


def required_when(name: str, other: str) -> Flaw:
    message = f"{name} is required because of a conditional property rule based on [{other}]"
    return Flaw("MISSING_CONDITIONAL_REQUIRED_PROPERTY", message, name)


def normalised(name: str, raw: str, value: str) -> Body:
    """Observed, by weak evidence."""
    context = {"normalizedValue": value, "propertyName": name, "rawValue": raw}
    message = f"{name} was normalized"
    return {"category": "PROPERTY_VALUE_NORMALIZED", "context": context, "message": message}


def no_association_permission() -> Refusal:
    """Documented, for `/2026-09/` paths and tokens of users."""
    message = "Missing 'Edit Associations' permission."
    return Refusal(400, error(message, "VALIDATION_ERROR"), correlated=False)


# Authentication and limits


def no_credentials() -> Refusal:
    """Observed: message and category; the rest is assumed."""
    message = (
        "Authentication credentials not found. This API supports OAuth 2.0 authentication and you"
        " can find more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview"
    )
    return Refusal(401, error(message, "INVALID_AUTHENTICATION"))


def expired_token(expired_at: float, now: float) -> Refusal:
    """Observed: an unreadable token is told that it expired in 1970."""
    seconds = max(0, int(now - expired_at))
    days = seconds // SECONDS_PER_DAY
    ago = f"{days} day(s)" if days else f"{seconds} second(s)"
    message = f"The OAuth token used to make this call expired {ago} ago."
    context = {"expire time": [iso(expired_at)]}
    return Refusal(401, error(message, "EXPIRED_AUTHENTICATION", context=context))


def missing_scopes(scopes: Sequence[str]) -> Refusal:
    """Documented."""
    message = (
        "This app hasn't been granted all required scopes to make this call."
        f" Read more about required scopes here: {SCOPES_LINK}."
    )
    missing = {
        "message": "One or more of the following scopes are required.",
        "context": {"requiredGranularScopes": list(scopes)},
    }
    links = {"scopes": SCOPES_LINK}
    return Refusal(403, error(message, "MISSING_SCOPES", errors=[missing], links=links))


def throttled(policy: str, switches: Switches, request_id: str) -> Refusal:
    """Observed for ten seconds, documented for the day."""
    body: dict[str, object] = {
        "status": "error",
        "message": f"You have reached your {policy.lower()} limit.",
        "errorType": "RATE_LIMIT",
        "policyName": policy,
    }
    if policy == "DAILY":
        body["requestId"] = request_id
    else:
        body["groupName"] = "publicapi:hapikey-api-calls-ten-secondly:1234567"
    if switches.rate_429_category == "RATE_LIMITS":
        body["category"] = "RATE_LIMITS"
    return Refusal(429, body)


def bad_refresh_token(switches: Switches) -> Refusal:
    """Observed, by weak evidence: the status; the message is assumed."""
    message = "missing or unknown refresh token"
    if switches.bad_refresh_token_body == "other":  # noqa: S105 - a setting, not a secret
        return Refusal(400, {"error": "invalid_grant", "error_description": message})
    return Refusal(400, {"status": "BAD_REFRESH_TOKEN", "message": message})


# Faults


def unnamed() -> Refusal:
    """Assumed: a whole batch is refused, and nothing says which input is meant."""
    return validation("Invalid input (details will vary based on the error)")


def locked() -> Refusal:
    """Documented: 423 while a large upsert holds the records, for 2 s; the text is assumed."""
    return Refusal(423, error("The resource is locked, try again later", "LOCKED"))


def migrating(seconds: float) -> Refusal:
    """Documented: 477 while an account migrates, `Retry-After` in seconds; the text is assumed."""
    headers = {"Retry-After": str(round(seconds))}
    return Refusal(477, error("The account is being migrated", "MIGRATION"), headers=headers)


def _judgement(flaw: Flaw, switches: Switches) -> dict[str, object]:
    judgement = {"isValid": False, "message": flaw.message, "error": flaw.code, "name": flaw.name}
    if switches.value_error_shape == "no name" and flaw.code == "INVALID_OPTION":
        del judgement["name"]  # Observed: sometimes missing, for this code only.
    return judgement


def _local(flaw: Flaw, portal: Portal) -> dict[str, object]:
    return {"localizedErrorMessage": flaw.message, "portalId": portal.portal_id}


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
