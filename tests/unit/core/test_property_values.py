from decimal import Decimal

import pytest
from pydantic_core import SchemaValidator

from hubsync.core.limits import NUMBER_CHARACTERS_MAX, VALUE_CHARACTERS_MAX
from hubsync.core.property_values import CANONICAL, canonical_value, plain_number

CANONICAL_VALUES = SchemaValidator(CANONICAL)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Ada", "Ada"),
        ("  spaces stay  ", "  spaces stay  "),
        ("two\nlines\r\n\tand a tab", "two\nlines\r\n\tand a tab"),
        ("a;b", "a;b"),
        ("Zoë 🚀 \u202e\ufffe", "Zoë 🚀 \u202e\ufffe"),
        ("", ""),
        (None, ""),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (12, "12"),
        (-7, "-7"),
        (["chess", "maths"], "chess;maths"),
        ([1, True, Decimal("2.50")], "1;true;2.5"),
        ([], ""),
        ([""], ""),
    ],
    ids=repr,
)
def test_a_json_value_becomes_the_text_hubspot_is_sent(value, text):
    assert canonical_value(value) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("0", "0"),
        ("-0.000", "0"),
        ("0e5", "0"),
        ("1.50", "1.5"),
        ("100", "100"),
        ("1e2", "100"),
        ("1.5e3", "1500"),
        ("12.345e1", "123.45"),
        ("5e-1", "0.5"),
        ("-1.2e-3", "-0.0012"),
        ("1e31", "1" + "0" * 31),
        ("-1e30", "-1" + "0" * 30),
        ("1e-30", "0." + "0" * 29 + "1"),
    ],
)
def test_a_number_is_written_in_its_shortest_plain_form(number, text):
    assert plain_number(Decimal(number)) == text


def test_a_float_means_the_digits_it_is_printed_with():
    assert plain_number(0.1) == "0.1"


@pytest.mark.parametrize(
    "number", ["1e32", "-1e31", "1e-31", "-1e-30", "1e400", "1e999999999", "1e-999999999", "9" * 33]
)
def test_a_number_is_measured_before_it_is_written_out(number):
    with pytest.raises(ValueError, match=f"the limit is {NUMBER_CHARACTERS_MAX}"):
        plain_number(Decimal(number))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_finite_number_is_refused(number):
    with pytest.raises(ValueError, match="not a finite number"):
        canonical_value(Decimal(number))


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ({"street": "Elm"}, "is an object"),
        ([["nested"]], "list element that is no text"),
        ([{"a": 1}], "list element that is no text"),
        ([None], "list element that is no text"),
        (["a;b"], "list element with ';'"),
        (";append", "starts with ';'"),
        (["", "a"], "starts with ';'"),
        ("a\x00b", "control character"),
        ("\x85", "control character"),
        (["\x1b"], "control character"),
    ],
    ids=repr,
)
def test_a_value_that_hubspot_would_misread_is_refused(value, complaint):
    with pytest.raises(ValueError, match=complaint):
        canonical_value(value)
    assert not CANONICAL_VALUES.isinstance_python(value)


def test_a_value_of_the_greatest_length_passes_and_one_more_does_not():
    assert canonical_value("x" * VALUE_CHARACTERS_MAX)
    with pytest.raises(ValueError, match=f"the limit is {VALUE_CHARACTERS_MAX}"):
        canonical_value("x" * (VALUE_CHARACTERS_MAX + 1))
    assert not CANONICAL_VALUES.isinstance_python("x" * (VALUE_CHARACTERS_MAX + 1))


def test_a_list_is_measured_as_the_text_it_is_joined_to():
    half = "x" * (VALUE_CHARACTERS_MAX // 2)
    with pytest.raises(ValueError, match="the limit is"):
        canonical_value([half, half])


def test_an_error_does_not_quote_the_value():
    with pytest.raises(ValueError, match="control character") as caught:
        canonical_value("secret\x00")
    assert "secret" not in str(caught.value)
