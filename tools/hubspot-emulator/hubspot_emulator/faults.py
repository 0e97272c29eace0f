"""Faults: what the emulator does wrong on purpose, when, and how often.

A fault is data: from a test, from a script over HTTP, or from the command line in a short form such
as `status=429,policy=TEN_SECONDLY_ROLLING,every=10` or `late_write=60,operation=upsert,nth=3`.
"""

import re
from collections.abc import Iterable, Mapping
from random import Random
from typing import Literal, NamedTuple, Protocol, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

type Writes = Literal["none", "done", "late"]
Kind = Literal[
    "status",
    "lost_reply",
    "late_write",
    "hang",
    "slow",
    "cut",
    "silent",
    "left_out",
    "pending",
    "conflict",
    "unnamed",
    "locked",
    "migrating",
    "expired_token",
    "refused",
    "reset",
]


class Usual(NamedTuple):
    """What a kind of fault does unless told otherwise."""

    text: str
    writes: Writes = "none"
    argument: str = ""  # the field that the short form `kind=value` sets
    seconds: float = 0.0


# How long nobody answers before HubSpot's edge does. Documented: 524 comes after 100 s.
EDGE_SECONDS = 100.0

KINDS: Mapping[str, Usual] = {
    "status": Usual("answers with a status, headers and body of your choice", argument="status"),
    "lost_reply": Usual("writes, then breaks the connection", "done"),
    "late_write": Usual("never answers; the write lands seconds later", "late", "seconds", 60.0),
    "hang": Usual("writes, then says nothing for 100 s, then 524", "done"),
    "slow": Usual("writes, and answers seconds later", "done", "seconds", 5.0),
    "cut": Usual("writes, and breaks the connection in the middle of the answer", "done"),
    "silent": Usual("answers 2xx COMPLETE without results, and does nothing"),
    "left_out": Usual("neither writes nor mentions some inputs", argument="inputs"),
    "pending": Usual("answers 2xx PENDING; the write lands seconds later", "late", "seconds", 5.0),
    "conflict": Usual("refuses the whole batch with 409"),
    "unnamed": Usual("refuses the whole batch with a 400 that names nobody"),
    "locked": Usual("answers 423, as while a large upsert holds the records"),
    "migrating": Usual("answers 477 with Retry-After", argument="seconds", seconds=120.0),
    "expired_token": Usual("answers 401, the token having expired"),
    "refused": Usual("refuses the connection"),
    "reset": Usual("breaks the connection before anything is done"),
}
assert set(KINDS) == set(get_args(Kind))


# What HTTP lets stand in a header; anything else would break the connection.
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\U0010ffff]*")
FRAMING = frozenset({"content-length", "transfer-encoding"})  # follow from the body


class Fault(BaseModel):
    """One fault. The first part says what happens, the second to which calls."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Kind
    status: int = Field(default=503, ge=200, le=599)
    headers: dict[str, str] = Field(default_factory=dict)
    body: str | None = None
    policy: Literal["TEN_SECONDLY_ROLLING", "DAILY", "SECONDLY"] | None = None  # of a 429
    retry_after: int | None = Field(default=None, ge=0)  # seconds, of a `status`
    seconds: float = Field(default=0.0, ge=0)
    inputs: int = Field(default=1, ge=1)  # how many a `left_out` leaves out
    writes: Writes = "none"

    operation: str | None = None  # upsert, update, create, read, archive, properties, token, ...
    object_type: str | None = None  # name or type id
    id: str | None = None  # the batch has an input with this id
    property: str | None = None  # the batch has an input that sets this property
    value: str | None = None  # ... to this value
    nth: int | None = Field(default=None, ge=1)  # only the nth of these calls
    every: int | None = Field(default=None, ge=1)  # every so manieth of them
    probability: float | None = Field(default=None, ge=0, le=1)
    seed: int | None = None  # of the probability; the emulator's own if absent
    times: int | None = Field(default=None, ge=1)  # at most so often

    @model_validator(mode="before")
    @classmethod
    def usual(cls, given: object) -> object:
        """Fill in what is usual for the kind; a hyphen in its name is as good as an underscore."""
        if not isinstance(given, Mapping) or not isinstance(given.get("kind"), str):
            return given
        kind = str(given["kind"]).replace("-", "_")
        usual = KINDS.get(kind)
        if usual is None:
            return given
        return {"writes": usual.writes, "seconds": usual.seconds, **given, "kind": kind}

    @field_validator("headers")
    @classmethod
    def sendable(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if name.lower() in FRAMING:
                msg = f"header {name} follows from the body and cannot be set"
                raise ValueError(msg)
            if not (HEADER_NAME.fullmatch(name) and HEADER_VALUE.fullmatch(value)):
                msg = f"header {name!r}: {value!r} is not one that HTTP can carry"
                raise ValueError(msg)
        return headers

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read the short form, or an object in JSON; `ValueError` says what is wrong with it."""
        if text.lstrip().startswith("{"):
            return cls.model_validate_json(text)
        first, *rest = text.split(",")
        kind, _, argument = first.partition("=")
        fields = dict(part.partition("=")[::2] for part in rest if part)
        usual = KINDS.get(kind.replace("-", "_"))
        if usual is None:
            msg = f"no fault {kind!r}; there are {', '.join(KINDS)}"
            raise ValueError(msg)
        if argument and not usual.argument:
            msg = f"fault {kind} takes no value, so {argument!r} has no meaning"
            raise ValueError(msg)
        if argument:
            fields[usual.argument] = argument
        return cls.model_validate({"kind": kind, **fields})


