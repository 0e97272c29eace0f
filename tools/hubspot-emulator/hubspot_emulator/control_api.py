"""The emulator's own endpoints below `/__emulator__/`, and its page at `/`.

| request | does |
|---|---|
| `GET state` | everything the page shows: counts, calls, faults, switches, limits |
| `GET records?type=contacts` | the records of a type, newest change first |
| `POST records` | `{"type", "properties"}` makes a record, with `"id"` changes one, unchecked |
| `GET history?id=...` | every value each property of a record took, with times |
| `GET calls` | the calls, oldest first |
| `GET`, `POST`, `DELETE faults` | lists; adds `{"faults": [...]}`, objects or short forms; clears |
| `GET`, `POST switches` | shows; turns `{"name": "setting"}` |
| `GET`, `POST limits` | shows; sets `{"per_10_seconds", "daily"}` |
| `GET`, `POST clock` | shows; skips `{"skip_seconds": 60}` |
| `POST merge` | `{"type", "survivor", "away"}` |
| `POST expire` | `{"token"}` is refused from now on |
| `POST reset` | forgets records, calls and faults |
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from functools import cache
from itertools import islice
from pathlib import Path
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hubspot_emulator import SETTINGS, Answer, Call, Fault, HubSpot, Limits, Request, Snapshot

PREFIX = "/__emulator__/"
CALLS_SHOWN = 100
RECORDS_SHOWN = 200
SKIP_SECONDS_MAX = 1e9  # about 32 years; a clock ends with the year 9999
JSON = {"Content-Type": "application/json;charset=utf-8", "Cache-Control": "no-store"}
PAGE = {"Content-Type": "text/html;charset=utf-8", "Cache-Control": "no-store"}


def control(hubspot: HubSpot, request: Request) -> Answer | None:
    """Answer a request about the emulator; None if it is one to HubSpot."""
    path, _, query = request.path.partition("?")
    if path == "/" and request.method == "GET":
        return Answer(200, PAGE, _page())
    if not path.startswith(PREFIX):
        return None
    action = ACTIONS.get((request.method, path.removeprefix(PREFIX)))
    if action is None:
        return _told(404, {"error": f"nothing at {request.method} {path}"})
    try:
        return _told(200, action(hubspot, dict(parse_qsl(query)), request.body))
    except ValidationError as error:
        return _told(400, {"error": complaints(error)})
    except ValueError as error:
        return _told(400, {"error": str(error)})
    except KeyError as error:
        return _told(404, {"error": f"there is no {error.args[0]}"})


type Query = Mapping[str, str]
type Action = Callable[[HubSpot, Query, bytes], object]


class _Posted(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PostedFaults(_Posted):
    faults: list[Fault | str]


class PostedRecord(_Posted):
    type: str
    id: str | None = None
    properties: dict[str, str]


class PostedMerge(_Posted):
    type: str
    survivor: str
    away: str


class PostedLimits(_Posted):
    per_10_seconds: int = Field(ge=0)
    daily: int = Field(ge=0)


class PostedClock(_Posted):
    skip_seconds: float = Field(ge=0, le=SKIP_SECONDS_MAX)


class PostedToken(_Posted):
    token: str


def state(hubspot: HubSpot, _query: Query, _body: bytes) -> object:
    kinds = hubspot.portal.types.values()
    recent = list(islice(reversed(hubspot.calls), CALLS_SHOWN))
    return {
        "portal_id": hubspot.portal.portal_id,
        "now": hubspot.now(),
        "seed": hubspot.seed,
        "types": [
            {"name": kind.name, "type_id": kind.type_id, "records": hubspot.count(kind.name)}
            for kind in kinds
        ],
        "calls_count": hubspot.calls_count,
        "calls": [asdict(call) for call in recent],
        "faults": faults(hubspot, _query, _body),
        "switches": switches(hubspot, _query, _body),
        "limits": limits(hubspot, _query, _body),
    }


def records(hubspot: HubSpot, query: Query, _body: bytes) -> object:
    found = sorted(hubspot.records(_asked(query, "type")), key=_changed, reverse=True)
    shown = max(0, int(query.get("limit", RECORDS_SHOWN)))
    return {"records": [asdict(record) for record in found[:shown]]}


def post_record(hubspot: HubSpot, _query: Query, body: bytes) -> object:
    posted = PostedRecord.model_validate_json(body)
    if posted.id is None:
        return {"id": hubspot.create(posted.type, posted.properties)}
    hubspot.edit(posted.type, posted.id, posted.properties)
    return {"id": posted.id}


def history(hubspot: HubSpot, query: Query, _body: bytes) -> object:
    return {"history": [reading._asdict() for reading in hubspot.history(_asked(query, "id"))]}


def calls(hubspot: HubSpot, _query: Query, _body: bytes) -> object:
    return {"calls": _listed(hubspot.calls)}


def faults(hubspot: HubSpot, _query: Query, _body: bytes) -> object:
    return [
        {"fault": fault.model_dump(exclude_defaults=True), "seen": seen, "struck": struck}
        for fault, seen, struck in hubspot.faults.listed()
    ]


def post_faults(hubspot: HubSpot, query: Query, body: bytes) -> object:
    posted = PostedFaults.model_validate_json(body).faults
    # A list first, so that one bad fault keeps out the good ones too.
    hubspot.faults.extend([Fault.from_text(f) if isinstance(f, str) else f for f in posted])
    return faults(hubspot, query, body)


def delete_faults(hubspot: HubSpot, query: Query, body: bytes) -> object:
    hubspot.faults.clear()
    return faults(hubspot, query, body)


def switches(hubspot: HubSpot, _query: Query, _body: bytes) -> object:
    now = asdict(hubspot.switches)
    return {name: {"setting": now[name], "settings": SETTINGS[name]} for name in SETTINGS}


def post_switches(hubspot: HubSpot, query: Query, body: bytes) -> object:
    given = json.loads(body)
    if not isinstance(given, dict):
        msg = "switches are an object of names and settings"
        raise ValueError(msg)  # noqa: TRY004 - the sender's mistake, told as one
    hubspot.turn(hubspot.switches.turned(given))
    return switches(hubspot, query, body)


def limits(hubspot: HubSpot, _query: Query, _body: bytes) -> object:
    return asdict(hubspot.limits)


def post_limits(hubspot: HubSpot, query: Query, body: bytes) -> object:
    posted = PostedLimits.model_validate_json(body)
    hubspot.limit(Limits(posted.per_10_seconds, posted.daily))
    return limits(hubspot, query, body)


def clock(hubspot: HubSpot, _query: Query, _body: bytes) -> object:
    return {"now": hubspot.now()}


def post_clock(hubspot: HubSpot, query: Query, body: bytes) -> object:
    hubspot.skip(PostedClock.model_validate_json(body).skip_seconds)
    return clock(hubspot, query, body)


def merge(hubspot: HubSpot, _query: Query, body: bytes) -> object:
    posted = PostedMerge.model_validate_json(body)
    hubspot.merge(posted.type, posted.survivor, posted.away)
    return {}


def expire(hubspot: HubSpot, _query: Query, body: bytes) -> object:
    hubspot.expire(PostedToken.model_validate_json(body).token)
    return {}


def reset(hubspot: HubSpot, _query: Query, _body: bytes) -> object:
    hubspot.reset()
    return {}


ACTIONS: Mapping[tuple[str, str], Action] = {
    ("GET", "state"): state,
    ("GET", "records"): records,
    ("POST", "records"): post_record,
    ("GET", "history"): history,
    ("GET", "calls"): calls,
    ("GET", "faults"): faults,
    ("POST", "faults"): post_faults,
    ("DELETE", "faults"): delete_faults,
    ("GET", "switches"): switches,
    ("POST", "switches"): post_switches,
    ("GET", "limits"): limits,
    ("POST", "limits"): post_limits,
    ("GET", "clock"): clock,
    ("POST", "clock"): post_clock,
    ("POST", "merge"): merge,
    ("POST", "expire"): expire,
    ("POST", "reset"): reset,
}


def complaints(error: ValidationError) -> str:
    """Say where each mistake is and what it is, without pydantic's own trimmings."""
    told = (
        (".".join(map(str, mistake["loc"])), mistake["msg"].removeprefix("Value error, "))
        for mistake in error.errors(include_url=False)
    )
    return "; ".join(f"{where}: {what}" if where else what for where, what in told)


def _asked(query: Query, name: str) -> str:
    if name not in query:
        msg = f"the query must have {name}=..."
        raise ValueError(msg)
    return query[name]


def _listed(found: Iterable[Call]) -> list[object]:
    return [asdict(call) for call in list(found)]


def _changed(record: Snapshot) -> float:
    return record.updated_at


def _told(status: int, what: object) -> Answer:
    return Answer(status, JSON, json.dumps(what).encode())


@cache
def _page() -> bytes:
    return Path(__file__).with_name("page.html").read_bytes()
