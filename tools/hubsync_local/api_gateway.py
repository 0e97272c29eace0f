"""API Gateway's HTTP API: requests on a port become events of the functions that have the routes.

An ASGI application, served by uvicorn on a thread of its own.
"""

import asyncio
import contextlib
import socket
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import uvicorn

from hubsync_local.api_gateway_payload import (
    Request,
    Response,
    match_path,
    message,
    to_event,
    to_response,
)
from hubsync_local.lambda_runtime import PROCESSES_MAX, Result
from hubsync_local.processes import LocalError
from hubsync_local.template.model import Route

BODY_BYTES_MAX = 10 * 1024 * 1024  # Documented: 10 MB for an HTTP API.
INTEGRATION_SECONDS_MAX = 30  # Documented: a hard limit.
# More wait in line here than run: as many as there are processes.
THREADS = PROCESSES_MAX
STOP_SECONDS_MAX = 5.0

type Receive = Callable[[], Awaitable[Mapping[str, Any]]]  # ASGI's own messages
type Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class Invokes(Protocol):
    def invoke(self, event: object) -> Result: ...


class Gateway:
    """An ASGI application; `routes` in order of precedence, each with what it invokes."""

    def __init__(self, routes: Sequence[tuple[Route, Invokes]]) -> None:
        self._routes = routes
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="gateway")

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        request_id = str(uuid.uuid4())
        body = await _body(receive)
        if body is None:
            response = message(413, "Request Entity Too Large")
        else:
            response = await self._answer(_request(scope, body), request_id)
        await _write(send, response, request_id)

    async def _answer(self, request: Request, request_id: str) -> Response:
        for route, function in self._routes:
            parameters = match_path(route, request.raw_path)
            if parameters is not None and route.method in {"ANY", request.method}:
                now = time.time()
                event = to_event(request, route, parameters, now=now, request_id=request_id)
                return await self._invoke(function, event)
        return message(404, "Not Found")

    async def _invoke(self, function: Invokes, event: object) -> Response:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(INTEGRATION_SECONDS_MAX):
                return to_response(
                    await loop.run_in_executor(self._threads, function.invoke, event)
                )
        except TimeoutError:
            return message(503, "Service Unavailable")
        except LocalError:  # the stack is stopping
            return message(500, "Internal Server Error")


@contextlib.contextmanager
def serving(gateway: Gateway, listener: socket.socket) -> Iterator[None]:
    """Serve on a listening socket while the context lasts."""
    config = uvicorn.Config(gateway, lifespan="off", log_config=None, access_log=False)
    config.timeout_graceful_shutdown = int(STOP_SECONDS_MAX)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="gateway")
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def _request(scope: Mapping[str, Any], body: bytes) -> Request:
    peer, _ = scope["client"]
    headers = [(_decoded(name), _decoded(value)) for name, value in scope["headers"]]
    forwarded = [
        ("x-forwarded-for", peer),
        ("x-forwarded-port", str(scope["server"][1])),
        ("x-forwarded-proto", scope["scheme"]),
    ]
    return Request(
        method=scope["method"],
        raw_path=_decoded(scope["raw_path"]),
        query=_decoded(scope["query_string"]),
        headers=[*headers, *forwarded],
        body=body,
        source_ip=peer,
        protocol=f"HTTP/{scope['http_version']}",
    )


def _decoded(part: bytes) -> str:
    return part.decode("latin-1")  # HTTP's own encoding: every byte is a character


async def _body(receive: Receive) -> bytes | None:
    """Read the whole body; None if it exceeds BODY_BYTES_MAX."""
    body, more = bytearray(), True
    while more:
        part = await receive()
        more = part.get("more_body", False)
        body += part.get("body", b"")
        if len(body) > BODY_BYTES_MAX:
            return None
    return bytes(body)


async def _write(send: Send, response: Response, request_id: str) -> None:
    headers = [*response.headers, ("apigw-requestid", request_id)]
    headers.append(("content-length", str(len(response.body))))
    encoded = [(name.encode(), value.encode()) for name, value in headers]
    await send({"type": "http.response.start", "status": response.status, "headers": encoded})
    await send({"type": "http.response.body", "body": response.body})