def storm(probability: float, *, seed: int | None = None) -> tuple[Fault, ...]:
    """Let something go wrong with this share of all calls, each kind equally often."""
    share = probability / len(KINDS)
    return tuple(
        Fault.model_validate({"kind": kind, "probability": share, "seed": seed}) for kind in KINDS
    )


class Subject(Protocol):
    """What a fault can be aimed at."""

    @property
    def operation(self) -> str: ...
    @property
    def object_types(self) -> tuple[str, ...]: ...
    @property
    def inputs(self) -> Iterable[tuple[str, Mapping[str, str]]]: ...


class Script:
    """The faults in force; the first that strikes a call decides it."""

    def __init__(self, faults: Iterable[Fault], seed: int) -> None:
        self._seed = seed
        self._armed: list[_Armed] = []
        self.extend(faults)

    def extend(self, faults: Iterable[Fault]) -> None:
        for fault in faults:
            own = self._seed if fault.seed is None else fault.seed
            random = Random(f"{own}/{len(self._armed)}")  # noqa: S311 - repeatable, not secret
            self._armed.append(_Armed(fault, random))

    def clear(self) -> None:
        self._armed.clear()

    def strike(self, subject: Subject) -> tuple[Fault, Random] | None:
        """Name the fault for this call, with the randomness it may use."""
        striking = [armed for armed in self._armed if armed.strikes(subject)]
        if not striking:
            return None
        striking[0].used += 1
        return striking[0].fault, striking[0].random

    def listed(self) -> list[tuple[Fault, int, int]]:
        """Each fault, how many calls it fits, and how often it struck."""
        return [(armed.fault, armed.seen, armed.used) for armed in self._armed]


class _Armed:
    def __init__(self, fault: Fault, random: Random) -> None:
        self.fault = fault
        self.random = random
        self.seen = 0
        self.used = 0

    def strikes(self, subject: Subject) -> bool:
        """Count the call if the fault is aimed at it, and say whether its turn has come."""
        fault = self.fault
        if not _aimed(fault, subject):
            return False
        self.seen += 1
        if fault.times is not None and self.used >= fault.times:
            return False
        if fault.nth is not None and self.seen != fault.nth:
            return False
        if fault.every is not None and self.seen % fault.every:
            return False
        return fault.probability is None or self.random.random() < fault.probability


def _aimed(fault: Fault, subject: Subject) -> bool:
    if fault.operation is not None and fault.operation != subject.operation:
        return False
    if fault.object_type is not None and fault.object_type not in subject.object_types:
        return False
    if fault.id is None and fault.property is None:
        return True
    return any(_has(fault, given_id, values) for given_id, values in subject.inputs)


def _has(fault: Fault, given_id: str, values: Mapping[str, str]) -> bool:
    if fault.id is not None and fault.id != given_id:
        return False
    if fault.property is None:
        return True
    value = values.get(fault.property)
    return value is not None and fault.value in {None, value}
