"""The in-process transport gives a client what a socket would, in the time of its loop."""

import asyncio
import selectors

import httpx
import pytest

from hubspot_emulator import Fault, HubSpot
from hubspot_emulator.httpx_transport import EmulatorTransport

START = 1775000000.0
PATH = "/crm/objects/2026-03/contacts/batch/upsert"
ADA = {"inputs": [{"idProperty": "email", "id": "ada@example.com", "properties": {"phone": "1"}}]}


class VirtualClock(selectors.SelectSelector):
    now = 0.0

    def select(self, timeout=None):
        assert timeout is not None, "deadlock: every task waits for another"
        self.now += timeout
        return super().select(0)


def posted(fault=None, timeout=30.0):
    """Post one upsert; tells the seconds it took, what came back, and whether it was written."""
    clock = VirtualClock()
    loop = asyncio.SelectorEventLoop(clock)
    loop.time = lambda: clock.now
    faults = [Fault.from_text(fault)] if fault else []
    hubspot = HubSpot(now=lambda: START + clock.now, faults=faults)

    async def post():
        transport = EmulatorTransport(hubspot)
        headers = {"Authorization": "Bearer t"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://hubspot", headers=headers, timeout=timeout
        ) as client:
            try:
                return (await client.post(PATH, json=ADA)).status_code
            except httpx.TransportError as error:
                return type(error)

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        outcome = runner.run(post())
    return clock.now, outcome, bool(hubspot.records("contacts"))


@pytest.mark.parametrize(
    ("fault", "timeout", "expected"),
    [
        (None, 30.0, (0, 200, True)),
        ("status=503", 30.0, (0, 503, False)),
        ("refused", 30.0, (0, httpx.ConnectError, False)),
        ("reset", 30.0, (0, httpx.ReadError, False)),
        ("lost_reply", 30.0, (0, httpx.ReadError, True)),
        ("cut", 30.0, (0, httpx.RemoteProtocolError, True)),
        ("slow=7", 30.0, (7, 200, True)),
        ("slow=31", 30.0, (30, httpx.ReadTimeout, True)),
        ("hang", 30.0, (30, httpx.ReadTimeout, True)),
        ("hang", None, (100, 524, True)),
        ("late_write=60", 30.0, (30, httpx.ReadTimeout, False)),
        ("late_write=60", None, (100, 524, True)),
    ],
)
def test_a_client_meets_what_a_socket_would_give_it(fault, timeout, expected):
    assert posted(fault, timeout) == expected
