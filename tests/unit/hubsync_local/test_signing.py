"""What `hubsync event` and the local stack's visitors do: sign as an upstream system would."""

import pytest

from hubsync.core.signatures.verify import verify
from hubsync_local.signing import PLACEHOLDER, event_body, scheme_of, signed_event
from tests.signed_requests import NAMED, genuine, secrets_of

NOW = 1_795_262_400


def an_event(headers):
    return {
        "rawPath": "/webhooks/shop",
        "rawQueryString": "a=%3A",
        "headers": {"x-forwarded-proto": "http"} | headers,
        "requestContext": {"domainName": "127.0.0.1:3000"},
        "body": "[]",
        "isBase64Encoded": False,
    }


@pytest.mark.parametrize("name", [name for name in NAMED if not name.endswith("svix")])
def test_an_event_is_signed_as_its_source_has_it(name):
    stored, secret = secrets_of(name)
    event = an_event(dict.fromkeys(genuine(name, b"[]", second=NOW).headers, PLACEHOLDER))
    signed = signed_event(event, secret, now=NOW + 0.9, scheme=NAMED[name])
    assert PLACEHOLDER in event["headers"].values()
    verify(
        NAMED[name],
        signed["headers"],
        event_body(signed),
        url="http://127.0.0.1:3000/webhooks/shop?a=%3A",
        secrets=lambda **_: [stored],
        now=NOW,
        tolerance_seconds=1,
    )


def test_a_timestamp_that_is_given_is_kept():
    event = an_event({"x-slack-request-timestamp": "1531420618", "x-slack-signature": PLACEHOLDER})
    signed = signed_event(event, "secret", now=NOW, scheme=NAMED["slack"])
    assert signed["headers"]["x-slack-request-timestamp"] == "1531420618"
    assert signed["headers"]["x-slack-signature"].startswith("v0=")


def test_an_event_without_placeholders_stays_as_it_is():
    event = an_event({"x-slack-signature": "wrong on purpose"})
    assert signed_event(event, "secret", now=NOW, scheme=NAMED["slack"]) == event


def test_a_source_that_is_not_declared_is_signed_like_our_own():
    assert scheme_of("nobody") == scheme_of("changes") == NAMED["standard-webhooks"]
