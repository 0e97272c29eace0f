"""What a function that writes to HubSpot is connected to, made once from its environment."""

import asyncio
import os
import time
from dataclasses import dataclass
from functools import cache
from random import SystemRandom

import httpx

from hubsync.edge import aws
from hubsync.edge.hubspot import TIMEOUT, HubSpot
from hubsync.edge.ledger import DynamoLedger
from hubsync.edge.secrets import Secrets, access_token
from hubsync.errors import Misconfigured
from hubsync.ports import Ports, Terms
from hubsync.settings import WriterSettings, load, versions_by_type


@dataclass(frozen=True, slots=True)
class Connections:
    """The ports, and what stands behind them."""

    ports: Ports
    terms: Terms
    hubspot: HubSpot
    ledger: DynamoLedger


@cache
def connections() -> Connections:
    """Connect by the environment; raises Misconfigured. Belongs to the process's one event loop."""
    settings = load(WriterSettings, os.environ)
    random = SystemRandom()
    hubspot = HubSpot(
        httpx.AsyncClient(base_url=settings.base_url, timeout=TIMEOUT),
        token_of=_Tokens(settings).of,
        versions=versions_by_type(settings),
    )
    ledger = DynamoLedger(aws.dynamodb(), settings.state_table, random=random)
    return Connections(
        Ports(write=hubspot.write, read=hubspot.read, ledger=ledger, now=time.time, random=random),
        Terms(settings.late_write_seconds, settings.not_found_retry_seconds),
        hubspot,
        ledger,
    )


class _Tokens:
    def __init__(self, settings: WriterSettings) -> None:
        self._names = settings.token_secrets
        self._secrets = Secrets(aws.secrets_provider(), monotonic=time.monotonic)

    async def of(self, account: str, fresh: bool) -> str:  # noqa: FBT001 - a port
        name = self._names.get(account)
        if name is None:
            raise Misconfigured(f"HUBSPOT_TOKEN_SECRETS names no secret of account {account}")
        if self._secrets.known(name, fresh=fresh):
            return access_token(self._secrets, name, fresh=fresh)
        return await asyncio.to_thread(access_token, self._secrets, name, fresh=fresh)
