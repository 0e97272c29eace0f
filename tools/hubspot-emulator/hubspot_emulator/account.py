"""One HubSpot account that does what it is asked: authentication, limits, then the operation."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from random import Random
from urllib.parse import parse_qsl, unquote

from hubspot_emulator import batch_read, batch_write, error_bodies, metadata
from hubspot_emulator.batch_operation import Crm, Done, Operation, nothing
from hubspot_emulator.http_messages import Answer, Body, Refusal, Request, encoded
from hubspot_emulator.portal import ObjectType
from hubspot_emulator.rate_limits import Meter, Throttled
from hubspot_emulator.request_body import Batch, parse
from hubspot_emulator.routes import Route, route
from hubspot_emulator.switches import Switches
from hubspot_emulator.tokens import Token, Tokens, guard_scopes

REQUIRED = {  # Documented: what the schema requires of an input.
    "create": ("properties",),
    "read": ("id",),
    "update": ("id", "properties"),
    "upsert": ("id", "properties"),
    "archive": ("id",),
}
NOBODY = Token()


@dataclass(frozen=True, slots=True)
class Visit:
    """A request on its way through the account, parsed as far as it goes."""

    request: Request
    route: Route
    kind: ObjectType | None
    batch: Batch | None
    refusal: Refusal | None  # what is wrong with the request itself, told after authentication
    now: float
    correlation_id: str

    @property
    def operation(self) -> str:
        return self.route.name

    @property
    def object_types(self) -> tuple[str, ...]:
        return () if self.kind is None else (self.kind.name, self.kind.type_id)

    @property
    def inputs(self) -> Iterable[tuple[str, Mapping[str, str]]]:
        return [] if self.batch is None else [(i.id, i.properties) for i in self.batch.inputs]

    @property
    def size(self) -> int:
        return 0 if self.batch is None else len(self.batch.inputs)

    @property
    def query(self) -> Mapping[str, str]:
        return dict(parse_qsl(self.request.path.partition("?")[2]))

    @property
    def archived(self) -> bool:
        """Say whether the archived are asked for; HubSpot's own Python SDK writes `True`."""
        return self.query.get("archived", "").lower() == "true"


