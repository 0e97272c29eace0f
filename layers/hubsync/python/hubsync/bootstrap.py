"""What a function that writes to HubSpot is connected to, made once from its environment."""

import os
import time
from functools import cache
from random import SystemRandom
from typing import NamedTuple
from zoneinfo import ZoneInfo

import httpx

from hubsync.edge import aws_clients
from hubsync.edge.access_tokens import Tokens
from hubsync.edge.http_connections import HttpConnections
from hubsync.edge.hubspot import TIMEOUT, HubSpot
from hubsync.edge.ledger import DynamoLedger
from hubsync.edge.rate_budgets import DynamoBudgets
from hubsync.edge.secrets import Secrets
from hubsync.ports import Ports, WritePolicy
from hubsync.settings import load
from hubsync.writer.rate_limiter import AccountPermits
from hubsync.writer_settings import WriterSettings, limit_of, versions_by_type


class Connections(NamedTuple):
    """The ports, and what stands behind them."""

    ports: Ports
    policy: WritePolicy
    hubspot: HubSpot
    ledger: DynamoLedger


@cache
def connections() -> Connections:
    """Connect by the environment; raises Misconfigured. Belongs to the process's one event loop."""
    settings = load(WriterSettings, os.environ)
    random = SystemRandom()
    permits = _Permits(settings, random)
    http = httpx.AsyncClient(
        base_url=settings.base_url, timeout=TIMEOUT, transport=HttpConnections()
    )
    tokens = Tokens(
        settings.token_secrets,
        Secrets(aws_clients.secretsmanager(), monotonic=time.monotonic),
        http=http,
        secretsmanager=aws_clients.secretsmanager(),
        dynamodb=aws_clients.dynamodb(),
        table=settings.state_table,
        now=time.time,
    )
    hubspot = HubSpot(
        http,
        token_of=tokens.of,
        versions=versions_by_type(settings),
        note=lambda account, usage: permits.of(account).note(usage),
    )
    ledger = DynamoLedger(aws_clients.dynamodb(), settings.state_table, random=random)
    return Connections(
        Ports(
            write=hubspot.write,
            read=hubspot.read,
            ledger=ledger,
            permits=permits.of,
            now=time.time,
            random=random,
        ),
        WritePolicy(settings.late_write_seconds, settings.not_found_retry_seconds),
        hubspot,
        ledger,
    )


class _Permits:
    """The permits of each account, made when it is first written to."""

    def __init__(self, settings: WriterSettings, random: SystemRandom) -> None:
        self._settings = settings
        self._random = random
        self._budgets = DynamoBudgets(aws_clients.dynamodb(), settings.state_table, random=random)
        self._known: dict[str, AccountPermits] = {}

    def of(self, account: str) -> AccountPermits:
        if account not in self._known:
            self._known[account] = AccountPermits(
                self._budgets,
                account,
                limit=limit_of(self._settings, account),
                time_zone=ZoneInfo(self._settings.time_zone),
                now=time.time,
                random=self._random,
            )
        return self._known[account]
