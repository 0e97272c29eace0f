"""The emulator without a socket: an httpx transport that calls the state machine in process.

What a transport does to an answer is turned into what a socket would give the client, in the time
of the running loop, so that a loop with a virtual clock moves it.
"""

import asyncio

import httpx

from hubspot_emulator import Answer, Delivery, HubSpot, Request


class EmulatorTransport(httpx.AsyncBaseTransport):
    def __init__(self, hubspot: HubSpot) -> None:
        self._hubspot = hubspot

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        answer = self._hubspot.handle(
            Request(
                method=request.method,
                path=request.url.raw_path.decode("ascii"),
                headers={name.lower(): value for name, value in request.headers.items()},
                body=body,
            )
        )
        await _wait(answer, request)
        return _delivered(answer, request)


async def _wait(answer: Answer, request: httpx.Request) -> None:
    """Let the answer take its time, or the client's read timeout end it."""
    if not answer.delay_seconds:
        return
    patience = request.extensions.get("timeout", {}).get("read")
    if patience is not None and patience < answer.delay_seconds:
        await asyncio.sleep(patience)
        msg = f"no answer within {patience} s"
        raise httpx.ReadTimeout(msg, request=request)
    await asyncio.sleep(answer.delay_seconds)


def _delivered(answer: Answer, request: httpx.Request) -> httpx.Response:
    match answer.delivery:
        case Delivery.REFUSED:
            msg = "connection refused"
            raise httpx.ConnectError(msg, request=request)
        case Delivery.LOST:
            msg = "connection reset by peer"
            raise httpx.ReadError(msg, request=request)
        case Delivery.CUT:
            msg = "peer closed connection without sending complete message body"
            raise httpx.RemoteProtocolError(msg, request=request)
        case Delivery.WHOLE:
            return httpx.Response(
                answer.status,
                headers=dict(answer.headers),
                content=answer.body,
                request=request,
            )
