"""Requests as upstream systems sign them, and what somebody without the secret makes of them."""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from random import Random

from hubsync.core.signatures.schemes import SCHEMES, Scheme, as_sent
from hubsync.core.signatures.verify import sign

URL = "https://hooks.example.com/webhooks/shop?part=a%3Ab&of=%28c%29"
SHARED = base64.b64encode(b"a shared secret of 32 characters").decode()
# A key pair of Ed25519, made up for these tests.
PRIVATE = "whsk_" + base64.b64encode(b"a private seed of 32 characters.").decode()
PUBLIC = "whpk_UI/x4aVOj7gKA9SYN2/xuC8zKMXqOjXhqC2NAeYCdlI="
HMACS = {
    "hmac": Scheme(header="x-shop-signature", algorithm="sha512", prefix="sha512="),
    "hmac with a timestamp": Scheme(
        header="x-shop-signature",
        algorithm="sha1",
        encoding="base64",
        timestamp_header="x-shop-time",
        timestamp_unit="milliseconds",
        signed="{timestamp}.{body}",
    ),
    "hmac in a list": Scheme(
        header="x-shop-signature",
        prefix="v1=",
        separator=",",
        timestamp_item="t=",
        signed="{timestamp}.{body}",
        takes_upper_case=True,
        secret_encoding="base64",
    ),
    "hmac with a date and an id": Scheme(
        header="x-shop-signature",
        encoding="base64",
        timestamp_header="x-shop-time",
        timestamp_unit="rfc3339",
        id_header="x-shop-id",
        signed="{id}.{timestamp}{body}",
    ),
}
STANDARD = SCHEMES["standard-webhooks"]
NAMED = {
    **SCHEMES,
    "standard-webhooks v1a": STANDARD,
    "standard-webhooks of svix": STANDARD,
    **HMACS,
}
PLAIN_IN_URL = {"%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$"} | {
    "%27": "'", "%28": "(", "%29": ")", "%2A": "*", "%2C": ",", "%3B": ";",
}  # fmt: skip


@dataclass(frozen=True)
class Sent:
    """A request on its way."""

    headers: dict[str, str]
    body: bytes
    url: str = URL


def secrets_of(name):
    """Return what the receiver has, and what the sender signs with."""
    return (PUBLIC, PRIVATE) if name.endswith("v1a") else (SHARED, SHARED)


@cache
def genuine(name, body, *, second, url=URL, secret=None):
    """Return a request that is signed, with the sender's secret unless another one is given."""
    secret = secret or secrets_of(name)[1]
    headers = sign(
        secret, scheme=NAMED[name], message_id="msg_1", timestamp=second, body=body, url=url
    )
    if name.endswith(" of svix"):
        headers = {each.replace("webhook-", "svix-"): text for each, text in headers.items()}
    return Sent(headers, body, url)


def signature_header(name):
    return as_sent(NAMED[name], genuine(name, b"", second=0).headers).header


def signed_bytes(name, sent):  # noqa: C901 - a line for each scheme
    """Return what must be signed of a request, as the scheme's owner words it; None if unclear."""
    headers, body = sent.headers, sent.body
    try:
        match name.removesuffix(" v1a"):
            case "standard-webhooks":
                return f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
            case "standard-webhooks of svix":
                return f"{headers['svix-id']}.{headers['svix-timestamp']}.".encode() + body
            case "hmac in a list":
                [second] = re.findall(r"(?:^|,)t=([^,]*)", headers["x-shop-signature"])
                return f"{second}.".encode() + body
            case "hmac with a date and an id":
                return f"{headers['x-shop-id']}.{headers['x-shop-time']}".encode() + body
            case "stripe":
                [second] = re.findall(r"(?:^|,)t=([^,]*)", headers["stripe-signature"])
                return f"{second}.".encode() + body
            case "slack":
                return f"v0:{headers['x-slack-request-timestamp']}:".encode() + body
            case "hubspot-v3":
                # Whether TLS ended on the way is the gateway's word, and not the sender's.
                url = re.sub(r"^http://", "https://", sent.url)
                for escaped, plain in PLAIN_IN_URL.items():
                    url = url.replace(escaped, plain).replace(escaped.lower(), plain)
                moment = headers["x-hubspot-request-timestamp"]
                return b"".join([b"POST", url.encode(), body, moment.encode()])
            case "hmac with a timestamp":
                return f"{headers['x-shop-time']}.".encode() + body
            case _:
                return body
    except (KeyError, ValueError):
        return None


