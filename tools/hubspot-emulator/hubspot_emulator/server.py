"""The emulator on a real socket: uvicorn, and a plain ASGI application.

ASGI knows no way to break a connection, so the server's protocol also hands out its sockets. What
cannot be done once a server has accepted a connection is to refuse it: `refused` breaks it instead.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from hubspot_emulator import Answer, Delivery, HubSpot, Request
from hubspot_emulator.control_api import control

HOST = "127.0.0.1"
STOP_SECONDS_MAX = 5
# Closing with a linger of 0 s sends a reset, not a proper end.
LINGER_NOT = struct.pack("ii", 1, 0)

type Message = MutableMapping[str, Any]  # as ASGI has it
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]
type Peer = tuple[str, int]


@dataclass(slots=True)
class EmulatorApp:
    """The ASGI application; `connections` are the open ones, by the client's address."""

    hubspot: HubSpot
    connections: dict[Peer, asyncio.Transport] = field(default_factory=dict)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = await _request(scope, receive)
        answer = control(self.hubspot, request) or self.hubspot.handle(request)
        if answer.delay_seconds and await _gone(receive, answer.delay_seconds):
            return
        if answer.delivery is Delivery.WHOLE:
            await _start(answer, send)
            await send({"type": "http.response.body", "body": answer.body})
            return
        if answer.delivery is Delivery.CUT:
            await _start(answer, send)
            half = answer.body[: len(answer.body) // 2]
            await send({"type": "http.response.body", "body": half, "more_body": True})
            self.connections[tuple(scope["client"])].close()
        else:
            _reset(self.connections[tuple(scope["client"])])
        await _gone(receive)


def protocol(connections: dict[Peer, asyncio.Transport]) -> type[H11Protocol]:
    """Make uvicorn's protocol keep its open connections in a dictionary."""

    class Protocol(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its parent has it
            super().connection_made(transport)
            if self.client is not None:
                connections[self.client] = transport

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            if self.client is not None:
                connections.pop(self.client, None)

    return Protocol


def listening_socket(port: int = 0, host: str = HOST) -> socket.socket:
    """Bind early, so that a port that is taken is an error at once, and 0 becomes a number."""
    return socket.create_server((host, port))


def server(hubspot: HubSpot) -> uvicorn.Server:
    app = EmulatorApp(hubspot)
    config = uvicorn.Config(
        app,
        http=protocol(app.connections),
        ws="none",
        lifespan="off",
        log_level="critical",
        server_header=False,
        timeout_graceful_shutdown=1,  # a fault may keep a request waiting for 100 s
    )
    return uvicorn.Server(config)


@contextmanager
def serve(hubspot: HubSpot, port: int = 0) -> Iterator[str]:
    """Serve from a thread of its own; gives the address."""
    running = server(hubspot)
    with listening_socket(port) as listening:
        thread = threading.Thread(target=running.run, args=([listening],), daemon=True)
        thread.start()
        try:
            yield address(listening)
        finally:
            running.should_exit = True
            thread.join(STOP_SECONDS_MAX)


def address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://{host}:{port}"


async def _request(scope: Message, receive: Receive) -> Request:
    body = bytearray()
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    query = scope["query_string"].decode("latin-1")
    path = scope["raw_path"].decode("latin-1")
    return Request(
        method=scope["method"],
        path=f"{path}?{query}" if query else path,
        headers={
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        },
        body=bytes(body),
    )


async def _start(answer: Answer, send: Send) -> None:
    headers = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
    if answer.body:
        headers.append((b"Content-Length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})


async def _gone(receive: Receive, within_seconds: float | None = None) -> bool:
    """Wait for the client to hang up; false if it is still there after this time."""
    try:
        async with asyncio.timeout(within_seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True


def _reset(connection: asyncio.Transport) -> None:
    raw = connection.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
    connection.abort()
