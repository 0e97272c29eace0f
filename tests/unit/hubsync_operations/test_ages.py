import pytest

from hubsync_operations.ages import SECOND, parse_moment, span_text
from tests.builders import NOON


@pytest.mark.parametrize(
    ("text", "ago"),
    [("90s", 90), ("5m", 300), ("2h", 7200), ("3d", 259_200), ("2026-11-21T11:00:00Z", 3600)],
)
def test_a_moment_is_rfc_3339_or_an_age(text, ago):
    assert parse_moment(text, now=NOON) == NOON - ago * SECOND


@pytest.mark.parametrize("text", ["", "2", "h", "2w", "-2h", "2026-11-21", "yesterday", "٢h"])
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match="RFC 3339"):
        parse_moment(text, now=NOON)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0s"), (0, "0s"), (59, "59s"), (60, "1m"), (7199, "1h"), (86_400 * 12, "12d")],
)
def test_a_span_is_told_in_its_largest_unit(seconds, text):
    assert span_text(seconds * SECOND) == text
