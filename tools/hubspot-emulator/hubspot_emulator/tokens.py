"""Who may call: bearer tokens, their scopes and expiry, and the OAuth endpoints that issue them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from random import Random
from urllib.parse import parse_qs

from hubspot_emulator import error_bodies
from hubspot_emulator.http_messages import Body, Refusal, Request, iso
from hubspot_emulator.portal import ObjectType
from hubspot_emulator.switches import Switches

BEARER = "Bearer "
ACCESS_SECONDS = 1800  # Documented.


@dataclass(frozen=True, slots=True)
class Token:
    """What a token stands for; without scopes it may do everything."""

    app: str = "private-app"
    scopes: frozenset[str] | None = None
    expires_at: float | None = None
    oauth: bool = False
    may_associate: bool = True


@dataclass(frozen=True, slots=True)
class OAuthApp:
    client_id: str
    client_secret: str
    refresh_token: str
    scopes: frozenset[str] | None = None


class Tokens:
    """Without configured tokens any will do; without configured apps any may refresh."""

    def __init__(
        self,
        known: Mapping[str, Token] | Iterable[str],
        apps: Iterable[OAuthApp],
        random: Random,
    ) -> None:
        given = known if isinstance(known, Mapping) else dict.fromkeys(known, Token())
        self._known = dict(given)
        self._any = not self._known
        self._apps = {app.client_id: app for app in apps}
        self._revoked: set[str] = set()
        self._random = random

    def authenticate(self, headers: Mapping[str, str], now: float) -> Token:
        given = headers.get("authorization", "")
        if not given.startswith(BEARER) or not given.removeprefix(BEARER).strip():
            raise error_bodies.no_credentials()
        name = given.removeprefix(BEARER).strip()
        token = self._known.get(name) or (Token() if self._any else None)
        if token is None:
            # Observed: an unreadable token is said to have expired in 1970.
            raise error_bodies.expired_token(0, now)
        if token.expires_at is not None and token.expires_at <= now:
            raise error_bodies.expired_token(token.expires_at, now)
        return token

    def expire(self, name: str, now: float) -> None:
        """Let a token be refused from now on."""
        self._known[name] = replace(self._known.get(name, Token()), expires_at=now)

    def refresh(self, request: Request, switches: Switches, portal_id: int, now: float) -> Body:
        form = _form(request)
        if form.get("grant_type") != "refresh_token":
            raise Refusal(400, {"status": "BAD_GRANT_TYPE", "message": "unknown grant type"})
        app = self._app(form, switches)
        name = f"emulated-access-{self._random.getrandbits(64):016x}"
        expires_at = now + ACCESS_SECONDS
        self._known[name] = Token(app.client_id, app.scopes, expires_at, oauth=True)
        return {
            "access_token": name,
            "refresh_token": app.refresh_token,
            "expires_in": ACCESS_SECONDS,
            "token_type": "bearer",
            "token_use": "access_token",
            "hub_id": portal_id,
            "scopes": sorted(app.scopes or ()),
        }

    def introspect(self, request: Request, now: float) -> Body:
        """Assumed: the shape, after the RFC on token introspection."""
        token = self._known.get(_form(request).get("token", ""))
        if token is None or token.expires_at is None or token.expires_at <= now:
            return {"active": False}
        return {
            "active": True,
            "client_id": token.app,
            "token_use": "access_token",
            "expires_at": iso(token.expires_at),
        }

    def revoke(self, request: Request) -> None:
        name = _form(request).get("token", "")
        self._known.pop(name, None)
        self._revoked.add(name)

    def _app(self, form: Mapping[str, str], switches: Switches) -> OAuthApp:
        client, refresh = form.get("client_id", ""), form.get("refresh_token", "")
        if not self._apps:
            app = OAuthApp(client, form.get("client_secret", ""), refresh)
        else:
            app = self._apps.get(client) or OAuthApp("", "", "")
        if not client or app.client_secret != form.get("client_secret", ""):
            raise Refusal(400, {"status": "BAD_CLIENT", "message": "unknown client id or secret"})
        if not refresh or refresh != app.refresh_token or refresh in self._revoked:
            raise error_bodies.bad_refresh_token(switches)
        return app


def guard_scopes(token: Token, kind: ObjectType, verb: str, properties: Iterable[str]) -> None:
    """Documented: one scope per type and verb, more for sensitive properties."""
    if token.scopes is None:
        return
    family = "custom" if kind.type_id.startswith("2-") else kind.name
    needed = [f"crm.objects.{family}.{verb}"]
    grades = {kind.properties[name].sensitivity for name in properties if name in kind.properties}
    needed += [
        f"crm.objects.{family}.{grade}.{verb}.v2" for grade in sorted(grades - {"non_sensitive"})
    ]
    missing = [scope for scope in needed if scope not in token.scopes]
    if missing:
        raise error_bodies.missing_scopes(missing)


def _form(request: Request) -> dict[str, str]:
    form = parse_qs(request.body.decode(errors="replace"), keep_blank_values=True)
    return {name: values[-1] for name, values in form.items()}
