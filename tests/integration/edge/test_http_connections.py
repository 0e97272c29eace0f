"""Which connections the calls to HubSpot take, over sockets."""

import asyncio
from contextlib import asynccontextmanager, suppress

import httpx
import pytest

from hubsync.edge.http_connections import HttpConnections

NOTHING = b"HTTP/1.1 204 No Content\r\n\r\n"
NO_GZIP = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1000\r\n\r\nno gzip"
BROKEN = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"


class Server:
    """Answers by path, and knows which of its connections each request came by."""

    def __init__(self):
        self.connections = 0
        self.came_by = []
        self.together = asyncio.Barrier(3)
        self.left = asyncio.Event()

    async def serve(self, reader, writer):
        self.connections += 1
        number = self.connections
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.came_by.append(number)
                if b"/together" in head:
                    await self.together.wait()
                if b"/never" in head:
                    await asyncio.Event().wait()
                if b"/no-gzip" in head:
                    writer.write(NO_GZIP)
                    await reader.read()
                    self.left.set()
                    break
                writer.write(BROKEN if b"/broken" in head else NOTHING)
                if b"/broken" in head:
                    break
        writer.close()


@asynccontextmanager
async def connected():
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1")
    port = listening.sockets[0].getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=url, transport=HttpConnections()) as http:
        yield server, http
    listening.close()
    listening.close_clients()


def test_calls_one_after_another_share_a_connection():
    async def story():
        async with connected() as (server, http):
            for _ in range(3):
                await http.get("/")
            return server.came_by

    assert asyncio.run(story()) == [1, 1, 1]


def test_calls_at_once_have_a_connection_each_and_later_ones_take_the_last():
    async def story():
        async with connected() as (server, http):
            async with asyncio.TaskGroup() as group:
                for _ in range(3):
                    group.create_task(http.get("/together"))
            for _ in range(3):
                await http.get("/")
            return server.came_by

    *at_once, first, second, third = asyncio.run(story())
    assert sorted(at_once) == [1, 2, 3]
    assert first == second == third


def test_a_connection_whose_answer_broke_off_is_not_used_again():
    async def story():
        async with connected() as (server, http):
            with pytest.raises(httpx.RemoteProtocolError):
                await http.get("/broken")
            await http.get("/")
            return server.came_by

    assert asyncio.run(story()) == [1, 2]


def test_a_connection_whose_call_was_given_up_is_not_used_again():
    async def story():
        async with connected() as (server, http):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await http.get("/never")
            await http.get("/")
            return server.came_by

    assert asyncio.run(story()) == [1, 2]


def test_a_connection_whose_answer_cannot_be_read_is_closed():
    async def story():
        async with connected() as (server, http):
            with pytest.raises(httpx.DecodingError):
                await http.get("/no-gzip")
            async with asyncio.timeout(5):
                await server.left.wait()

    asyncio.run(story())
