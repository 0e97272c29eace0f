"""The access token of each HubSpot account, and its renewal where the account came by OAuth.

A plain token is read from its secret; a rotated one is found when the old one is refused. An OAuth
token is renewed before it expires, by one consumer at a time, and written back to the secret, where
the others find it. HubSpot's advice (documented): a 401 alone is no reason to ask for a new token.
"""

import asyncio
import json
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from hubsync.core.event import format_timestamp, parse_timestamp
from hubsync.core.limits import TOKEN_SECONDS_MAX
from hubsync.edge.secrets import Secrets, access_token
from hubsync.errors import Misconfigured

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_secretsmanager import SecretsManagerClient

# Documented: the dated path is where HubSpot goes; v3 serves until September 2027.
TOKEN_PATHS: Final[tuple[str, ...]] = ("/oauth/2026-03/token", "/oauth/v3/token")
RENEWAL_SECONDS_MAX: Final = 8.0  # Below TOKEN_SECONDS_MAX, so that the old token can still serve.
assert RENEWAL_SECONDS_MAX < TOKEN_SECONDS_MAX
RENEW_SECONDS: Final = 300  # Before expiry; HubSpot's tokens last 1,800 s (documented).
TURN_SECONDS: Final = 60  # How long one consumer has the renewal to itself.
WAIT_SECONDS, WAITS_MAX = 1.0, 10
logger = logging.getLogger(__name__)
_OAUTH_FIELDS: Final = ("client_id", "client_secret", "refresh_token")


