"""How upstream systems sign their requests: a row for each scheme, read by signature.py.

Documented by the owners: the Standard Webhooks specification 1.0; GitHub, "Validating webhook
deliveries"; Stripe, "Verify webhook signatures manually"; Shopify, "Verify webhook deliveries";
Slack, "Verifying requests from Slack"; HubSpot, "Validating requests", signature v3.
"""

import re
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

type Algorithm = Literal["sha1", "sha256", "sha512"]
type Encoding = Literal["base64", "hex"]
type SecretEncoding = Literal["text", "base64", "hex"]
type TimestampUnit = Literal["seconds", "milliseconds", "rfc3339"]

_PLACEHOLDER: Final = re.compile(r"\{([a-z]+)\}")


class Scheme(NamedTuple):
    """Where a request carries its signature, and what that is over.

    Names of headers are lower case. `signed` has placeholders: body, timestamp, id and url. Where
    `is_token` is set, there is no signature: the header is the secret itself.
    """

    header: str
    signed: str = "{body}"
    prefix: str = ""  # of a signature within its header
    public_prefix: str | None = None  # the same, where a public key verifies it
    separator: str | None = None  # of several items in one header; unknown ones are passed over
    timestamp_item: str | None = None  # the prefix of the item that is the timestamp
    timestamp_header: str | None = None
    timestamp_unit: TimestampUnit = "seconds"
    id_header: str | None = None
    algorithm: Algorithm = "sha256"
    encoding: Encoding = "hex"
    takes_upper_case: bool = False  # of hexadecimal digits
    secret_encoding: SecretEncoding = "text"  # noqa: S105 - how it is written, and no secret
    secret_is_standard: bool = False  # as Standard Webhooks writes secrets
    also_called: tuple[str, str] | None = None  # what the names of headers begin with, and may
    is_token: bool = False
    url: str | None = None  # what the sender calls, where that is not what arrives here

    @property
    def headers(self) -> frozenset[str]:
        """Return the headers that hold what proves who sent a request, under all their names."""
        usual, other = self.also_called or ("", "")
        possible = (self.header, self.timestamp_header, self.id_header)
        names = {name for name in possible if name is not None}
        return frozenset(names | {name.replace(usual, other, 1) for name in names})


SCHEMES: Final[Mapping[str, Scheme]] = {
    "standard-webhooks": Scheme(
        header="webhook-signature",
        signed="{id}.{timestamp}.{body}",
        prefix="v1,",
        public_prefix="v1a,",
        separator=" ",
        timestamp_header="webhook-timestamp",
        id_header="webhook-id",
        encoding="base64",
        secret_is_standard=True,
        # Documented by Svix, whose scheme became the standard: the same under its old names.
        also_called=("webhook-", "svix-"),
    ),
    "github": Scheme(header="x-hub-signature-256", prefix="sha256="),
    "stripe": Scheme(
        header="stripe-signature",
        signed="{timestamp}.{body}",
        prefix="v1=",
        separator=",",
        timestamp_item="t=",
    ),
    "shopify": Scheme(header="x-shopify-hmac-sha256", encoding="base64"),
    "slack": Scheme(
        header="x-slack-signature",
        signed="v0:{timestamp}:{body}",
        prefix="v0=",
        timestamp_header="x-slack-request-timestamp",
    ),
    "hubspot-v3": Scheme(
        header="x-hubspot-signature-v3",
        signed="POST{url}{body}{timestamp}",  # No other method is answered here.
        timestamp_header="x-hubspot-request-timestamp",
        timestamp_unit="milliseconds",
        encoding="base64",
    ),
}
STANDARD_WEBHOOKS: Final = SCHEMES["standard-webhooks"]


def as_sent(scheme: Scheme, headers: Mapping[str, str]) -> Scheme:
    """Return the scheme under the names that its headers have in this request."""
    if scheme.also_called is None or scheme.header in headers:
        return scheme
    usual, other = scheme.also_called
    renamed = scheme.header.replace(usual, other, 1)
    if renamed not in headers:
        return scheme
    # All of them: what comes under the usual names beside it was not signed.
    return scheme._replace(
        header=renamed,
        timestamp_header=(scheme.timestamp_header or "").replace(usual, other, 1) or None,
        id_header=(scheme.id_header or "").replace(usual, other, 1) or None,
    )


def placeholders(template: str) -> list[str]:
    """Return what a template leaves open, as often as it does."""
    return _PLACEHOLDER.findall(template)


def fill(template: str, values: Mapping[str, bytes]) -> bytes:
    """Return a template's bytes. Values are not looked into: what is sent is no placeholder."""
    parts = _PLACEHOLDER.split(template)
    # Every second part is the name of a placeholder, since the pattern has one group.
    return b"".join(
        values[part] if index % 2 else part.encode() for index, part in enumerate(parts)
    )
