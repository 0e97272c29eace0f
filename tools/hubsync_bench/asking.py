"""What stand-ins tell of themselves."""

import json
from typing import Any
from urllib.request import Request, urlopen


def emulator(address: str, what: str, body: bytes | None = None) -> Any:  # noqa: ANN401 - any JSON
    """Ask the emulator about itself, or tell it something."""
    return _asked(Request(f"{address}/__emulator__/{what}", body))  # noqa: S310 - our own address


def metered(aws: str) -> tuple[float, float]:
    """Return the read and write units that DynamoDB would bill so far."""
    answer = _asked(Request(aws, b"{}", {"X-Amz-Target": "Bench.Metered"}))  # noqa: S310
    return answer["read_units"], answer["write_units"]


def _asked(request: Request) -> Any:  # noqa: ANN401
    with urlopen(request) as answer:  # noqa: S310
        return json.load(answer)
