"""HTTP/1.1 on asyncio, as far as boto3, httpx and urllib3 use it: bodies come with their length.

A server of the standard library takes a thread for each connection and several times the CPU.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import NamedTuple

HOST = "127.0.0.1"


class Request(NamedTuple):
    """One request; names of headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Answer(NamedTuple):
    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = {}


def serve(answer: Callable[[Request], Answer]) -> None:
    """Serve until the process that started this one is gone; prints the address."""
    asyncio.run(_serve(answer))


async def _serve(answer: Callable[[Request], Answer]) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(answer), HOST, 0)
    loop.add_reader(sys.stdin, _end_with_parent)
    port = server.sockets[0].getsockname()[1]
    sys.stdout.write(f"http://{HOST}:{port}\n")
    sys.stdout.flush()
    await server.serve_forever()


def _end_with_parent() -> None:
    if not os.read(sys.stdin.fileno(), 1):
        os._exit(0)


class _Connection(asyncio.Protocol):
    def __init__(self, answer: Callable[[Request], Answer]) -> None:
        self._answer = answer
        self._received = bytearray()
        self._expected = 0  # bytes without which the request in hand is not whole

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while len(self._received) >= self._expected and (request := self._request()):
            self._transport.write(_encoded(self._answer(request)))

    def _request(self) -> Request | None:
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return None
        first, *lines = self._received[:end].decode("latin-1").split("\r\n")
        pairs = (line.split(":", 1) for line in lines)
        headers = {name.lower(): value.strip() for name, value in pairs}
        start = end + 4
        whole = start + int(headers.get("content-length", 0))
        if len(self._received) < whole:
            self._expected = whole
            return None
        method, path, _ = first.split(" ")
        body = bytes(self._received[start:whole])
        del self._received[:whole]
        self._expected = 0
        return Request(method, path, headers, body)


def _encoded(answer: Answer) -> bytes:
    lines = [
        f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}",
        f"Content-Type: {answer.content_type}",
        f"Content-Length: {len(answer.body)}",
        *(f"{name}: {value}" for name, value in answer.headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + answer.body
