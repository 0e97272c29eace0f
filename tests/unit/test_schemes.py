"""Answers that the owners of the schemes publish, and what happens when a byte of them changes."""

from dataclasses import dataclass, replace

import pytest

from hubsync.core.schemes import SCHEMES, Scheme
from hubsync.core.signature import verify
from hubsync.errors import Unsigned

URL = "https://www.example.com/webhook_uri"


@dataclass(frozen=True)
class Answer:
    """A request that its owner says is signed with this secret."""

    scheme: Scheme
    secret: str
    body: bytes
    headers: dict[str, str]
    second: float = 0
    url: str = ""


STANDARD = {"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330"}
SLACK_BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
    b"&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"
    b"&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands"
    b"%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
HUBSPOT = Answer(
    SCHEMES["hubspot-v3"],
    "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy",
    b"{'example_field':'example_value'}",
    {
        "x-hubspot-request-timestamp": "1693657560000",
        "x-hubspot-signature-v3": "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y=",
    },
    1_693_657_560,
    URL,
)

PUBLISHED = {
    # The Standard Webhooks libraries' tests. That of v1a gives the private key; this is the public
    # one to it.
    "standard-webhooks v1": Answer(
        SCHEMES["standard-webhooks"],
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        b'{"test": 2432232314}',
        STANDARD | {"webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
        1_614_265_330,
    ),
    "standard-webhooks v1a": Answer(
        SCHEMES["standard-webhooks"],
        "whpk_ZlN4eg7dSSqi0moX9hQUk3orrOouK3QVQSlJa248c/g=",
        b'{"test": 2432232314}',
        STANDARD
        | {
            "webhook-signature": "v1a,tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqt"
            "aiHeYGb7KaaBRdM5WqyeFiL8Ag=="
        },
        1_614_265_330,
    ),
    # GitHub's documentation, "Testing the webhook payload validation".
    "github": Answer(
        SCHEMES["github"],
        "It's a Secret to Everybody",
        b"Hello, World!",
        {
            "x-hub-signature-256": "sha256="
            "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        },
    ),
    # Slack's documentation, "Verifying requests from Slack".
    "slack": Answer(
        SCHEMES["slack"],
        "8f742231b10e8888abcd99yyyzzz85a5",
        SLACK_BODY,
        {
            "x-slack-request-timestamp": "1531420618",
            "x-slack-signature": "v0="
            "a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        },
        1_531_420_618,
    ),
    # The tests of HubSpot's clients for Python and for Ruby.
    "hubspot-v3 by Python": HUBSPOT,
    "hubspot-v3 by Ruby": replace(
        HUBSPOT,
        headers={
            "x-hubspot-request-timestamp": "1700000300000",
            "x-hubspot-signature-v3": "RnbPH7+UMKVkbV32P8bz450N4M56aPmcru1+D3kSDtw=",
        },
        second=1_700_000_300,
    ),
}
# Stripe and Shopify print signatures without the secrets they were made with, and the tests of
# their libraries compute theirs. So these were made with OpenSSL's command, after their words:
#   printf %s '1492774577.{"id": "evt_1", "object": "event"}' |
#     openssl dgst -sha256 -hmac whsec_test_secret
#   printf %s '{"id":706405506930370084}' | openssl dgst -sha256 -hmac hush -binary | base64
COMPUTED = {
    "stripe": Answer(
        SCHEMES["stripe"],
        "whsec_test_secret",
        b'{"id": "evt_1", "object": "event"}',
        {
            "stripe-signature": "t=1492774577,v1="
            "09357d4fb8d9eba6f07fdea6b2428fa819063ec7bb7f9eca18b88cf0ff729476,v0=" + "6ffbb59b" * 8
        },
        1_492_774_577,
    ),
    "shopify": Answer(
        SCHEMES["shopify"],
        "hush",
        b'{"id":706405506930370084}',
        {"x-shopify-hmac-sha256": "bKWu/uLmtVLM9UyMH4/moL8FYbL7GjZMVVv9ItHQqKU="},
    ),
}
ANSWERS = PUBLISHED | COMPUTED


def check(answer, *, headers=None, body=None, url=None, secret=None, now=None):
    """Verify a known answer, but for what is said otherwise."""
    verify(
        answer.scheme,
        answer.headers if headers is None else headers,
        answer.body if body is None else body,
        url=answer.url if url is None else url,
        secrets=lambda **_: [answer.secret if secret is None else secret],
        now=answer.second if now is None else now,
        tolerance_seconds=300,
    )


def is_refused(*args, **kwargs):
    try:
        check(*args, **kwargs)
    except Unsigned:
        return True
    return False


def changed_everywhere(text):
    """Every text that differs in one place by one bit, or lacks its first or last character."""
    for place, character in enumerate(text):
        yield f"{text[:place]}{chr(ord(character) ^ 1)}{text[place + 1 :]}"
    yield from (text[1:], text[:-1], f"{text}0", f"{text}=")


def each(answers):
    return pytest.mark.parametrize("answer", answers.values(), ids=answers)


@each(ANSWERS)
def test_a_known_answer_verifies(answer):
    check(answer)


@each(ANSWERS)
def test_with_any_byte_of_the_body_changed_it_does_not(answer):
    bodies = [
        answer.body[:place] + bytes([byte ^ 1]) + answer.body[place + 1 :]
        for place, byte in enumerate(answer.body)
    ]
    accepted = [
        body for body in [*bodies, b"", answer.body[:-1]] if not is_refused(answer, body=body)
    ]
    assert accepted == []


@each(ANSWERS)
def test_with_any_character_of_its_headers_changed_it_does_not(answer):
    """But for what Stripe's header says of other versions, which nobody looks at."""
    accepted = [
        headers
        for name, text in answer.headers.items()
        for changed in changed_everywhere(text.partition(",v0=")[0])
        if not is_refused(answer, headers=(headers := answer.headers | {name: changed}))
    ]
    assert accepted == []


@each(ANSWERS)
def test_without_any_of_its_headers_it_does_not(answer):
    for name in answer.headers:
        assert is_refused(answer, headers={k: v for k, v in answer.headers.items() if k != name})
