"""HubSpot over HTTP: a batch in, a reply out. Nothing that can happen on the way raises."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Final, TypeIs

import httpx

from hubsync.core.hubspot.batch import Batch, Route
from hubsync.core.hubspot.batch_api import decode, decode_read, encode_read, path, usage_of
from hubsync.core.hubspot.reply import (
    Ambiguous,
    NotApplied,
    ReadResult,
    Reply,
    Scope,
    Unread,
    Usage,
)
from hubsync.core.limits import (
    CALL_SECONDS_MAX,
    CONNECT_SECONDS_MAX,
    READ_SECONDS_MAX,
    TOKEN_SECONDS_MAX,
)
from hubsync.errors import Misconfigured

type TokenOf = Callable[[str, bool], Awaitable[str]]
"""The token of an account; anew if the flag is set."""

type Note = Callable[[str, Usage], None]

TIMEOUT: Final = httpx.Timeout(READ_SECONDS_MAX, connect=CONNECT_SECONDS_MAX)
# No connection, so no request: these are the only failures after which nothing can have happened.
_NEVER_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class HubSpot:
    """The batch API of any number of accounts over one connection pool."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        token_of: TokenOf,
        versions: Mapping[str, str],
        note: Note | None = None,
    ) -> None:
        """Take a client whose base URL is HubSpot's, and the API version by type id.

        `note` is told HubSpot's own count of the account's calls, where an answer gives it.
        """
        self._note = note
        self.calls = 0
        self.throttled = 0
        self._forbidden: defaultdict[str, set[str]] = defaultdict(set)  # types, by account
        self._http = http
        self._token_of = token_of
        self.versions = versions

    async def write(self, batch: Batch) -> Reply:
        """Send a batch and return what HubSpot says of it."""
        route = batch.route
        url = path(route.object_type, route.operation, self.versions)
        answer = await self._post(route.account, url, batch.encode())
        if not isinstance(answer, httpx.Response):
            return answer
        reply = decode(batch, answer.status_code, answer.headers, answer.content)
        of_type = self._is_of_type(route, answer)
        return replace(reply, scope=Scope.BATCH) if _is_wide(reply) and of_type else reply

    async def read(
        self, route: Route, ids: Sequence[str], names: Sequence[str]
    ) -> ReadResult | Unread:
        """Return what HubSpot shows of at most 100 records, addressed as the route does."""
        return await self._read(route, ids, encode_read(route, ids, names))

    async def read_histories(
        self, route: Route, ids: Sequence[str], names: Sequence[str]
    ) -> ReadResult | Unread:
        """Return the same with the properties' histories, of at most 50 records."""
        return await self._read(route, ids, encode_read(route, ids, names, histories=True))

    async def _read(self, route: Route, ids: Sequence[str], body: bytes) -> ReadResult | Unread:
        url = path(route.object_type, "read", self.versions)
        answer = await self._post(route.account, url, body)
        if not isinstance(answer, httpx.Response):
            return answer
        found = decode_read(route, ids, answer.status_code, answer.headers, answer.content)
        of_type = self._is_of_type(route, answer)
        return replace(found, scope=Scope.BATCH) if _is_wide(found) and of_type else found

    def _is_of_type(self, route: Route, answer: httpx.Response) -> bool:
        """Whether a 403 is about the object type: none of another type was answered so.

        A tool of the portal may be switched off for one type (assumed); an app that is blocked is
        answered so for all.
        """
        forbidden = self._forbidden[route.account]
        if answer.status_code != HTTPStatus.FORBIDDEN:
            forbidden.discard(route.object_type)
            return False
        forbidden.add(route.object_type)
        return len(forbidden) == 1

    async def _post(
        self, account: str, url: str, body: bytes
    ) -> httpx.Response | NotApplied | Ambiguous:
        """Send once; on a 401 once more, if that made us find another token and time is left."""
        ends = asyncio.get_running_loop().time() + CALL_SECONDS_MAX
        try:
            token = await self._token(account, fresh=False)
            answer = await self._send(account, token, url, body, ends)
            if not isinstance(answer, httpx.Response) or (
                answer.status_code != HTTPStatus.UNAUTHORIZED
            ):
                return answer
            fresh = await self._token(account, fresh=True)
        except Misconfigured:
            return NotApplied("NO_TOKEN", scope=Scope.ACCOUNT)
        except TimeoutError:
            return NotApplied("TOKEN_LATE", scope=Scope.ACCOUNT)
        late = ends - asyncio.get_running_loop().time() < READ_SECONDS_MAX
        if late or fresh == token:
            return answer
        return await self._send(account, fresh, url, body, ends)

    async def _token(self, account: str, *, fresh: bool) -> str:
        async with asyncio.timeout(TOKEN_SECONDS_MAX):
            return await self._token_of(account, fresh)

    async def _send(
        self, account: str, token: str, url: str, body: bytes, ends: float
    ) -> httpx.Response | NotApplied | Ambiguous:
        self.calls += 1
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            # httpx's read timeout starts anew at each read, so the whole call has its own.
            async with asyncio.timeout_at(ends):
                answer = await self._http.post(url, content=body, headers=headers)
        except _NEVER_SENT as error:
            return NotApplied(f"UNREACHABLE_{type(error).__name__}", scope=Scope.ACCOUNT)
        except (httpx.HTTPError, TimeoutError) as error:
            return Ambiguous(f"NO_ANSWER_{type(error).__name__}")
        self.throttled += answer.status_code == HTTPStatus.TOO_MANY_REQUESTS
        usage = usage_of(answer.headers)
        if usage is not None and self._note is not None:
            self._note(account, usage)
        return answer


def _is_wide(reply: object) -> TypeIs[NotApplied]:
    return isinstance(reply, NotApplied) and reply.scope is Scope.ACCOUNT