def edited(random: Random, text):
    """Return a text, or bytes, changed somewhere, or by chance not at all."""
    here, there = sorted(random.randrange(len(text) + 1) for _ in "ab")
    junk = "".join(random.choices("0aA9zZ,=. +/%v1t\u00e9\x00", k=random.randrange(1, 4)))
    piece = junk if isinstance(text, str) else junk.encode()
    match random.randrange(7):
        case 0:
            return text[:here] + piece + text[here:]
        case 1:
            return text[:here] + text[there:]
        case 2:
            return text[:there] + text[here:]
        case 3:
            return text[:here] + piece + text[here + len(piece) :]
        case 4:
            return text[:here] + text[here:there].swapcase() + text[there:]
        case 5:
            return text[here:] + text[:here]
        case _:
            return text + piece


def _edit_header(random, sent):
    name = random.choice(sorted(sent.headers))
    return replace(sent, headers=sent.headers | {name: edited(random, sent.headers[name])})


def _edit_body(random, sent):
    return replace(sent, body=edited(random, sent.body))


def _edit_url(random, sent):
    return replace(sent, url=edited(random, sent.url))


def _escape_url(random, sent):
    escaped, plain = random.choice(sorted(PLAIN_IN_URL.items()))
    return replace(sent, url=sent.url.replace(*random.choice([(escaped, plain), (plain, escaped)])))


def _lose_header(random, sent):
    lost = random.choice(sorted(sent.headers))
    return replace(sent, headers={k: v for k, v in sent.headers.items() if k != lost} | {"x": ""})


def _repeat_header(random, sent):
    """Two headers of one name arrive as one."""
    name = random.choice(sorted(sent.headers))
    both = [sent.headers[name], edited(random, sent.headers[name])]
    random.shuffle(both)
    return replace(sent, headers=sent.headers | {name: ",".join(both)})


def _add_items(random, sent):
    name = random.choice(sorted(sent.headers))
    separator = random.choice([" ", ",", ", "])
    items = [sent.headers[name], *random.choices(["v1,AAAA", "v0=00", "v2,x", "t=1", ""], k=2)]
    random.shuffle(items)
    return replace(sent, headers=sent.headers | {name: separator.join(items)})


def _move_time(random, sent):
    return replace(
        sent,
        headers={
            name: re.sub(r"\d{10,13}", lambda m: str(int(m[0]) + random.randint(-9, 9)), text)
            for name, text in sent.headers.items()
        },
    )


def _move_border(random, sent):
    """Take from the body's beginning and add to the end of what is signed before it."""
    name = random.choice(sorted({*sent.headers, "url"}))
    cut = random.randrange(1, 9)
    taken, left = sent.body[:cut].decode(errors="replace"), sent.body[cut:]
    if name == "url":
        return replace(sent, url=sent.url + taken, body=left)
    return replace(sent, headers=sent.headers | {name: sent.headers[name] + taken}, body=left)


def _borrow(random, sent):
    """Bring along what is valid for another request, of this scheme or of a neighbour's."""
    second = random.choice([0, 1_795_262_399])
    other = genuine(random.choice(sorted(NAMED)), b"another body", second=second)
    name, text = random.choice(sorted(other.headers.items()))
    return replace(sent, headers=sent.headers | {name: text})


CHANGES: tuple[Callable[[Random, Sent], Sent], ...] = (
    _edit_header, _edit_header, _edit_body, _edit_body, _edit_url, _escape_url, _lose_header,
    _repeat_header, _add_items, _move_time, _move_border, _borrow,
)  # fmt: skip


def forged(random: Random, sent: Sent) -> Sent:
    """Return a request after one to three changes."""
    for change in random.choices(CHANGES, k=random.choice((1, 1, 2, 3))):
        sent = change(random, sent)
    return sent
