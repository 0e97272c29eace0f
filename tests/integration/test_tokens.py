"""Tokens against a local AWS and the emulator over a socket: plain ones, and OAuth renewals."""

import asyncio
import json
import time
import uuid
from pathlib import Path

import httpx
import pytest

from hubspot_emulator import HubSpot, OAuthApp
from hubspot_emulator.server import serve
from hubsync.edge.secrets import Secrets
from hubsync.edge.tokens import RENEW_SECONDS, Tokens
from hubsync.errors import Misconfigured
from hubsync_local.template.reader import read_template

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
APP = OAuthApp("client-1", "secret-1", "refresh-1")


@pytest.fixture(scope="session")
def table(either_dynamodb):
    found = read_template(TEMPLATE, aws=either_dynamodb.endpoint, stack="tokens")
    either_dynamodb.build_table(found.tables["StateTable"])
    return found.tables["StateTable"].name


@pytest.fixture
def hubspot():
    emulator = HubSpot(now=time.time, apps=[APP])
    with serve(emulator) as url:
        yield emulator, url


@pytest.fixture
def secret(either_dynamodb):
    """Makes a secret and gives its name."""

    def make(value):
        name = f"hubsync/hubspot/{uuid.uuid4().hex}"
        either_dynamodb.secrets.create_secret(Name=name, SecretString=json.dumps(value))
        return name

    return make


def grant(**changed):
    return {
        "client_id": APP.client_id,
        "client_secret": APP.client_secret,
        "refresh_token": APP.refresh_token,
        "access_token": "old-token",
        "expires_at": 0,
    } | changed


async def asked(either_dynamodb, table, url, name, *, consumers=1, fresh=False):
    """Let several consumers ask for the account's token at once."""
    async with httpx.AsyncClient(base_url=url) as http:
        views = [
            Tokens(
                {"main": name},
                Secrets(
                    either_dynamodb.secrets,
                    monotonic=time.monotonic,
                ),
                http=http,
                secretsmanager=either_dynamodb.secrets,
                dynamodb=either_dynamodb.dynamodb,
                table=table,
                now=time.time,
            )
            for _ in range(consumers)
        ]
        return await asyncio.gather(*(view.of("main", fresh) for view in views))


def stored(either_dynamodb, name):
    answer = either_dynamodb.secrets.get_secret_value(SecretId=name, VersionStage="AWSCURRENT")
    return json.loads(answer["SecretString"])


def renewals(emulator):
    return [call.status for call in emulator.calls if call.operation == "token"]


def test_an_expired_token_is_renewed_once_and_written_back(either_dynamodb, table, hubspot, secret):
    emulator, url = hubspot
    name = secret(grant())
    tokens = asyncio.run(asked(either_dynamodb, table, url, name, consumers=3))
    kept = stored(either_dynamodb, name)
    assert set(tokens) == {kept["access_token"]}
    assert kept["access_token"] != "old-token"
    assert kept["expires_at"] > time.time() + 1_000
    assert renewals(emulator) == [200]


def test_a_token_that_lasts_is_left_alone(either_dynamodb, table, hubspot, secret):
    emulator, url = hubspot
    name = secret(grant(expires_at=time.time() + RENEW_SECONDS + 60))
    assert asyncio.run(asked(either_dynamodb, table, url, name)) == ["old-token"]
    assert renewals(emulator) == []


def test_a_moment_in_words_is_kept_in_words(either_dynamodb, table, hubspot, secret):
    _, url = hubspot
    name = secret(grant(expires_at="2026-01-01T00:00:00Z"))
    asyncio.run(asked(either_dynamodb, table, url, name))
    assert stored(either_dynamodb, name)["expires_at"].endswith("Z")


def test_a_token_that_still_lasts_serves_when_its_renewal_fails(
    either_dynamodb, table, hubspot, secret
):
    _, url = hubspot
    name = secret(grant(refresh_token="revoked", expires_at=time.time() + 100))
    assert asyncio.run(asked(either_dynamodb, table, url, name)) == ["old-token"]


def test_a_token_that_cannot_be_renewed_says_which_secret(either_dynamodb, table, hubspot, secret):
    _, url = hubspot
    name = secret(grant(refresh_token="revoked"))
    with pytest.raises(Misconfigured, match=name):
        asyncio.run(asked(either_dynamodb, table, url, name))


def test_a_plain_token_needs_no_renewal(either_dynamodb, table, hubspot, secret):
    emulator, url = hubspot
    name = secret({"access_token": "pat-na1-1"})
    assert asyncio.run(asked(either_dynamodb, table, url, name)) == ["pat-na1-1"]
    assert renewals(emulator) == []
