"""Two accounts in one invocation: whatever befalls one, the other is written at its usual pace."""

import asyncio
import contextlib

import httpx
import pytest

from hubspot_emulator import UNLIMITED, Fault, HubSpot, Limits
from hubsync.core.hubspot.rate_budget import broken
from hubsync.core.records.outcome import Written
from hubsync.edge.http_connections import HttpConnections
from hubsync.edge.hubspot import TIMEOUT
from hubsync_local.virtual.pipeline import Pipeline, assert_accounted_for
from tests.builders import raw_event

EVENTS = 500  # 5 calls, each in a slot of its own
LIMIT = 190
HEALED_AFTER = 600

FAULTS = {
    "is throttled": Fault(kind="status", status=429, policy="TEN_SECONDLY_ROLLING"),
    "is at its daily limit": Fault(kind="status", status=429, policy="DAILY"),
    "is down": Fault(kind="status", status=503),
    "refuses connections": Fault(kind="refused"),
    "says nothing": Fault(kind="hang"),
    "is slow": Fault(kind="slow", seconds=25),
    "is migrating": Fault(kind="migrating"),
    "refuses its token": Fault(kind="expired_token"),
}
TROUBLES = [*FAULTS, "allows one call in ten seconds", "is paused", "has no secret"]


def events(account):
    return [raw_event(eventId=f"{account}-{n}", id=f"c{n}@example.com") for n in range(EVENTS)]


def an_invocation_for(*accounts, during=None):
    """Both accounts' events, in as many messages each, arrive together."""
    pipeline = Pipeline(limit=LIMIT, during=during)
    for account in accounts:
        sent = events(account)
        for first in range(0, EVENTS, 100):
            pipeline.put(*sent[first : first + 100], account=account)
    return pipeline


def trouble(pipeline, what):
    """Let this happen to the other account, and return what ends it."""
    scarce = what == "allows one call in ten seconds"
    other = HubSpot(now=pipeline.now, limits=Limits(1, 0) if scarce else UNLIMITED)
    if what in FAULTS:
        other.faults.extend([FAULTS[what]])
    if what == "is paused":
        until = round((pipeline.now() + HEALED_AFTER) * 1000)
        pipeline.budgets.budgets["other"] = broken(pipeline.budgets.of("other"), until=until)
    if what != "has no secret":
        pipeline.portals["other"] = other
    return other


def call_times(pipeline):
    return [call.time for call in pipeline.hubspot.calls]


@pytest.fixture(scope="module")
def alone():
    """How it goes for an account that has the invocation to itself."""
    return call_times(an_invocation_for("main").run())


@pytest.mark.parametrize("what", TROUBLES)
def test_an_account_is_written_at_its_pace_while_another(what, alone):
    async def healing(pipeline):
        await asyncio.sleep(HEALED_AFTER)
        other.faults.clear()
        pipeline.portals["other"] = other

    pipeline = an_invocation_for("other", "main", during=healing)
    other = trouble(pipeline, what)
    pipeline.run()
    first = pipeline.invocations[0]
    outcomes = [
        outcome for delivery, outcome in first.outcomes if delivery.record.account == "main"
    ]
    assert outcomes == [Written()] * EVENTS
    # Not one call more, and none later, but for the chance in how long a wait for slots is.
    assert call_times(pipeline) == pytest.approx(alone, abs=0.05)
    assert_accounted_for(pipeline, [f"{a}-{n}" for a in ("other", "main") for n in range(EVENTS)])
    assert pipeline.letters == {}


def test_accounts_whose_calls_hang_take_no_connection_from_another():
    async def serve(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        if b"quick" in head:
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        writer.close()

    async def story():
        server = await asyncio.start_server(serve, "127.0.0.1")
        port = server.sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(
            base_url=url, timeout=TIMEOUT, transport=HttpConnections()
        ) as http:
            hanging = [asyncio.create_task(http.post("/hangs")) for _ in range(7 * 16)]
            await asyncio.sleep(0)
            async with asyncio.timeout(10):
                answer = await http.post("/quick")
            for task in hanging:
                task.cancel()
            await asyncio.gather(*hanging, return_exceptions=True)
        server.close()
        server.close_clients()
        return answer.status_code

    assert asyncio.run(story()) == 204


def test_a_403_for_one_object_type_holds_up_no_other_type():
    blocked = '{"status": "error", "message": "no", "category": "BANNED"}'
    key = {"objectType": "companies", "idProperty": "external_id", "properties": {"name": "Acme"}}

    async def healing(pipeline):
        await asyncio.sleep(HEALED_AFTER)
        pipeline.hubspot.faults.clear()

    pipeline = Pipeline(limit=LIMIT, during=healing)
    fault = Fault(kind="status", status=403, object_type="companies", body=blocked)
    pipeline.hubspot.faults.extend([fault])
    began = pipeline.now()
    pipeline.put(*[raw_event(eventId=f"co-{n}", id=f"co-{n}", **key) for n in range(3)])
    pipeline.put(*events("main"), after=1)
    pipeline.run()
    everything = [*(f"co-{n}" for n in range(3)), *(f"main-{n}" for n in range(EVENTS))]
    assert_accounted_for(pipeline, everything)
    made = [record.created_at - began for record in pipeline.hubspot.records("contacts")]
    assert len(made) == EVENTS
    assert max(made) < 60
