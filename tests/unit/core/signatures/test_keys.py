"""What a text in Secrets Manager stands for."""

import base64

import pytest

from hubsync.core.signatures.keys import PublicKey, SharedKey, read_key, read_keys
from hubsync.core.signatures.schemes import SCHEMES, STANDARD_WEBHOOKS
from hubsync.core.signatures.verify import sign, verify
from hubsync.errors import Misconfigured, Unsigned
from tests.signed_requests import PRIVATE, PUBLIC

GITHUB, STRIPE = SCHEMES["github"], SCHEMES["stripe"]
BYTES = bytes(range(32))
TEXT = base64.b64encode(BYTES).decode()


@pytest.mark.parametrize(
    ("scheme", "secret", "key"),
    [
        (STANDARD_WEBHOOKS, TEXT, SharedKey(BYTES)),
        (STANDARD_WEBHOOKS, f"whsec_{TEXT}", SharedKey(BYTES)),
        (STANDARD_WEBHOOKS, f" whsec_{TEXT}\r\n", SharedKey(BYTES)),
        (STANDARD_WEBHOOKS, f"whpk_{TEXT}\n", PublicKey(BYTES)),
        (GITHUB, "It's a secret\n", SharedKey(b"It's a secret")),
        (GITHUB, f"whpk_{TEXT}", SharedKey(f"whpk_{TEXT}".encode())),
        (STRIPE, f"whsec_{TEXT}", SharedKey(f"whsec_{TEXT}".encode())),
        (GITHUB, "pässwörd", SharedKey("pässwörd".encode())),
    ],
)
def test_a_secret_is_read_as_its_scheme_has_it(scheme, secret, key):
    assert read_key(scheme, secret) == key


@pytest.mark.parametrize(
    ("scheme", "secret", "complaint"),
    [
        *((scheme, text, "empty") for scheme in SCHEMES.values() for text in ("", " \n")),
        (STANDARD_WEBHOOKS, "whsec_", "24 to 64 bytes, this one 0"),
        (STANDARD_WEBHOOKS, PRIVATE, "private key"),
        (STANDARD_WEBHOOKS, f"whpk_{TEXT[4:]}", "32 bytes, this one"),
        (STANDARD_WEBHOOKS, "whpk_", "32 bytes, this one 0"),
        (STANDARD_WEBHOOKS, "not base64!", "base64"),
    ],
)
def test_what_is_no_secret_of_the_scheme_is_the_operators_mistake(scheme, secret, complaint):
    with pytest.raises(Misconfigured, match=complaint) as caught:
        read_key(scheme, secret)
    assert not secret.strip() or secret not in str(caught.value)


def test_of_several_secrets_those_that_are_none_do_no_harm():
    assert read_keys(GITHUB, ["", "b", " "]) == [SharedKey(b"b")]
    assert read_keys(GITHUB, []) == []
    with pytest.raises(Misconfigured):
        read_keys(GITHUB, ["", " "])


def check(headers, secret):
    verify(
        STANDARD_WEBHOOKS,
        headers,
        b"{}",
        url="",
        secrets=lambda **_: [secret],
        now=0,
        tolerance_seconds=300,
    )


def test_who_has_the_public_key_can_verify_and_not_sign():
    check(sign(PRIVATE, message_id="m", timestamp=0, body=b"{}"), PUBLIC)
    # The public key itself, used as if it were shared.
    public = base64.b64decode(PUBLIC.removeprefix("whpk_"))
    shared = base64.b64encode(public).decode()
    forged = sign(shared, message_id="m", timestamp=0, body=b"{}")
    with pytest.raises(Unsigned):
        check(forged, PUBLIC)


# Points of small order: under such a key, signatures can be made that fit any text.
@pytest.mark.parametrize("point", [bytes(32), bytes([1, *bytes(31)]), b"\xff" * 32])
def test_no_signature_fits_a_public_key_that_is_none(point):
    key = f"whpk_{base64.b64encode(point).decode()}"
    for signature in (bytes(64), bytes([1, *bytes(63)]), point + bytes(32)):
        item = f"v1a,{base64.b64encode(signature).decode()}"
        headers = {"webhook-id": "m", "webhook-timestamp": "0", "webhook-signature": item}
        with pytest.raises(Unsigned):
            check(headers, key)


def test_a_signature_that_was_altered_into_another_valid_one_is_refused():
    """Adding the order of the group to its second half leaves the equation true."""
    order = 2**252 + 27742317777372353535851937790883648493
    headers = sign(PRIVATE, message_id="m", timestamp=0, body=b"{}")
    signature = base64.b64decode(headers["webhook-signature"].removeprefix("v1a,"))
    second = int.from_bytes(signature[32:], "little") + order
    altered = signature[:32] + second.to_bytes(32, "little")
    item = f"v1a,{base64.b64encode(altered).decode()}"
    with pytest.raises(Unsigned):
        check(headers | {"webhook-signature": item}, PUBLIC)
