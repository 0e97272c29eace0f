"""Answers that the owners of the schemes publish, and what happens when a byte of them changes."""

import base64
import hashlib
import hmac
from dataclasses import dataclass, replace

import pytest
from hubspot.utils.signature import Signature

from hubsync.core.signatures.schemes import SCHEMES, Scheme
from hubsync.core.signatures.verify import sign, verify
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


STRIPE = COMPUTED["stripe"].headers["stripe-signature"].partition(",v0=")[0]
STANDARD_V1 = PUBLISHED["standard-webhooks v1"].headers["webhook-signature"]
STANDARD_V1A = PUBLISHED["standard-webhooks v1a"].headers["webhook-signature"]
WRONG_HEX, WRONG_BASE64 = "0" * 64, f"{'A' * 43}="


def with_signature(answer, text):
    return answer.headers | {answer.scheme.header: text}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("stripe", f"{STRIPE},v1={WRONG_HEX}"),
        ("stripe", STRIPE.replace("v1=", f"v1={WRONG_HEX},v2=x,v1=")),
        ("stripe", ",".join(reversed(STRIPE.split(",")))),
        ("standard-webhooks v1", f"v1,{WRONG_BASE64} {STANDARD_V1A} {STANDARD_V1}"),
        ("standard-webhooks v1a", f"v1,{WRONG_BASE64} {STANDARD_V1} {STANDARD_V1A}"),
        ("standard-webhooks v1", " ".join([f"v1,{WRONG_BASE64}"] * 15 + [STANDARD_V1])),
    ],
)
def test_one_of_several_signatures_is_enough(name, text):
    check(ANSWERS[name], headers=with_signature(ANSWERS[name], text))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("github", "{0},{0}"),
        ("github", "sha1=" + "0" * 40),
        ("github", "sha512={0}"),
        ("slack", "{0},{0}"),
        ("shopify", "{0},{0}"),
        ("shopify", "{0} "),
        ("hubspot-v3 by Python", "{0},{0}"),
        ("standard-webhooks v1", "{0},{0}"),
        ("standard-webhooks v1", "v1a" + STANDARD_V1.removeprefix("v1")),
        ("standard-webhooks v1a", "v1" + STANDARD_V1A.removeprefix("v1a")),
        ("standard-webhooks v1", " ".join([f"v1,{WRONG_BASE64}"] * 16 + [STANDARD_V1])),
        ("standard-webhooks v1a", " ".join([STANDARD_V1A] * 5)),
        ("standard-webhooks v1", f"{STANDARD_V1}{' ' * 4_096}"),
        ("stripe", f"{STRIPE},t=1492774577"),
        ("stripe", f"{STRIPE},t=1"),
        ("stripe", STRIPE.replace("t=", "t=0")),
        ("stripe", STRIPE.replace("v1=", "v0=")),
        ("stripe", STRIPE.partition(",")[2]),
    ],
)
def test_what_is_not_exactly_a_signature_of_the_scheme_is_refused(name, text):
    """Two headers of one name arrive as one, with a comma between them."""
    answer = ANSWERS[name]
    text = text.format(answer.headers[answer.scheme.header])
    assert is_refused(answer, headers=with_signature(answer, text))


@each({name: answer for name, answer in ANSWERS.items() if answer.second})
def test_a_timestamp_is_good_for_five_minutes_before_and_after(answer):
    check(answer, now=answer.second - 300)
    check(answer, now=answer.second + 300)
    assert is_refused(answer, now=answer.second - 300.001)
    assert is_refused(answer, now=answer.second + 300.001)


@each({name: answer for name, answer in ANSWERS.items() if not answer.second})
def test_a_scheme_without_a_timestamp_does_not_look_at_the_clock(answer):
    check(answer, now=10**10)


@pytest.mark.parametrize("source", SCHEMES)
@pytest.mark.parametrize("other", SCHEMES)
def test_headers_of_one_scheme_are_nothing_to_another(source, other):
    secret = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
    headers = sign(secret, scheme=SCHEMES[other], message_id="m", timestamp=0, body=b"{}", url=URL)
    answer = Answer(SCHEMES[source], secret, b"{}", headers, url=URL)
    assert is_refused(answer) == (source != other)


@pytest.mark.parametrize(
    ("called", "signed"),
    [
        ("https://a.example.com/x?y=%3A%2F%3F%40%21%24%27%28%29%2A%2C%3B", "y=:/?@!$'()*,;"),
        ("https://a.example.com/x?y=%3a%2f%2c", "y=:/,"),
        ("https://a.example.com/x?y=%20%26%3D%25%23+%C3%A9", "y=%20%26%3D%25%23+%C3%A9"),
        ("https://a.example.com/x?y=%253A", "y=%253A"),
        ("https://a.example.com/x?y=%%33A", "y=%%33A"),
    ],
)
def test_hubspot_signs_the_characters_that_it_lists_as_themselves(called, signed):
    signed = f"https://a.example.com/x?{signed}"
    # Written another way than the code: the text as HubSpot's documentation puts it together.
    text = f"POST{signed}{{}}1693657560000"
    digest = hmac.new(HUBSPOT.secret.encode(), text.encode(), hashlib.sha256).digest()
    headers = with_signature(HUBSPOT, base64.b64encode(digest).decode())
    check(HUBSPOT, headers=headers, body=b"{}", url=called)
    assert is_refused(HUBSPOT, headers=headers, body=b"{}", url=f"{called}x")


def test_hubspot_may_have_been_given_another_address_than_the_one_that_arrives():
    behind = replace(HUBSPOT, scheme=HUBSPOT.scheme._replace(url=URL), url="https://internal/")
    check(behind)
    assert is_refused(replace(behind, scheme=HUBSPOT.scheme))


def test_what_a_gateway_without_tls_is_sent_may_be_signed_as_hubspot_would_call_it():
    check(HUBSPOT, url=URL.replace("https", "http"))
    called = sign(
        HUBSPOT.secret,
        scheme=HUBSPOT.scheme,
        message_id="",
        timestamp=int(HUBSPOT.second),
        body=HUBSPOT.body,
        url=URL.replace("https", "http"),
    )
    check(HUBSPOT, headers=called, url=URL.replace("https", "http"))
    assert is_refused(HUBSPOT, headers=called, url=URL)


def test_the_clients_of_hubspot_sign_the_same():
    signature = Signature.get_signature(
        HUBSPOT.secret, HUBSPOT.body.decode(), "v3", URL, "POST", "1693657560000"
    )
    assert with_signature(HUBSPOT, signature) == HUBSPOT.headers
