"""What a fault does to one call: to the write, and to what the client gets to see of it."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import NamedTuple

from hubspot_emulator import error_bodies
from hubspot_emulator.account import Account, Visit
from hubspot_emulator.batch_operation import progress
from hubspot_emulator.faults import EDGE_SECONDS, Fault
from hubspot_emulator.http_messages import Answer, Delivery, Refusal, encoded
from hubspot_emulator.request_body import Input
from hubspot_emulator.tokens import Token

REFUSED = Answer(0, delivery=Delivery.REFUSED)
RESET = Answer(0, delivery=Delivery.LOST)
HTML = {"Content-Type": "text/html"}
NO_ANSWER = Answer(524, HTML, b"<h1>524 A timeout occurred</h1>", delay_seconds=EDGE_SECONDS)
EXPIRED_SECONDS = 75  # how long ago a token is said to have expired
SERVER_ERROR = 500
BODILESS = frozenset({204, 304})


class _Late(NamedTuple):
    due: float
    order: int  # so that writes due at the same moment land as they came
    visit: Visit
    token: Token


class FaultInjector:
    """Does what faults say; keeps the writes that are still to land."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._late: list[_Late] = []
        self._order = count()

    def land(self, now: float) -> None:
        """Apply the late writes whose time has come, each at its own moment."""
        while self._late and self._late[0].due <= now:
            late = heappop(self._late)
            with suppress(Refusal):
                self._account.act(late.visit, late.token, late.due)

    def answer(self, visit: Visit, fault: Fault, random: Random) -> Answer:
        if fault.kind == "left_out":
            return self._leave_out(visit, fault, random)
        match fault.writes:
            case "none":
                return self._spoilt(visit, fault, RESET)
            case "done":
                return self._spoilt(visit, fault, self._account.answer(visit))
            case "late":
                self._postpone(visit, fault.seconds)
                return self._spoilt(visit, fault, NO_ANSWER)

    def _postpone(self, visit: Visit, seconds: float) -> None:
        """Let a write land later, if it is let in now."""
        with suppress(Refusal):
            token = self._account.authenticated(visit)
            self._account.metered(visit, token)
            late = _Late(visit.now + seconds, next(self._order), visit, token)
            heappush(self._late, late)

    def _spoilt(self, visit: Visit, fault: Fault, honest: Answer) -> Answer:
        """Say what the client gets to see of the honest answer."""
        match fault.kind:
            case "refused":
                return REFUSED
            case "reset" | "lost_reply":
                return replace(honest, delivery=Delivery.LOST)
            case "cut":
                return replace(honest, delivery=Delivery.CUT)
            case "slow":
                return replace(honest, delay_seconds=fault.seconds)
            case "hang" | "late_write":
                return NO_ANSWER
            case _:
                return self._replaced(visit, fault)

    def _replaced(self, visit: Visit, fault: Fault) -> Answer:
        """Give another answer in the place of the honest one."""
        match fault.kind:
            case "silent":
                return self._progress(visit, "COMPLETE")
            case "pending":
                return self._progress(visit, "PENDING")
            case "status":
                return self._status(visit, fault)
            case _:
                return self._account.refused(visit, _refusal(visit, fault))

    def _progress(self, visit: Visit, status: str) -> Answer:
        headers = {"Content-Type": "application/json;charset=utf-8"}
        return Answer(200, headers, encoded(progress(visit.now, status)))

    def _status(self, visit: Visit, fault: Fault) -> Answer:
        if fault.policy is not None:
            refusal = error_bodies.throttled(
                fault.policy, self._account.switches, visit.correlation_id
            )
            answer = self._account.refused(visit, refusal)
        elif fault.status > SERVER_ERROR:
            # Assumed: what stands before HubSpot answers in HTML.
            answer = Answer(fault.status, HTML, f"<h1>{fault.status}</h1>".encode())
        else:
            refusal = Refusal(fault.status, error_bodies.error("An injected fault"))
            answer = self._account.refused(visit, refusal)
        body = answer.body if fault.body is None else fault.body.encode()
        retry = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
        headers = _overridden({**answer.headers, **retry}, fault.headers)
        return replace(answer, headers=headers, body=b"" if fault.status in BODILESS else body)

    def _leave_out(self, visit: Visit, fault: Fault, random: Random) -> Answer:
        """Answer for all inputs but some, which are written only where the fault says so."""
        if visit.batch is None:
            return self._account.answer(visit)
        inputs = visit.batch.inputs
        out = set(random.sample(range(len(inputs)), min(fault.inputs, len(inputs))))
        if fault.writes == "done":
            self._account.answer(_only(visit, [inputs[index] for index in sorted(out)]))
        rest = [item for index, item in enumerate(inputs) if index not in out]
        return self._account.answer(_only(visit, rest))


def _overridden(headers: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Let the given headers replace those of the same name, in whatever case."""
    names = {name.lower() for name in given}
    kept = {name: value for name, value in headers.items() if name.lower() not in names}
    return {**kept, **given}


def _only(visit: Visit, inputs: Sequence[Input]) -> Visit:
    assert visit.batch is not None
    return replace(visit, batch=replace(visit.batch, inputs=list(inputs)))


def _refusal(visit: Visit, fault: Fault) -> Refusal:
    match fault.kind:
        case "conflict" if visit.kind is not None:
            return error_bodies.conflict(visit.kind)
        case "locked":
            return error_bodies.locked()
        case "migrating":
            return error_bodies.migrating(fault.seconds)
        case "expired_token":
            return error_bodies.expired_token(visit.now - EXPIRED_SECONDS, visit.now)
        case _:
            return error_bodies.unnamed()
