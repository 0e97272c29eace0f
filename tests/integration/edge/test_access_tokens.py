"""Tokens against a local AWS and the emulator over a socket: plain ones, and OAuth renewals."""

import asyncio
import json
import time
import uuid
from pathlib import Path

import boto3
import httpx
import pytest
from botocore.config import Config

from hubspot_emulator import Fault, HubSpot, OAuthApp
from hubspot_emulator.server import serve
from hubsync.core.limits import TOKEN_SECONDS_MAX
from hubsync.edge.access_tokens import RENEW_SECONDS, Tokens
from hubsync.edge.secrets import Secrets
from hubsync.errors import Misconfigured
from hubsync_local.template.reader import read_template

TEMPLATE = Path(__file__).parents[3] / "template.yaml"
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


def made(either_dynamodb, table, http, name):
    return Tokens(
        {"main": name},
        Secrets(either_dynamodb.secrets, monotonic=time.monotonic),
        http=http,
        secretsmanager=either_dynamodb.secrets,
        dynamodb=either_dynamodb.dynamodb,
        table=table,
        now=time.time,
    )


async def asked(either_dynamodb, table, url, name, *, consumers=1, fresh=False):
    """Let several consumers ask for the account's token at once."""
    async with httpx.AsyncClient(base_url=url) as http:
        views = [made(either_dynamodb, table, http, name) for _ in range(consumers)]
        return await asyncio.gather(*(view.of("main", fresh) for view in views))


def stored(either_dynamodb, name):
    answer = either_dynamodb.secrets.get_secret_value(SecretId=name, VersionStage="AWSCURRENT")
    return json.loads(answer["SecretString"])


def put(either_dynamodb, name, value):
    either_dynamodb.secrets.put_secret_value(SecretId=name, SecretString=json.dumps(value))


def asked_once(emulator):
    """Wait until HubSpot was asked for a token."""
    while not renewals(emulator):
        time.sleep(0.01)


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


def test_a_renewal_that_hangs_leaves_the_old_token_to_serve(
    either_dynamodb, table, hubspot, secret
):
    emulator, url = hubspot
    emulator.faults.extend([Fault(kind="hang", operation="token")])
    name = secret(grant(expires_at=time.time() + 100))

    async def story():
        # The client itself waits for ever, so that nothing but the renewal's own bound ends it.
        async with httpx.AsyncClient(base_url=url, timeout=None) as http:  # noqa: S113
            async with asyncio.timeout(TOKEN_SECONDS_MAX):
                return await made(either_dynamodb, table, http, name).of("main", fresh=False)

    assert asyncio.run(story()) == "old-token"


def test_a_refused_token_that_should_last_is_renewed_once(either_dynamodb, table, hubspot, secret):
    emulator, url = hubspot
    name = secret(grant(expires_at=time.time() + 1_000))

    async def story():
        async with httpx.AsyncClient(base_url=url) as http:
            tokens = made(either_dynamodb, table, http, name)
            first = await tokens.of("main", fresh=False)
            return [first, *[await tokens.of("main", fresh=True) for _ in range(2)]]

    old, new, again = asyncio.run(story())
    assert (old, new) == ("old-token", again)
    assert new == stored(either_dynamodb, name)["access_token"]
    assert renewals(emulator) == [200]


def test_a_renewed_token_does_not_overwrite_what_an_operator_put_in_meanwhile(
    either_dynamodb, table, hubspot, secret
):
    emulator, url = hubspot
    name = secret(grant())
    rotated = grant(client_secret="rotated", access_token="by-hand", expires_at=time.time() + 1_000)

    async def story():
        async with httpx.AsyncClient(base_url=url) as http:
            tokens = made(either_dynamodb, table, http, name)
            renewing = asyncio.create_task(tokens.of("main", fresh=False))
            await asyncio.to_thread(asked_once, emulator)
            await asyncio.to_thread(put, either_dynamodb, name, rotated)
            return await renewing

    emulator.faults.extend([Fault(kind="slow", operation="token", seconds=1)])
    assert asyncio.run(story()) == "by-hand"
    assert stored(either_dynamodb, name) == rotated


def test_a_rotation_is_not_overwritten_where_it_cannot_be_seen(either_dynamodb, table, secret):
    name = secret(grant())
    tokens = made(either_dynamodb, table, None, name)
    before = json.loads(tokens._secrets.get(name))  # noqa: SLF001
    put(either_dynamodb, name, rotated := grant(client_secret="rotated"))
    tokens._secrets._secretsmanager = out_of_reach(either_dynamodb.secrets)  # noqa: SLF001
    with pytest.raises(Misconfigured):
        tokens._store(name, before, before | {"access_token": "new"})  # noqa: SLF001
    assert stored(either_dynamodb, name) == rotated


def test_a_token_that_still_lasts_serves_on_where_the_new_one_cannot_be_stored(
    either_dynamodb, table, hubspot, secret
):
    emulator, url = hubspot
    name = secret(grant(expires_at=time.time() + 100))

    async def story():
        async with httpx.AsyncClient(base_url=url) as http:
            tokens = made(either_dynamodb, table, http, name)
            tokens._secretsmanager = out_of_reach(either_dynamodb.secrets)  # noqa: SLF001
            return await tokens.of("main", fresh=False)

    assert asyncio.run(story()) == "old-token"
    assert renewals(emulator) == [200]


def out_of_reach(client):
    """A client like this one of a service that nothing reaches."""
    return boto3.client(
        client.meta.service_model.service_name,
        endpoint_url="http://127.0.0.1:9",
        region_name=client.meta.region_name,
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(retries={"total_max_attempts": 1}),
    )


def test_where_the_dated_path_is_gone_a_token_is_renewed_at_the_older_one_and_it_is_told(
    either_dynamodb, table, hubspot, secret, caplog
):
    emulator, url = hubspot
    emulator.faults.extend([Fault(kind="status", status=404, operation="token", times=1)])
    assert asyncio.run(asked(either_dynamodb, table, url, secret(grant()))) != ["old-token"]
    assert renewals(emulator) == [404, 200]
    assert ["token_path_is_gone" in each.getMessage() for each in caplog.records].count(True) == 1
