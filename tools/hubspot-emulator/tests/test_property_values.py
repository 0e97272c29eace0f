"""Which property values the emulator takes, and what it says of the others."""

import pytest

from hubspot_emulator import DEFAULT, Switches
from hubspot_emulator.property_values import Flaw, normalised_date, rules

STANDARD = Switches()


def judged(name, value, *, object_type="contacts", switches=STANDARD):
    check = rules(DEFAULT.types[object_type], switches).checks[name]
    return value if check is None else check(value)


@pytest.mark.parametrize(
    ("name", "value", "stored"),
    [
        ("firstname", " Ada\n", " Ada\n"),
        ("phone", "+44 (0) 20", "+44 (0) 20"),
        ("email", " Ada@Example.com ", "ada@example.com"),
        ("newsletter", "true", "true"),
        ("seats", "12", "12"),
        ("seats", "-1.50", "-1.50"),
        ("seats", "1e3", "1e3"),
        ("interests", "chess;maths", "chess;maths"),
        ("interests", ";music", ";music"),
        ("plan", "team", "team"),
        ("birthday", "1815-12-10", "1815-12-10"),
        ("birthday", "1579132800000", "2020-01-16"),
        ("birthday", "-86400000", "1969-12-31"),
        ("signed_up_at", "2026-03-31T10:00:00Z", "2026-03-31T10:00:00Z"),
        ("birthday", "-62135596800000", "0001-01-01"),
        ("signed_up_at", "1579179660123", "2020-01-16T13:01:00.123Z"),
        ("signed_up_at", "-62135596800000", "0001-01-01T00:00:00.000Z"),
        ("initials", "ÄB", "ÄB"),
        *((name, "", "") for name in ("email", "seats", "interests", "birthday", "newsletter")),
    ],
)
def test_a_good_value_is_stored(name, value, stored):
    assert judged(name, value) == stored


@pytest.mark.parametrize(
    ("name", "value", "code", "message"),
    [
        ("email", "x@y", "INVALID_EMAIL", "Email address x@y is invalid"),
        ("email", "x y@example.com", "INVALID_EMAIL", "Email address x y@example.com is invalid"),
        (
            "email",
            "x@example..com",
            "INVALID_EMAIL",
            "Email address x@example..com is invalid",
        ),
        ("discount", "ten", "INVALID_INTEGER", "discount was not a valid number"),
        ("discount", "NaN", "INVALID_INTEGER", "discount was not a valid number"),
        ("discount", "1/1/1", "INVALID_LONG", "1/1/1 was not a valid long."),
        ("birthday", "tomorrow", "INVALID_LONG", "tomorrow was not a valid long."),
        ("signed_up_at", "1/1/1", "INVALID_LONG", "1/1/1 was not a valid long."),
        *(
            ("signed_up_at", value, "INVALID_LONG", f"{value} was not a valid long.")
            for value in ("1_000", " 5 ", "٣", "0001-01-01T00:00:00+14:00")
        ),
        ("birthday", "٣", "INVALID_LONG", "٣ was not a valid long."),
        ("seats", "٣", "INVALID_INTEGER", "seats was not a valid number"),
        (
            "birthday",
            "1579179660000",
            "INVALID_DATE",
            "1579179660000 is at 13:1:0.0 UTC, not midnight!",
        ),
        ("plan", "gold", "INVALID_OPTION", None),
        ("interests", "chess;go", "INVALID_OPTION", None),
        ("newsletter", "yes", "INVALID_OPTION", None),
        ("initials", "A1", "INVALID_ALPHA", "Enter only letters"),
        (
            "num_associated_deals",
            "1",
            "READ_ONLY_VALUE",
            '"num_associated_deals" is a read only property; its value cannot be set.',
        ),
        (
            "hs_object_id",
            "1",
            "READ_ONLY_VALUE",
            '"hs_object_id" is a read only property; its value cannot be set.',
        ),
    ],
)
def test_a_bad_value_is_named(name, value, code, message):
    flaw = judged(name, value)
    assert isinstance(flaw, Flaw)
    assert flaw.code == code
    assert message is None or flaw.message == message


def test_options_are_listed():
    short = judged("plan", "gold")
    long = judged("plan", "gold", switches=Switches(option_list_style="long"))
    assert short.message == "gold was not one of the allowed options: [free, team, business]"
    assert long.message.startswith(
        'gold was not one of the allowed options: [label: "free"\nvalue: "free"\n'
        'display_order: 0\nhidden: false\nread_only: false\n, label: "team"\n'
    )


def test_a_pipeline_stage_is_told_with_its_pipeline():
    flaw = judged("dealstage", "registered", object_type="deals")
    assert flaw == Flaw(
        "INVALID_OPTION",
        "registered is not a valid pipeline stage ID. Valid options are: pipelineId=default :"
        " [appointmentscheduled, qualifiedtobuy, contractsent, closedwon, closedlost]",
    )


def test_a_calculated_property_is_told_as_such_where_that_is_known():
    long = judged("days_to_close", "1", switches=Switches(read_only_text="long"))
    assert long.message == '"days_to_close" is a calculated property; its value cannot be set.'


@pytest.mark.parametrize("code", ["INVALID_DECIMAL", "INVALID_NUMBER"])
def test_the_code_of_a_bad_number_is_a_switch(code):
    switches = Switches(number_error_code=code)
    assert judged("seats", "1/1/1", switches=switches).code == code


@pytest.mark.parametrize(
    ("switches", "current", "value", "stored"),
    [
        (STANDARD, "chess;maths", ";maths;music", "chess;maths;music"),
        (STANDARD, "chess", "music", "music"),
        (STANDARD, "", ";music", "music"),
        (Switches(append_semantics="concatenation"), "chess", ";chess", "chess;chess"),
    ],
)
def test_a_leading_semicolon_appends(switches, current, value, stored):
    merge = rules(DEFAULT.types["contacts"], switches).merges["interests"]
    assert merge(current, value) == stored


@pytest.mark.parametrize(
    ("current", "value", "stored"),
    [
        ("lead", "customer", "customer"),
        ("customer", "lead", "customer"),
        ("customer", "", ""),
        ("a stage that was deleted", "lead", "lead"),
    ],
)
def test_a_lifecycle_stage_only_moves_forward(current, value, stored):
    merge = rules(DEFAULT.types["contacts"], STANDARD).merges["lifecyclestage"]
    assert merge(current, value) == stored


@pytest.mark.parametrize(
    ("given", "day"),
    [
        ("1990-01-05T13:00:00Z", "1990-01-05"),
        ("1990-01-05T23:30:00-02:00", "1990-01-06"),
        ("631540800", "1990-01-05"),
        ("631540800000", "1990-01-05"),
        ("1579179660000", "2020-01-16"),
        ("1990-01-05", "1990-01-05"),
        ("soon", "soon"),
        ("-", "-"),
        ("", ""),
    ],
)
def test_2026_09_makes_a_day_of_any_moment(given, day):
    assert normalised_date(given) == day
