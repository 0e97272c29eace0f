"""Signatures as a source's own file describes them, and tokens, which are none."""

import base64
import hashlib
import hmac

import pytest

from hubsync.core.signatures.schemes import SCHEMES, Scheme
from hubsync.core.signatures.verify import sign, verify
from hubsync.errors import Misconfigured, Unsigned

NOW = 1_795_262_400
BODY = b'{"id": 1}'
KEY = b"a key of some thirty-two bytes.."


def is_verified(scheme, headers, secret, *, body=BODY, now=NOW):
    try:
        verify(
            scheme,
            headers,
            body,
            url="",
            secrets=lambda **_: [secret],
            now=now,
            tolerance_seconds=300,
        )
    except Unsigned:
        return False
    return True


def digest(content, algorithm="sha256"):
    return hmac.new(KEY, content, getattr(hashlib, algorithm))


LIST = Scheme(
    header="x-signature",
    prefix="v1=",
    separator=",",
    timestamp_item="t=",
    signed="{timestamp}.{body}",
    takes_upper_case=True,
)


def test_a_signature_is_one_of_a_list_of_items():
    made = digest(f"{NOW}.".encode() + BODY).hexdigest()
    headers = {"x-signature": f"t={NOW},v0=00,v1={made}"}
    assert is_verified(LIST, headers, KEY.decode())
    assert is_verified(LIST, {"x-signature": f"t={NOW},v1={made.upper()}"}, KEY.decode())
    assert not is_verified(LIST, {"x-signature": f"t={NOW},V1={made}"}, KEY.decode())
    assert not is_verified(LIST, {"x-signature": f"t={NOW + 1},v1={made}"}, KEY.decode())
    assert not is_verified(LIST, {"x-signature": f"t={NOW},t={NOW},v1={made}"}, KEY.decode())
    assert not is_verified(LIST, {"x-signature": made}, KEY.decode())
    assert not is_verified(LIST, headers, KEY.decode(), now=NOW + 301)


DATED = Scheme(
    header="x-signature",
    encoding="base64",
    timestamp_header="x-time",
    timestamp_unit="rfc3339",
    signed="{timestamp}{body}",
)


@pytest.mark.parametrize(
    ("moment", "verified"),
    [
        ("2026-11-21T12:00:00Z", True),
        ("2026-11-21T12:04:59.5Z", True),
        ("2026-11-21T13:00:00+01:00", True),
        ("2026-11-21T12:05:01Z", False),
        ("2026-11-21T11:54:59Z", False),
        ("2026-11-21 12:00:00", False),
        ("1795262400", False),
        ("", False),
    ],
)
def test_a_timestamp_can_be_rfc_3339(moment, verified):
    made = base64.b64encode(digest(moment.encode() + BODY).digest()).decode()
    headers = {"x-signature": made, "x-time": moment}
    assert is_verified(DATED, headers, KEY.decode()) == verified


@pytest.mark.parametrize(
    ("encoding", "secret"),
    [
        ("text", KEY.decode()),
        ("base64", base64.b64encode(KEY).decode()),
        ("hex", KEY.hex()),
        ("hex", KEY.hex().upper()),
    ],
)
def test_a_secret_can_be_encoded(encoding, secret):
    scheme = Scheme(header="x-signature", secret_encoding=encoding)
    headers = {"x-signature": digest(BODY).hexdigest()}
    assert is_verified(scheme, headers, f" {secret}\n")
    assert sign(secret, scheme=scheme, message_id="", timestamp=NOW, body=BODY) == headers


@pytest.mark.parametrize(("encoding", "secret"), [("base64", "***"), ("hex", "xyz"), ("hex", "a")])
def test_a_secret_that_is_not_in_its_encoding_is_the_operators_mistake(encoding, secret):
    scheme = Scheme(header="x-signature", secret_encoding=encoding)
    with pytest.raises(Misconfigured, match=f"not {encoding}"):
        is_verified(scheme, {"x-signature": "0" * 64}, secret)


def test_an_id_is_signed_where_the_scheme_has_one():
    scheme = Scheme(header="x-signature", id_header="x-id", signed="{id}.{body}")
    headers = {"x-signature": digest(b"m-1." + BODY).hexdigest(), "x-id": "m-1"}
    assert is_verified(scheme, headers, KEY.decode())
    assert not is_verified(scheme, headers | {"x-id": "m-2"}, KEY.decode())
    assert not is_verified(scheme, {"x-signature": headers["x-signature"]}, KEY.decode())


# Standard Webhooks under the names that they have at Svix

SECRET = base64.b64encode(KEY).decode()


def as_svix(headers):
    return {name.replace("webhook-", "svix-"): text for name, text in headers.items()}


def test_headers_of_svix_are_those_of_standard_webhooks():
    standard = SCHEMES["standard-webhooks"]
    headers = sign(SECRET, message_id="m-1", timestamp=NOW, body=BODY)
    assert is_verified(standard, as_svix(headers), SECRET)
    assert is_verified(standard, headers | as_svix(headers), SECRET)
    for name in as_svix(headers):
        left = {each: text for each, text in as_svix(headers).items() if each != name}
        assert not is_verified(standard, left, SECRET)


def test_names_of_both_kinds_are_not_mixed():
    headers = sign(SECRET, message_id="m-1", timestamp=NOW, body=BODY)
    svix = as_svix(headers)
    standard = SCHEMES["standard-webhooks"]
    for name in headers:
        mixed = {**svix, name: headers[name]}
        del mixed[name.replace("webhook-", "svix-")]
        assert not is_verified(standard, mixed, SECRET)
    wrong = {"webhook-signature": f"v1,{'A' * 43}="}
    assert not is_verified(standard, svix | wrong, SECRET)


# Tokens

TOKEN = Scheme(header="authorization", prefix="Bearer ", is_token=True)
SHOWN = "t" * 32


def test_a_token_is_the_secret_itself():
    headers = {"authorization": f"Bearer {SHOWN}"}
    assert is_verified(TOKEN, headers, SHOWN)
    assert is_verified(TOKEN, headers, SHOWN, body=b"any other", now=0)
    assert sign(SHOWN, scheme=TOKEN, message_id="", timestamp=0, body=b"") == headers


@pytest.mark.parametrize(
    "shown",
    [
        None,
        "",
        "Bearer ",
        SHOWN,
        f"bearer {SHOWN}",
        f"Bearer {SHOWN[1:]}",
        f"Bearer {SHOWN}t",
        f"Bearer {SHOWN} ",
        f"Bearer {SHOWN},Bearer {SHOWN}",
        "Bearer " + "\ud800" * 32,
    ],
)
def test_what_is_not_exactly_the_token_is_refused(shown):
    headers = {} if shown is None else {"authorization": shown}
    assert not is_verified(TOKEN, headers, SHOWN)


def test_a_token_that_can_be_guessed_is_the_operators_mistake():
    with pytest.raises(Misconfigured, match="at least 32 characters"):
        is_verified(TOKEN, {"authorization": "Bearer short"}, "short")
