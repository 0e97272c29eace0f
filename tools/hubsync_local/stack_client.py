"""A visitor of a running stack: sends webhooks to it, and looks into its emulator."""

import time
from collections.abc import Mapping
from typing import Any, Self

import httpx

from hubsync.core.signatures.verify import sign
from hubsync_local.signing import scheme_of

REQUEST_SECONDS_MAX = 60
MESSAGE_ID = "msg_visitor"


class Visitor:
    """Visits the stack that this ready line announces; a context, since it holds connections."""

    def __init__(self, ready: Mapping[str, Any]) -> None:
        self.ready = ready
        # Everything is on this machine, so no proxy of the shell's is asked.
        self._http = httpx.Client(timeout=REQUEST_SECONDS_MAX, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._http.close()

    def sign(self, body: bytes, *, source: str = "changes") -> dict[str, str]:
        """Return the headers with which the source's upstream system signs this body now."""
        secret: str = self.ready["sources"][source]["secret"]
        return sign(
            secret,
            scheme=scheme_of(source),
            message_id=MESSAGE_ID,
            timestamp=int(time.time()),
            body=body,
            url=self._url(source),
        )

    def post(
        self, body: bytes, *, headers: Mapping[str, str] | None = None, source: str = "changes"
    ) -> httpx.Response:
        """Post a body of JSON; without headers it is signed as it should be."""
        return self._http.post(
            self._url(source),
            content=body,
            headers={
                "content-type": "application/json",
                **(self.sign(body, source=source) if headers is None else headers),
            },
        )

    def _url(self, source: str) -> str:
        return f"{self.ready['gateway']}/webhooks/{source}"

    def look(self, what: str, **query: str) -> dict[str, Any]:
        """Return what the emulator says of itself: records, calls, history."""
        return self._emulator("GET", what, params=query)

    def tell(self, what: str, content: object) -> dict[str, Any]:
        """Tell the emulator to have records, faults or limits."""
        return self._emulator("POST", what, json=content)

    def _emulator(self, method: str, what: str, **content: Any) -> dict[str, Any]:  # noqa: ANN401 - httpx's own options
        url = f"{self.ready['hubspot']}/__emulator__/{what}"
        answer: dict[str, Any] = (
            self._http.request(method, url, **content).raise_for_status().json()
        )
        return answer