class Tokens:
    """Tokens by account."""

    def __init__(
        self,
        names: Mapping[str, str],
        secrets: Secrets,
        *,
        http: httpx.AsyncClient,
        secretsmanager: "SecretsManagerClient",
        dynamodb: "DynamoDBClient",
        table: str,
        now: Callable[[], float],
    ) -> None:
        """Take the secrets' names by account; turns at renewing are taken in the table."""
        self._names = names
        self._secrets = secrets
        self._http = http
        self._secretsmanager = secretsmanager
        self._dynamodb = dynamodb
        self._table = table
        self._now = now
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._paths = TOKEN_PATHS
        self._refused: dict[str, str] = {}  # By secret: the token that was renewed for a 401.

    async def of(self, account: str, fresh: bool) -> str:  # noqa: FBT001 - a port
        """Return the account's token; Misconfigured if there is none."""
        name = self._names.get(account)
        if name is None:
            raise Misconfigured(f"HUBSPOT_TOKEN_SECRETS names no secret of account {account}")
        before = self._token(name) if fresh else None
        if not self._secrets.known(name, fresh=fresh):
            async with self._locks[name]:
                await asyncio.to_thread(self._secrets.get, name, fresh=fresh)
        if self._seconds_left(name) < RENEW_SECONDS:
            await self._renew_in_time(name)
        elif before is not None and self._may_renew(name, before):
            self._refused[name] = before
            await self._renew_in_time(name, refused=before)
        return access_token(self._secrets, name)

    async def _renew_in_time(self, name: str, *, refused: str | None = None) -> None:
        """Renew the token; one that still lasts serves on where that fails or takes too long."""
        try:
            async with asyncio.timeout(RENEWAL_SECONDS_MAX), self._locks[name]:
                await self._renew(name, refused=refused)
        except (TimeoutError, Misconfigured):
            if self._seconds_left(name) <= 0:
                raise

    def _may_renew(self, name: str, refused: str) -> bool:
        """Whether a refused token that should last is to be renewed: once, and by OAuth.

        It was revoked, or its app installed anew. If HubSpot refuses the new one as well, renewing
        does not help.
        """
        is_current = access_token(self._secrets, name) == refused
        by_oauth = self._seconds_left(name) < float("inf")
        return is_current and by_oauth and self._refused.get(name) != refused

    def _token(self, name: str) -> str | None:
        try:
            return access_token(self._secrets, name)
        except Misconfigured:
            return None

    def _seconds_left(self, name: str) -> float:
        grant = _grant(self._secrets.get(name))
        return float("inf") if grant is None else _expiry(grant) - self._now()

    def _is_good(self, name: str, refused: str | None) -> bool:
        lasts = self._seconds_left(name) >= RENEW_SECONDS
        return lasts and (refused is None or access_token(self._secrets, name) != refused)

    async def _renew(self, name: str, *, refused: str | None) -> None:
        """Renew the token, or wait for another consumer that does so.

        The old one serves as long as it lasts, unless it is the one that HubSpot `refused`.
        """
        for _ in range(WAITS_MAX):
            if self._is_good(name, refused):
                return
            if await asyncio.to_thread(self._take_turn, name):
                await asyncio.to_thread(self._secrets.reread, name)
                if not self._is_good(name, refused):
                    await self._renew_now(name)
                return
            if self._seconds_left(name) > TURN_SECONDS:
                return
            await asyncio.sleep(WAIT_SECONDS)
            await asyncio.to_thread(self._secrets.reread, name)

    async def _renew_now(self, name: str) -> None:
        grant = _grant(self._secrets.get(name))
        assert grant is not None
        form = {"grant_type": "refresh_token", **{field: grant[field] for field in _OAUTH_FIELDS}}
        try:
            answer = await self._ask(form)
            granted = answer.json() if answer.status_code == HTTPStatus.OK else None
        except (httpx.HTTPError, ValueError):
            granted = None
        if not isinstance(granted, dict) or not isinstance(granted.get("access_token"), str):
            if self._seconds_left(name) > 0:
                return  # The next call tries again.
            raise Misconfigured(f"HubSpot does not renew the token of secret {name}")
        await asyncio.to_thread(self._store, name, grant, _renewed(grant, granted, self._now()))

    async def _ask(self, form: Mapping[str, str]) -> httpx.Response:
        """Ask for a token at the path that HubSpot has; the one that answered is asked first."""
        for path in self._paths:
            answer = await self._http.post(path, data=form)
            if answer.status_code != HTTPStatus.NOT_FOUND:
                if path != self._paths[0]:
                    logger.warning("token_path_is_gone: %s; asked %s", self._paths[0], path)
                    self._paths = (path, *(other for other in self._paths if other != path))
                return answer
        return answer

    def _take_turn(self, name: str) -> bool:
        """Take the renewal for a minute; False if another consumer has it."""
        now = round(self._now())
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item={"pk": {"S": f"renewal#{name}"}, "until": {"N": str(now + TURN_SECONDS)}},
                ConditionExpression="attribute_not_exists(pk) OR #until < :now",
                ExpressionAttributeNames={"#until": "until"},
                ExpressionAttributeValues={":now": {"N": str(now)}},
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        except (BotoCoreError, ClientError):
            return False
        return True

    def _store(self, name: str, before: dict[str, Any], grant: dict[str, Any]) -> None:
        """Write the renewed grant back, unless an operator has put in another one meanwhile."""
        now = _grant(self._secrets.read(name))  # What was known says nothing of a rotation.
        if now != before:
            return
        try:
            self._secretsmanager.put_secret_value(SecretId=name, SecretString=json.dumps(grant))
        except (BotoCoreError, ClientError) as error:
            raise Misconfigured(f"the renewed token cannot be written to secret {name}") from error
        self._secrets.reread(name)


def _grant(text: str | None) -> dict[str, Any] | None:
    """Return an OAuth secret's fields; None if the secret is of another kind."""
    try:
        value = json.loads(text or "")
    except ValueError:
        return None
    if not isinstance(value, dict) or not all(value.get(field) for field in _OAUTH_FIELDS):
        return None
    return value


def _expiry(grant: Mapping[str, Any]) -> float:
    """Return when the token expires, in seconds since 1970; one that does not say has expired."""
    value = grant.get("expires_at")
    if isinstance(value, int | float):
        return value
    try:
        return parse_timestamp(str(value)) / 1_000_000
    except ValueError:
        return 0.0


def _renewed(grant: dict[str, Any], granted: Mapping[str, Any], now: float) -> dict[str, Any]:
    expires_in = granted.get("expires_in")
    expires_at = round(now + (expires_in if isinstance(expires_in, int | float) else 0))
    return {
        **grant,
        "access_token": granted["access_token"],
        "refresh_token": granted.get("refresh_token") or grant["refresh_token"],
        # In the form the operator chose.
        "expires_at": format_timestamp(expires_at * 1_000_000)
        if isinstance(grant.get("expires_at"), str)
        else expires_at,
    }
