"""The demo's story: which webhooks are sent, and what the CRM must hold in the end.

Everything that a change event can meet is in it: merged, late, repeated and refused ones, and the
five endpoints of HubSpot's that the project must serve. The truth is found another way than hubsync
finds it: by sorting all readings and taking the last.
"""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

type Event = dict[str, Any]  # a change event as upstream writes it
type Held = dict[str, str]  # a record's properties, as HubSpot holds them

READERS, CARS = 400, 40
EVENTS_PER_REQUEST = 300
SEED = 1815
# The endpoints by configuration: contacts and listings by the older paths, all else by the newer.
API_VERSIONS = '{"default": "2026-03", "contacts": "v3", "0-420": "v3"}'
# Definite faults: HubSpot says that it did nothing, so the same write is sent again; where it
# refuses a batch and names nobody, the events are sent apart.
FAULTS = (
    "status=429,policy=TEN_SECONDLY_ROLLING,object_type=vehicles,times=1",
    "locked,object_type=listings,times=1",
    "unnamed,object_type=contracts,times=1",
)
# The types of the story, each with the property by which upstream knows its records, if any.
UNIQUE = {
    "contacts": "email",
    "companies": "",
    "contracts": "",
    "0-420": "",
    "2-123": "external_id",
}
# Records that exist before, made by people in HubSpot; upstream knows them by HubSpot's id.
SEEDS: Mapping[str, tuple[str, Held]] = {
    "walk-in": ("contacts", {"firstname": "Charles"}),
    "engines": ("companies", {"name": "Analytical Engines", "city": "Paris"}),
    "looms": ("companies", {"name": "Jacquard Looms", "city": "Lyon"}),
    "upkeep": ("contracts", {"hs_title": "Upkeep of engine 1"}),
    "lease": ("contracts", {"hs_title": "Lease of the workshop"}),
    "workshop": ("0-420", {"hs_name": "Workshop, Dorset Street"}),
}


