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

_PLACEHOLDER: Final = re.compile(r"\{([a-z]+)\}")


class Scheme(NamedTuple):
    """Where a request carries its signature, and what that is over.

    Names of headers are lower case. `signed` has placeholders: body, timestamp, id and url.
    """

    header: str
    signed: str = "{body}"
    prefix: str = ""  # of a signature within its header
    public_prefix: str | None = None  # the same, where a public key verifies it
    separator: str | None = None  # of several items in one header; unknown ones are passed over
    timestamp_item: str | None = None  # the prefix of the item that is the timestamp
    timestamp_header: str | None = None
    timestamps_per_second: int = 1
    id_header: str | None = None
    algorithm: Algorithm = "sha256"
    encoding: Encoding = "hex"
    secret_is_base64: bool = False
    url: str | None = None  # what the sender calls, where that is not what arrives here


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
        secret_is_base64=True,
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
        timestamps_per_second=1_000,
        encoding="base64",
    ),
}
STANDARD_WEBHOOKS: Final = SCHEMES["standard-webhooks"]


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
