"""One behaviour suite for the budgets, in memory and in DynamoDB."""

import asyncio
import uuid
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from hubsync.core.hubspot.rate_budget import (
    PROBE_MS,
    Budget,
    Denied,
    Granted,
    broken,
    interval_ms,
    mended,
    reserve,
)
from hubsync.edge.rate_budgets import DynamoBudgets
from hubsync.errors import Unanswered
from hubsync_local.in_memory import MemoryBudgets
from hubsync_local.template.reader import read_template

TEMPLATE = Path(__file__).parents[3] / "template.yaml"
NOW = 1_795_000_000_000
INTERVAL = interval_ms(100)


@pytest.fixture(scope="session")
def in_moto(local_aws):
    return budgets_in(local_aws)


@pytest.fixture(scope="session")
def in_dynoxide(aws_with_dynoxide):
    return budgets_in(aws_with_dynoxide)


def budgets_in(some_aws):
    table = read_template(TEMPLATE, aws=some_aws.endpoint, stack="budgets").tables["StateTable"]
    some_aws.build_table(table)
    return lambda: DynamoBudgets(some_aws.dynamodb, table.name, random=Random(0))


@pytest.fixture
def account():
    return uuid.uuid4().hex


@pytest.fixture(params=["memory", "moto", "dynoxide"])
def budgets(request):
    """Gives several consumers their views of one store."""
    if request.param == "memory":
        known = MemoryBudgets()
        return lambda: known
    return request.getfixturevalue(f"in_{request.param}")


def taking(permits, now=NOW, ahead=10_000):
    return lambda known: reserve(known, permits, now=now, interval=INTERVAL, latest=now + ahead)


def test_consumers_get_slots_one_after_the_other_whoever_asks(budgets, account):
    async def ask():
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(budgets().update(account, taking(3))) for _ in range(4)]
        return [task.result() for task in asked]

    slots = sorted(slot for granted in asyncio.run(ask()) for slot in granted.slots)
    assert len(slots) == 12
    # Two may go at once; after that, each an interval later.
    gaps = [later - sooner for sooner, later in pairwise(slots[1:])]
    assert min(gaps) >= INTERVAL - 1


def test_a_broken_account_is_probed_by_one_and_mended_for_all(budgets, account):
    first, second = budgets(), budgets()

    async def story():
        await first.update(account, lambda known: (broken(known, until=NOW + 1_000), None))
        early = await second.update(account, taking(1))
        probe = await second.update(account, taking(5, now=NOW + 1_001))
        late = await first.update(account, taking(1, now=NOW + 1_002))
        await second.update(account, lambda known: (mended(known, now=NOW + 2_000), None))
        return early, probe, late, await first.update(account, taking(1, now=NOW + 2_000))

    early, probe, late, after = asyncio.run(story())
    assert early == Denied(NOW + 1_000, broken=True)
    assert probe == Granted((NOW + 1_001,), probe=True)
    assert late == Denied(NOW + 1_001 + PROBE_MS, broken=True)
    assert after == Granted((NOW + 2_000,))


def test_accounts_do_not_share_a_budget(budgets, account):
    async def ask():
        await budgets().update(account, lambda known: (broken(known, until=NOW + 1), None))
        return await budgets().update(f"{account}-other", taking(1))

    assert asyncio.run(ask()) == Granted((NOW,))


def test_a_store_that_does_not_answer_says_so(local_aws):
    client = local_aws.dynamodb
    with pytest.raises(Unanswered):
        asyncio.run(
            DynamoBudgets(client, "no-such-table", random=Random(0)).update(
                "main", lambda _known: (Budget(1), None)
            )
        )
