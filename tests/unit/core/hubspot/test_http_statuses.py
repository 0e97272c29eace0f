"""Every row of the table of statuses: what an answer without a readable body comes to."""

import pytest

from hubsync.core.hubspot.batch_api import decode
from hubsync.core.hubspot.http_statuses import STATUSES
from hubsync.core.hubspot.reply import Ambiguous, BatchRefused, NotApplied, Reason, Scope, TooLarge
from tests.builders import a_batch

MISSING_SCOPES = b'{"category": "MISSING_SCOPES"}'
DAILY = b'{"policyName": "DAILY"}'


def told(status, body=b"", **headers):
    return decode(a_batch("ada@example.com"), status, headers, body)


def because(code):
    return Reason(code, f"HubSpot refused the record: {code}, and named no property", {})


def for_all(code, seconds=None):
    return NotApplied(code, seconds, Scope.ACCOUNT)


REFUSED = (400, 404, 405, 409, 414, 422)
AMBIGUOUS = (408, 500, 502, 503, 504, 521, 522, 523, 524, 525, 526)
EXPECTED = {
    **{status: BatchRefused(because(f"HTTP_{status}")) for status in REFUSED},
    **{status: Ambiguous(f"HTTP_{status}") for status in AMBIGUOUS},
    401: for_all("HTTP_401"),
    403: for_all("HTTP_403"),
    413: TooLarge(because("TOO_LARGE")),
    423: NotApplied("LOCKED", 2.0),
    429: for_all("THROTTLED_UNNAMED"),
    477: for_all("HTTP_477"),
}


@pytest.mark.parametrize("status", STATUSES)
def test_every_row_says_how_to_go_on(status):
    assert told(status) == EXPECTED[status]


def test_every_row_has_its_test():
    assert STATUSES.keys() == EXPECTED.keys()


@pytest.mark.parametrize(
    ("status", "body", "headers", "reply"),
    [
        (403, MISSING_SCOPES, {}, BatchRefused(because("MISSING_SCOPES"))),
        (423, b"", {"retry-after": "9"}, NotApplied("LOCKED", 9.0)),
        (429, DAILY, {}, for_all("THROTTLED_DAILY")),
        (429, b"", {"retry-after": "3"}, for_all("THROTTLED_UNNAMED", 3.0)),
        (477, b"", {"retry-after": "86400"}, for_all("HTTP_477", 86_400.0)),
    ],
    ids=["a scope", "a longer lock", "the daily limit", "a throttle that ends", "a migration"],
)
def test_what_hubspot_says_beside_the_status_counts(status, body, headers, reply):
    assert told(status, body, **headers) == reply


@pytest.mark.parametrize(
    ("status", "reply"),
    [
        (302, NotApplied("HTTP_302")),
        (402, NotApplied("HTTP_402")),
        (451, NotApplied("HTTP_451")),
        (501, Ambiguous("HTTP_501")),
        (520, Ambiguous("HTTP_520")),
        (599, Ambiguous("HTTP_599")),
    ],
)
def test_a_status_without_a_row_is_taken_for_the_worst_of_its_class(status, reply):
    assert told(status) == reply