class Account:
    def __init__(self, crm: Crm, meter: Meter, tokens: Tokens, random: Random) -> None:
        self.crm = crm
        self.meter = meter
        self.tokens = tokens
        self._random = random

    @property
    def switches(self) -> Switches:
        return self.crm.switches

    def visit(self, request: Request, now: float) -> Visit:
        """Parse a request; what is wrong with it is kept, since authentication speaks first."""
        path = unquote(request.path.partition("?")[0])
        found = route(path) or Route(request.method, "unknown", "")
        kind = None if found.kind is None else self.crm.portal.by_path.get(found.kind)
        batch: Batch | None = None
        refusal: Refusal | None = None
        try:
            _guard_route(request, found, path, kind)
            if found.is_batch:
                batch = parse(request.body, REQUIRED[found.name], self.switches)
        except Refusal as wrong:
            refusal = wrong
        return Visit(request, found, kind, batch, refusal, now, self._uuid())

    def answer(self, visit: Visit) -> Answer:
        """Do what is asked, and say so."""
        token: Token | None = None
        try:
            token = self.authenticated(visit)
            self.metered(visit, token)
            done = self.act(visit, token, visit.now)
        except Refusal as refusal:
            return self.refused(visit, refusal, token)
        return self._worded(visit, done, self._rate_headers(visit, token))

    def authenticated(self, visit: Visit) -> Token:
        if visit.route.is_oauth:
            return NOBODY
        return self.tokens.authenticate(visit.request.headers, visit.now)

    def metered(self, visit: Visit, token: Token) -> None:
        if visit.route.is_oauth:
            return
        each = self.switches.calls_per_batch == "one per input"
        try:
            self.meter.take(token.app, max(1, visit.size) if each else 1, visit.now)
        except Throttled as throttled:
            refusal = error_bodies.throttled(throttled.policy, self.switches, self._uuid())
            if self.switches.retry_after_on_429 == "seconds":
                refusal.headers = {"Retry-After": str(throttled.retry_after_seconds)}
            raise refusal from None

    def act(self, visit: Visit, token: Token, now: float) -> Done:
        """Do what is asked, past authentication and limits."""
        if visit.refusal is not None:
            raise visit.refusal
        if visit.route.is_batch:
            return self._batch(visit, token, now)
        return self._other(visit, now)

    def refused(self, visit: Visit, refusal: Refusal, token: Token | None = None) -> Answer:
        body = dict(refusal.body)
        if refusal.correlated:
            body["correlationId"] = visit.correlation_id
        headers = {**self._rate_headers(visit, token), **refusal.headers}
        return self._worded(visit, Done(refusal.status, body), headers)

    def _batch(self, visit: Visit, token: Token, now: float) -> Done:
        assert visit.kind is not None
        name = visit.route.name
        verb = "read" if name == "read" else "write"
        if token.scopes is not None:
            guard_scopes(token, visit.kind, verb, _names(visit))
        if verb == "write" and self.switches.contracts_writes == "off":
            _guard_contracts(visit.kind)
        if visit.batch is None:
            return nothing(now)
        operation = Operation(name, visit.kind, visit.batch, now, visit.route.is_strict)
        if operation.strict and not token.may_associate:
            _guard_associations(visit.batch)
        match name:
            case "create":
                return batch_write.create(self.crm, operation)
            case "update":
                return batch_write.update(self.crm, operation)
            case "upsert":
                return batch_write.upsert(self.crm, operation)
            case "archive":
                return batch_read.archive(self.crm, operation)
            case _:
                return batch_read.read(self.crm, operation, archived=visit.archived)

    def _other(self, visit: Visit, now: float) -> Done:
        if visit.route.is_oauth:
            return Done(200, self._oauth(visit, now))
        return Done(200, self._described(visit) if visit.kind is None else self._kind(visit))

    def _oauth(self, visit: Visit, now: float) -> Body:
        match visit.route.name:
            case "token":
                portal_id = self.crm.portal.portal_id
                return self.tokens.refresh(visit.request, self.switches, portal_id, now)
            case "introspect":
                return self.tokens.introspect(visit.request, now)
            case _:
                self.tokens.revoke(visit.request)
                return {}

    def _described(self, visit: Visit) -> Body:
        match visit.route.name:
            case "schemas":
                return metadata.schemas(self.crm.portal)
            case "account":
                return metadata.account(self.crm.portal)
            case _:
                return metadata.daily_usage(self.meter.limits.daily, self.meter.daily_used)

    def _kind(self, visit: Visit) -> Body:
        assert visit.kind is not None
        name = visit.route.property_name
        if visit.route.name == "validations":
            return metadata.validations(visit.kind, name)
        if name is not None:
            return metadata.one_property(visit.kind, name, self.switches)
        if visit.archived:  # no property of an emulated portal is
            return {"results": []}
        return metadata.properties(visit.kind, visit.query, self.switches)

    def _worded(self, visit: Visit, done: Done, headers: Mapping[str, str]) -> Answer:
        more = dict(headers)
        if self.switches.correlation_id_header == "present":
            more["x-hubspot-correlation-id"] = visit.correlation_id
        if done.body is None:
            return Answer(done.status, more)
        more["Content-Type"] = "application/json;charset=utf-8"
        return Answer(done.status, more, encoded(done.body))

    def _rate_headers(self, visit: Visit, token: Token | None) -> Mapping[str, str]:
        if token is None or visit.route.is_oauth:
            return {}
        return self.meter.headers(token.app, visit.now, oauth=token.oauth)

    def _uuid(self) -> str:
        digits = f"{self._random.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"


def _guard_route(request: Request, found: Route, path: str, kind: ObjectType | None) -> None:
    if found.name == "unknown":
        raise error_bodies.nothing_here(path)
    if request.method != found.method:
        raise error_bodies.wrong_method(request.method)
    if found.kind is not None and kind is None:
        raise error_bodies.no_such_type(found.kind)


def _guard_contracts(kind: ObjectType) -> None:
    """Documented: the published writes of contracts were withdrawn; the generic ones remain."""
    if kind.name == "contracts":
        raise error_bodies.read_only_type(kind)


def _guard_associations(batch: Batch) -> None:
    if any(item.associated for item in batch.inputs):
        raise error_bodies.no_association_permission()


def _names(visit: Visit) -> set[str]:
    if visit.batch is None:
        return set()
    written = {name for item in visit.batch.inputs for name in item.properties}
    return written | set(visit.batch.properties)
