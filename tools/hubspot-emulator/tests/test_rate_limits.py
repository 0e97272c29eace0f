"""Rate limits, tokens and OAuth of the emulator."""

import json
from urllib.parse import urlencode

import pytest

from hubspot_emulator import HubSpot, Limits, OAuthApp, Request, Switches, Token

START = 1775001600.0  # 2026-04-01T00:00:00Z
APP = OAuthApp("client", "secret", "refresh")


class Account:
    """An account with a clock that the test moves."""

    def __init__(self, **more):
        self.now = START
        self.hubspot = HubSpot(now=lambda: self.now, **more)

    def call(self, token="t"):
        headers = {"authorization": f"Bearer {token}"}
        body = b'{"inputs": []}'
        return self.hubspot.handle(
            Request("POST", "/crm/v3/objects/contacts/batch/read", headers, body)
        )

    def post(self, path, **form):
        answer = self.hubspot.handle(Request("POST", path, {}, urlencode(form).encode()))
        return answer.status, json.loads(answer.body)

    def refresh(self, version="v3", **changes):
        form = {
            "grant_type": "refresh_token",
            "client_id": "client",
            "client_secret": "secret",
            "refresh_token": "refresh",
        }
        return self.post(f"/oauth/{version}/token", **form | changes)


def test_the_window_rolls():
    account = Account(limits=Limits(per_10_seconds=2, daily=0))
    statuses = []
    for at in (0, 4, 9, 10, 13.9, 14):
        account.now = START + at
        statuses.append(account.call().status)
    assert statuses == [200, 200, 429, 200, 429, 200]


def test_the_day_ends_at_midnight_where_the_account_is():
    portal = HubSpot(now=lambda: 0.0).portal.model_copy(update={"time_zone": "Europe/Berlin"})
    account = Account(portal=portal, limits=Limits(per_10_seconds=0, daily=1))
    statuses = []
    for hours in (0, 21.9, 22):  # Berlin is two hours ahead on that day
        account.now = START + hours * 3600
        statuses.append(account.call().status)
    assert statuses == [200, 429, 200]


def test_headers_tell_what_is_left():
    account = Account(limits=Limits(per_10_seconds=100, daily=1000))
    account.call()
    headers = account.call().headers
    assert {name: value for name, value in headers.items() if "RateLimit" in name} == {
        "X-HubSpot-RateLimit-Max": "100",
        "X-HubSpot-RateLimit-Remaining": "98",
        "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
        "X-HubSpot-RateLimit-Secondly": "10",
        "X-HubSpot-RateLimit-Secondly-Remaining": "8",
        "X-HubSpot-RateLimit-Daily": "1000",
        "X-HubSpot-RateLimit-Daily-Remaining": "998",
    }


def test_apps_share_the_day_and_not_the_window():
    tokens = {"a": Token(app="a"), "b": Token(app="b")}
    account = Account(limits=Limits(per_10_seconds=1, daily=2), tokens=tokens)
    assert [account.call(token).status for token in ("a", "a", "b", "b")] == [200, 429, 200, 429]
    account.now += 10
    assert json.loads(account.call("a").body)["policyName"] == "DAILY"


def test_retry_after_tells_when_the_window_opens():
    switches = Switches(retry_after_on_429="seconds")
    account = Account(limits=Limits(per_10_seconds=1, daily=0), switches=switches)
    account.call()
    account.now += 3.5
    assert account.call().headers["Retry-After"] == "7"


def test_an_oauth_app_gets_no_headers_of_the_day():
    account = Account(limits=Limits(), apps=[APP])
    _, told = account.refresh()
    names = account.call(told["access_token"]).headers.keys()
    assert "X-HubSpot-RateLimit-Max" in names
    assert "X-HubSpot-RateLimit-Daily" not in names


def test_any_token_will_do_unless_tokens_are_configured():
    assert Account().call("whatever").status == 200
    account = Account(tokens=["mine"])
    assert [account.call("mine").status, account.call("other").status] == [200, 401]


def test_an_unreadable_token_expired_in_1970():
    told = json.loads(Account(tokens=["mine"]).call("other").body)
    assert (told["message"], told["context"]) == (
        "The OAuth token used to make this call expired 20544 day(s) ago.",
        {"expire time": ["1970-01-01T00:00:00.000Z"]},
    )


def test_a_token_can_be_expired_by_hand():
    account = Account()
    account.call("mine")
    account.hubspot.expire("mine")
    assert [account.call("mine").status, account.call("other").status] == [401, 200]


@pytest.mark.parametrize("version", ["v1", "v3", "2026-03"])
def test_a_refreshed_token_serves_for_half_an_hour(version):
    account = Account(tokens=["mine"], apps=[APP])
    status, told = account.refresh(version)
    assert (status, told) == (
        200,
        {
            "access_token": told["access_token"],
            "refresh_token": "refresh",
            "expires_in": 1800,
            "token_type": "bearer",
            "token_use": "access_token",
            "hub_id": 10000001,
            "scopes": [],
        },
    )
    statuses = []
    for seconds in (0, 1799, 1800):
        account.now = START + seconds
        statuses.append(account.call(told["access_token"]).status)
    assert statuses == [200, 200, 401]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"grant_type": "password"}, "BAD_GRANT_TYPE"),
        ({"client_id": "other"}, "BAD_CLIENT"),
        ({"client_secret": "other"}, "BAD_CLIENT"),
        ({"refresh_token": "other"}, "BAD_REFRESH_TOKEN"),
        ({"refresh_token": ""}, "BAD_REFRESH_TOKEN"),
    ],
)
def test_a_bad_refresh_is_refused(changes, told):
    status, body = Account(apps=[APP]).refresh(**changes)
    assert (status, body["status"]) == (400, told)


def test_a_revoked_refresh_token_refreshes_no_more():
    account = Account(apps=[APP])
    assert account.post("/oauth/v3/token/revoke", token="refresh") == (200, {})
    assert account.refresh()[0] == 400


def test_a_token_can_be_looked_into():
    account = Account(apps=[APP])
    _, told = account.refresh()
    token = told["access_token"]
    looked = [account.post("/oauth/v3/token/introspect", token=each)[1] for each in (token, "?")]
    assert looked == [
        {
            "active": True,
            "client_id": "client",
            "token_use": "access_token",
            "expires_at": "2026-04-01T00:30:00.000Z",
        },
        {"active": False},
    ]
