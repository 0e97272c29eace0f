"""Secrets to keys, and keys to signatures. How a secret is read is the scheme's matter."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from hubsync.core.limits import TOKEN_CHARACTERS_MIN
from hubsync.core.signatures.schemes import Scheme
from hubsync.errors import Misconfigured

# Standard Webhooks: the prefix tells what a secret is; one without is shared.
_SHARED, _PUBLIC, _PRIVATE = "whsec_", "whpk_", "whsk_"
_SHARED_BYTES_MIN, _SHARED_BYTES_MAX = 24, 64
_ED25519_KEY_BYTES: Final = 32

type Matches = Callable[[bytes], bool]
"""Tells whether a signature, with its prefix, was made with a certain key over certain bytes."""


@dataclass(frozen=True, slots=True)
class SharedKey:
    """Whoever has it can sign."""

    key: bytes


@dataclass(frozen=True, slots=True)
class PublicKey:
    """Only the holder of the private key to it can sign."""

    key: bytes


type Key = SharedKey | PublicKey


def read_keys(scheme: Scheme, secrets: Sequence[str]) -> list[Key]:
    """Return the keys of the secrets that are any; Misconfigured if some are given and none is one.

    So a placeholder beside a secret does no harm.
    """
    keys: list[Key] = []
    wrong: Misconfigured | None = None
    for secret in secrets:
        try:
            keys.append(read_key(scheme, secret))
        except Misconfigured as error:
            wrong = error
    if wrong and not keys:
        raise wrong
    return keys


def read_key(scheme: Scheme, secret: str) -> Key:
    """Return what a secret stands for. Space around it, such as a line's end, is no part of it."""
    secret = secret.strip()
    if scheme.public_prefix and secret.startswith(_PUBLIC):
        return PublicKey(_bytes(secret.removeprefix(_PUBLIC), _ED25519_KEY_BYTES))
    return SharedKey(_shared(scheme, secret))


def matcher(scheme: Scheme, key: Key, content: bytes) -> Matches:
    """Return what tells this key's signatures from others; in constant time where it is secret."""
    if isinstance(key, PublicKey):
        return lambda offered: _is_signed(scheme, key, content, offered)
    if scheme.is_token:
        token = _digest(scheme.prefix.encode() + key.key)
        # As digests, since the time taken would tell how long the token is.
        return lambda offered: hmac.compare_digest(token, _digest(offered))
    expected = _signature(scheme, key.key, content)
    # Compared as text, since several texts decode to the same bytes.
    return lambda offered: hmac.compare_digest(expected, offered)


def make_signature(scheme: Scheme, secret: str, content: bytes) -> str:
    """Return a signature as the sender makes it, with its prefix."""
    secret = secret.strip()
    if scheme.public_prefix and secret.startswith(_PRIVATE):
        from hubsync.core.signatures import ed25519  # noqa: PLC0415 - see there

        seed = _bytes(secret.removeprefix(_PRIVATE), _ED25519_KEY_BYTES)
        made = base64.b64encode(ed25519.sign(content, seed=seed))
        return scheme.public_prefix + made.decode()
    return _signature(scheme, _shared(scheme, secret), content).decode()


def _shared(scheme: Scheme, secret: str) -> bytes:
    if not secret:
        raise Misconfigured("a signing secret is empty")
    if scheme.secret_is_standard:
        if secret.startswith(_PRIVATE):
            raise Misconfigured("a private key stays with the sender; its public key belongs here")
        return _bytes(secret.removeprefix(_SHARED), _SHARED_BYTES_MIN, _SHARED_BYTES_MAX)
    if scheme.is_token and len(secret) < TOKEN_CHARACTERS_MIN:
        raise Misconfigured(f"a token has at least {TOKEN_CHARACTERS_MIN} characters")
    return _decoded(scheme, secret)


def _decoded(scheme: Scheme, secret: str) -> bytes:
    try:
        match scheme.secret_encoding:
            case "text":
                return secret.encode(errors="surrogatepass")
            case "base64":
                return base64.b64decode(secret, validate=True)
            case "hex":
                return bytes.fromhex(secret)
    except ValueError:
        raise Misconfigured(f"a signing secret is not {scheme.secret_encoding}") from None


def _bytes(text: str, least: int, most: int | None = None) -> bytes:
    most = least if most is None else most
    try:
        decoded = base64.b64decode(text, validate=True)
    except ValueError:
        raise Misconfigured("a Standard Webhooks secret must be base64") from None
    if not least <= len(decoded) <= most:
        bounds = least if least == most else f"{least} to {most}"
        raise Misconfigured(
            f"such a Standard Webhooks secret has {bounds} bytes, this one {len(decoded)}"
        )
    return decoded


def _signature(scheme: Scheme, key: bytes, content: bytes) -> bytes:
    digest = hmac.digest(key, content, scheme.algorithm)
    encoded = base64.b64encode(digest) if scheme.encoding == "base64" else digest.hex().encode()
    return scheme.prefix.encode() + encoded


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()


def _is_signed(scheme: Scheme, key: PublicKey, content: bytes, offered: bytes) -> bool:
    from hubsync.core.signatures import ed25519  # noqa: PLC0415 - see there

    prefix = (scheme.public_prefix or "").encode()
    if not offered.startswith(prefix):
        return False
    text = offered.removeprefix(prefix)
    signature = base64.b64decode(text)
    # Of the texts that decode to the same bytes, one is the signature.
    if base64.b64encode(signature) != text:
        return False
    return ed25519.is_signed(content, signature, public_key=key.key)
