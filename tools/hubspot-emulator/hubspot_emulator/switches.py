"""Everything about HubSpot that nobody outside knows for sure: one switch each.

The first setting of a switch is its default, mostly the one that is harder on a client. A client
that survives every setting need not know which of them is true. README.md says how
confident each default is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, Self, cast, get_args


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    # The request as a whole
    over_limit_text: Literal["sibling", "other"] = "sibling"
    missing_field_text: Literal["some required fields", "other"] = "some required fields"
    null_value: Literal["400", "clears", "ignored"] = "400"
    numeric_value: Literal["text", "400"] = "text"
    upsert_without_id_property: Literal["400", "record id"] = "400"
    mixed_id_property: Literal["accepted", "400"] = "accepted"
    email_case_duplicates: Literal["400", "one record"] = "400"
    upsert_duplicate_key: Literal["id", "record"] = "id"
    trace_ids_duplicated_or_partial: Literal["as if none", "207"] = "as if none"
    contracts_writes: Literal["on", "off"] = "on"

    # Upsert and create
    upsert_conflict_with_trace_ids: Literal["409", "207"] = "409"
    conflict_existing_id_context: Literal["absent", "present"] = "absent"
    email_taken_on_write: Literal["CONFLICT", "CONFLICTING_UNIQUE_VALUE"] = "CONFLICT"
    taken_value_form: Literal["judgement", "item", "coordinates", "tokens", "in", "mixed"] = (
        "judgement"
    )
    email_upsert_omitted_properties: Literal["kept", "reset"] = "kept"
    upsert_by_additional_email_shows: Literal["primary", "sent"] = "primary"
    upsert_shows_id_property: Literal["always", "only if sent"] = "always"
    upsert_without_properties: Literal["taken", "400"] = "taken"

    # Update and archive
    update_by_email: Literal["400", "accepted"] = "400"
    update_email_as_plain_id: Literal["not found", "empty 2xx"] = "not found"
    update_bad_value_with_trace_ids: Literal["207", "400"] = "207"
    update_not_found_with_trace_ids: Literal["ids and trace ids", "ids"] = "ids and trace ids"
    update_key_not_found: Literal["207", "400", "404"] = "207"
    update_all_ids_missing: Literal["aggregated error", "no errors"] = "aggregated error"
    merged_away_id_on_update: Literal["left out", "not found", "survivor"] = "left out"
    archive_missing_id: Literal["204", "error"] = "204"
    archive_merged_away_id: Literal["nothing", "survivor"] = "nothing"
    read_by_key_lags: Literal["no", "2 s"] = "no"

    # Values and their errors
    number_error_code: Literal["INVALID_INTEGER", "INVALID_DECIMAL", "INVALID_NUMBER"] = (
        "INVALID_INTEGER"  # INVALID_LONG where the value looks like a date
    )
    read_only_text: Literal["short", "long"] = "short"
    option_list_style: Literal["short", "long"] = "short"
    value_error_shape: Literal["full", "no name", "fewer errors"] = "full"
    date_normalisation_2026_09: Literal["on", "off"] = "on"
    append_semantics: Literal["set union", "concatenation"] = "set union"

    # The answer
    trace_id_in_results: Literal["absent", "echoed"] = "absent"
    success_code: Literal["per operation", "200"] = "per operation"
    partial_code_2026_09: Literal["207", "200"] = "207"
    correlation_id_header: Literal["present", "absent"] = "present"
    email_has_unique_flag: Literal["false", "true"] = "false"

    # Rate limit and authentication
    retry_after_on_429: Literal["absent", "seconds"] = "absent"
    rate_429_category: Literal["absent", "RATE_LIMITS"] = "absent"
    calls_per_batch: Literal["1", "one per input"] = "1"
    bad_refresh_token_body: Literal["BAD_REFRESH_TOKEN", "other"] = "BAD_REFRESH_TOKEN"  # noqa: S105 - a word of an answer, not a secret

    @classmethod
    def from_text(cls, given: Mapping[str, str]) -> Self:
        """Turn switches by name; `ValueError` says which names or settings exist."""
        return cls().turned(given)

    def turned(self, given: Mapping[str, str]) -> Self:
        for name, setting in given.items():
            if name not in SETTINGS:
                msg = f"no switch {name!r}; there are {', '.join(SETTINGS)}"
                raise ValueError(msg)
            if setting not in SETTINGS[name]:
                msg = f"switch {name} has no setting {setting!r}; use {' | '.join(SETTINGS[name])}"
                raise ValueError(msg)
        # The loop above is the check that the types would make.
        return replace(self, **cast("dict[str, Any]", given))


SETTINGS: Mapping[str, tuple[str, ...]] = {
    field.name: get_args(field.type) for field in fields(Switches)
}
STANDARD = Switches()
