import base64

import pytest

from hubsync.core.signatures.keys import read_key
from hubsync.core.signatures.schemes import STANDARD_WEBHOOKS
from hubsync.core.signatures.verify import sign, verify
from hubsync.errors import Misconfigured, Unsigned

# The known answer of the Standard Webhooks libraries' own tests.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SENT_AT = 1_614_265_330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
HEADERS = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": str(SENT_AT),
    "webhook-signature": SIGNATURE,
}
OTHER_SECRET = "whsec_" + base64.b64encode(b"another secret of 31 characters").decode()


def check(headers=(), *, body=BODY, secrets=(SECRET,), now=SENT_AT, tolerance_seconds=300):
    """Verify the known answer, but for what is said otherwise; a header set to None is missing."""
    changed = {name: text for name, text in (HEADERS | dict(headers)).items() if text is not None}
    verify(
        STANDARD_WEBHOOKS,
        changed,
        body,
        url="",
        secrets=lambda **_: secrets,
        now=now,
        tolerance_seconds=tolerance_seconds,
    )


def test_the_known_answer_of_standard_webhooks_is_reproduced():
    signed = sign(SECRET, message_id=HEADERS["webhook-id"], timestamp=SENT_AT, body=BODY)
    assert signed == HEADERS
    check()


@pytest.mark.parametrize(
    "signature",
    [
        f"v1,AAAA {SIGNATURE}",
        f"{SIGNATURE} v1,AAAA",
        f"v1a,x v2,y {SIGNATURE} v1,",
        f" {SIGNATURE} ",
    ],
)
def test_one_valid_signature_among_several_is_enough(signature):
    check({"webhook-signature": signature})


def test_during_a_rotation_both_secrets_sign():
    check(secrets=(OTHER_SECRET, SECRET))
    new = sign(OTHER_SECRET, message_id="m", timestamp=SENT_AT, body=BODY)
    check(new, secrets=(OTHER_SECRET, SECRET))


def test_after_two_rotations_the_old_secret_signs_no_more():
    with pytest.raises(Unsigned):
        check(secrets=(OTHER_SECRET, OTHER_SECRET))


def test_a_placeholder_among_the_secrets_does_no_harm():
    check(secrets=("put-your-secret-here", SECRET))
    check(secrets=(SECRET, "put-your-secret-here"))


def test_the_prefix_of_a_secret_and_space_around_it_mean_nothing():
    written = [f" {SECRET}\n", SECRET, SECRET.removeprefix("whsec_")]
    assert len({read_key(STANDARD_WEBHOOKS, text) for text in written}) == 1


@pytest.mark.parametrize("seconds", [-300, -299.5, 0, 299.5, 300])
def test_both_ends_of_the_window_are_within_it(seconds):
    check(now=SENT_AT + seconds)


@pytest.mark.parametrize("seconds", [-301, -300.5, 300.5, 301, 10**9])
def test_what_is_too_old_or_from_the_future_is_refused(seconds):
    with pytest.raises(Unsigned) as caught:
        check(now=SENT_AT + seconds)
    assert caught.value.reason == "the timestamp is outside the tolerance"


@pytest.mark.parametrize(
    "headers",
    [
        {"webhook-id": None},
        {"webhook-timestamp": None},
        {"webhook-signature": None},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,"},
        {"webhook-signature": SIGNATURE.removeprefix("v1,")},
        {"webhook-signature": SIGNATURE.replace("v1", "v2")},
        {"webhook-signature": SIGNATURE.replace("=", "")},
        {"webhook-signature": SIGNATURE + "="},
        {"webhook-signature": SIGNATURE.replace("v1,", "v1, ")},
        {"webhook-signature": SIGNATURE.replace("OE=", "OF=")},
        {"webhook-signature": "v1,\u00fc"},
        {"webhook-signature": "v1,\ud800"},
        {"webhook-id": ""},
        {"webhook-id": "x" * 257},
        {"webhook-id": "m\u00fc"},
        {"webhook-id": "\ud800"},
        {"webhook-timestamp": ""},
        {"webhook-timestamp": f"0{SENT_AT}"},
        {"webhook-timestamp": f"+{SENT_AT}"},
        {"webhook-timestamp": f"{SENT_AT}.0"},
        {"webhook-timestamp": f" {SENT_AT}"},
        {"webhook-timestamp": f"-{SENT_AT}"},
        {"webhook-timestamp": "\u0661614265330"},
        {"webhook-timestamp": "\u00b2"},
        {"webhook-timestamp": "9" * 5_000},
        {"webhook-timestamp": str(SENT_AT + 1)},
        {"webhook-id": "msg_other"},
    ],
    ids=lambda headers: repr(headers)[:60],
)
def test_a_header_that_is_not_exactly_as_signed_is_refused(headers):
    with pytest.raises(Unsigned):
        check(headers)


@pytest.mark.parametrize("body", [b"", BODY + b" ", BODY.replace(b" ", b""), b"\xff"])
def test_another_body_is_refused(body):
    with pytest.raises(Unsigned):
        check(body=body)


def test_an_id_and_a_body_cannot_trade_their_border():
    headers = sign(SECRET, message_id="a", timestamp=SENT_AT, body=b"1.b")
    with pytest.raises(Unsigned):
        check(headers | {"webhook-id": f"a.{SENT_AT}"}, body=b"b")


def test_no_secret_is_asked_for_where_no_signature_could_be_valid():
    def secrets(**_):
        raise AssertionError

    for headers, now in (({}, SENT_AT), (HEADERS, SENT_AT + 301)):
        with pytest.raises(Unsigned):
            verify(
                STANDARD_WEBHOOKS,
                headers,
                BODY,
                url="",
                secrets=secrets,
                now=now,
                tolerance_seconds=300,
            )


def test_every_reason_reads_the_same_from_outside():
    told = set()
    for headers, now in (({"webhook-id": None}, 0), ({}, 0), ({}, SENT_AT)):
        with pytest.raises(Unsigned) as caught:
            check(headers, now=now, body=b"x")
        told.add(str(caught.value))
    assert told == {"the signature is missing or not valid"}


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        "not base64!",
        "f\u00fcr",
        base64.b64encode(b"x" * 23).decode(),
        base64.b64encode(b"x" * 65).decode(),
    ],
)
def test_what_is_no_secret_of_24_to_64_bytes_is_the_operators_mistake(secret):
    with pytest.raises(Misconfigured) as caught:
        check(secrets=(secret,))
    assert not secret or secret not in str(caught.value)


def test_without_any_secret_nobody_gets_in():
    with pytest.raises(Unsigned):
        check(secrets=())