@dataclass(frozen=True, slots=True)
class Act:
    """Requests that are sent one after the other."""

    title: str
    requests: Sequence[Sequence[Event]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """What to send, and what must come of it.

    `refused` names the properties that HubSpot refuses, by event; `told` is one line on each record
    that is worth showing.
    """

    acts: Sequence[Act]
    seeds: Mapping[str, tuple[str, Held]]
    ids: Mapping[str, str]
    refused: Mapping[str, frozenset[str]] = field(default_factory=dict)
    told: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def events(self) -> Iterator[Event]:
        for act in self.acts:
            for request in act.requests:
                yield from request

    def properties(self) -> frozenset[str]:
        """Name the properties that somebody in the story sets."""
        seeded = {name for _, properties in self.seeds.values() for name in properties}
        sent = {name for event in self.events() for name in event["properties"]}
        return frozenset(seeded | sent | set(UNIQUE.values()))

    def truth(self) -> dict[tuple[str, str], Held]:
        """Return what each record must hold, by object type and id."""
        records = {
            (object_type, self.ids[name]): dict(properties)
            for name, (object_type, properties) in self.seeds.items()
        }
        for event in sorted(self.events(), key=lambda event: str(event["occurredAt"])):
            key = (event["objectType"], event["id"])
            unique = {event["idProperty"]: event["id"]} if "idProperty" in event else {}
            record = records.setdefault(key, unique)
            refused = self.refused.get(event["eventId"], frozenset())
            for name, value in event["properties"].items():
                if name not in refused:
                    record[name] = held(value)
        return {key: {n: v for n, v in record.items() if v} for key, record in records.items()}


def held(value: object) -> str:
    """Write a value as HubSpot holds it."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case list():
            return ";".join(value)
        case _:
            return str(value)


def scenario(ids: Mapping[str, str]) -> Scenario:
    """Return the story, in which the seeded records have these ids."""
    crowd = list(_crowd())
    random.Random(SEED).shuffle(crowd)  # noqa: S311 - repeatable, not secret
    requests = [
        crowd[start : start + EVENTS_PER_REQUEST]
        for start in range(0, len(crowd), EVENTS_PER_REQUEST)
    ]
    return Scenario(
        acts=(
            Act("a crowd: three events on each of 400 contacts, shuffled", requests),
            Act("five endpoints, two of them with a value that HubSpot refuses", [_known(ids)]),
            Act(
                "late and repeated: older readings, and a request sent again",
                [_late(), requests[0]],
            ),
        ),
        seeds=SEEDS,
        ids=ids,
        refused={"grace-2": frozenset({"seats"}), "looms-1": frozenset({"favourite_colour"})},
        told={
            ("contacts", "ada@example.com"): "phone: the event of 09:00 came after that of 12:00",
            ("contacts", "grace@example.com"): "seats: 'a dozen' is no number; the rest is written",
            ("contacts", ids["walk-in"]): "contacts, update, v3",
            ("companies", ids["engines"]): "generic objects, update, 2026-03",
            ("companies", ids["looms"]): "favourite_colour does not exist; the rest is written",
            ("contracts", ids["upkeep"]): "contracts, update, 2026-03; refused as a batch",
            ("0-420", ids["workshop"]): "listings, update, v3; locked at first",
            ("2-123", "car-1"): "generic objects, upsert, 2026-03; throttled at first",
        },
    )


def _upsert(event_id: str, at: str, email: str, **properties: object) -> Event:
    return {
        "eventId": event_id,
        "occurredAt": f"2026-11-20T{at}Z",
        "objectType": "contacts",
        "idProperty": "email",
        "id": email,
        "properties": properties,
    }


def _update(event_id: str, object_type: str, record_id: str, **properties: object) -> Event:
    return {
        "eventId": event_id,
        "occurredAt": "2026-11-20T12:00:00Z",
        "operation": "update",
        "objectType": object_type,
        "id": record_id,
        "properties": properties,
    }


def _crowd() -> Iterator[Event]:
    for number in range(READERS):
        name, email = f"reader-{number}", f"reader-{number}@example.com"
        yield _upsert(f"{name}-1", "08:00:00", email, firstname="A.", newsletter=True)
        yield _upsert(f"{name}-2", "09:00:00", email, firstname=f"Reader {number}", seats=number)
        yield _upsert(f"{name}-3", "10:00:00", email, newsletter=bool(number % 2), phone=None)


def _known(ids: Mapping[str, str]) -> list[Event]:
    return [
        _upsert("ada-1", "12:00:00", "ada@example.com", firstname="Ada", phone="+44 20 1815"),
        _upsert("ada-2", "12:00:01", "ada@example.com", lastname="Lovelace", interests=["maths"]),
        _upsert("grace-1", "12:00:00", "grace@example.com", firstname="Grace", lastname="Hopper"),
        _upsert("grace-2", "12:00:01", "grace@example.com", seats="a dozen", newsletter=True),
        _update("walk-in-1", "contacts", ids["walk-in"], lastname="Babbage"),
        _update("engines-1", "companies", ids["engines"], city="London"),
        _update("looms-1", "companies", ids["looms"], city="Calais", favourite_colour="red"),
        _update("upkeep-1", "contracts", ids["upkeep"], hs_status="signed"),
        _update("lease-1", "contracts", ids["lease"], hs_status="draft"),
        _update("workshop-1", "0-420", ids["workshop"], hs_price=1200),
        *_cars(),
    ]


def _cars() -> Iterable[Event]:
    for number in range(CARS):
        yield {
            "eventId": f"car-{number}",
            "occurredAt": "2026-11-20T12:00:00Z",
            "objectType": "2-123",
            "idProperty": "external_id",
            "id": f"car-{number}",
            "properties": {"name": f"Car {number}", "electric": number % 3 == 0},
        }


def _late() -> list[Event]:
    return [
        _upsert("ada-0", "09:00:00", "ada@example.com", phone="+44 20 0000", firstname="A. A."),
        _upsert("ada-3", "12:30:00", "ada@example.com", interests=["maths", "music"]),
    ]
