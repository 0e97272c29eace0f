"""Connections to HubSpot, each with one call at a time.

httpcore's pool looks at every connection for every request, at its beginning and at its end, and
polls those that are idle: with 16 of them that was half of the CPU of a call.
"""

from contextlib import suppress
from typing import Final

import httpx

# Of all accounts together. Lambda gives a process 1,024 descriptors, and a call opens one.
IDLE_MAX: Final = 64


class HttpConnections(httpx.AsyncBaseTransport):
    """As many connections as there are calls at once; the one used last is taken first.

    Each account has so many calls at once that its writer allows, so accounts whose calls hang hold
    up no other. Connections that many accounts left idle are closed beyond IDLE_MAX. An answer is
    read to its end before it is returned. A connection on which a call failed is not used again.
    """

    def __init__(self) -> None:
        self._certificates = httpx.create_ssl_context()  # Read once: that takes 20 ms.
        self._idle: list[httpx.AsyncHTTPTransport] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        lane = self._idle.pop() if self._idle else self._another()
        try:
            answer = await lane.handle_async_request(request)
            await answer.aread()
        except BaseException:
            with suppress(httpx.HTTPError):
                await lane.aclose()
            raise
        if len(self._idle) < IDLE_MAX:
            self._idle.append(lane)
        else:
            await lane.aclose()
        return answer

    def _another(self) -> httpx.AsyncHTTPTransport:
        return httpx.AsyncHTTPTransport(verify=self._certificates)

    async def aclose(self) -> None:
        while self._idle:
            await self._idle.pop().aclose()
