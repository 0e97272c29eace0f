"""Change events from one seed: few records and properties, so that everything meets everything.

Each value names its event, so that the CRM's history can be read as a history of versions.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from hubspot_emulator.store import FIRST_ID
from hubsync.core.event import HUBSPOT_ID, format_timestamp

type Record = tuple[str, str]  # id property and id
type Version = tuple[str, int, str, str]

BASE = 1_795_000_000  # seconds since 1970
BEFORE: Version = ("", -1, "", "")  # of what was there before any event
SOURCES = ("billing", "shop")
NUMBER = "seats"
NAMES = ("firstname", "lastname", NUMBER)
RECORDS = (("external_id", "x-1"), ("email", "r0@example.com"), ("email", "r1@example.com"))
# One that is addressed by HubSpot's own id: the first that the emulator makes.
BY_HUBSPOT_ID: Record = (HUBSPOT_ID, str(FIRST_ID))
REFUSED_KEY = ("external_id", "x-2")  # HubSpot refuses every input with it, and names nothing.
NO_PROPERTY = "nope"
# Values for which HubSpot refuses whole batches and names nobody, by 400 and by 409.
UNNAMED, TAKEN = "poison", "taken"


def record_of(wire: Mapping[str, Any]) -> Record:
    return wire.get("idProperty", HUBSPOT_ID), wire["id"]


@dataclass(frozen=True, slots=True)
class Fact:
    """A change event as it was made, before anything of ours has read it."""

    source: str
    wire: dict[str, Any]

    @property
    def id(self) -> tuple[str, str]:
        return self.source, self.wire["eventId"]

    @property
    def record(self) -> Record:
        return record_of(self.wire)

    @property
    def version(self) -> Version:
        return (self.wire["occurredAt"], self.wire["sequence"], *self.id)

    @property
    def is_archive(self) -> bool:
        return self.wire["operation"] == "archive"

    @property
    def is_upsert(self) -> bool:
        return self.wire["operation"] == "upsert"

    @property
    def properties(self) -> Sequence[tuple[str, str]]:
        return tuple(self.wire.get("properties", {}).items())

    def value(self, name: str) -> str | None:
        return self.wire.get("properties", {}).get(name)

    @property
    def guilty_names(self) -> frozenset[str]:
        """The properties that HubSpot refuses, whoever brings them."""
        return frozenset(
            name
            for name, value in self.properties
            if name in (NO_PROPERTY, "company") or value.startswith("bad-")
        )

    @property
    def is_guilty_whole(self) -> bool:
        """Whether HubSpot refuses any input with its values, and names no property."""
        return self.value("company") is not None


def facts(
    random: Random, count: int, *, flawed: float = 0.4, also: Sequence[Record] = ()
) -> list[Fact]:
    """Make so many events, of a few records and those in `also`.

    `flawed` is the chance that a number is none.
    """
    chosen = random.sample(RECORDS, random.choice([1, 1, 2, 3]))
    chosen += also
    if random.random() < 0.1:
        chosen.append(REFUSED_KEY)
    names = random.sample(NAMES, random.randint(1, len(NAMES)))
    archives = random.choice([0.06, 0.06, 0.3])
    return [
        _fact(random, number, names, random.choice(chosen), archives=archives, flawed=flawed)
        for number in range(count)
    ]


def _fact(
    random: Random,
    number: int,
    names: Sequence[str],
    record: Record,
    *,
    archives: float,
    flawed: float,
) -> Fact:
    id_property, id_ = record
    operation = _operation(random, archives, id_property)
    moment = BASE + random.randint(0, 20)  # Ties are wanted: they fall to sequence, source, id.
    wire = {
        "eventId": f"e{number:03d}",
        "occurredAt": format_timestamp(moment * 1_000_000),
        "sequence": random.randint(0, 2),
        "operation": operation,
        "objectType": "0-1",
        "id": id_,
    }
    if id_property != HUBSPOT_ID:
        wire["idProperty"] = id_property
    if operation != "archive":
        some = random.sample(names, random.randint(1, len(names)))
        wire["properties"] = {name: _value(random, name, number, flawed) for name in some}
        if random.random() < 0.08:
            wire["properties"]["company"] = random.choice([UNNAMED, TAKEN])
        if random.random() < 0.05:
            wire["properties"][NO_PROPERTY] = f"{NO_PROPERTY}-{number}"
    return Fact(random.choice(SOURCES), wire)


def _operation(random: Random, archives: float, id_property: str) -> str:
    if random.random() < archives:
        return "archive"
    if id_property == HUBSPOT_ID:
        return "update"
    # HubSpot offers no update of contacts by e-mail.
    return "update" if id_property == "external_id" and random.random() < 0.3 else "upsert"


def _value(random: Random, name: str, number: int, flawed: float) -> str:
    if name != NUMBER:
        return f"{name}-{number}"
    # What is no number, HubSpot refuses by the property's name.
    return str(1000 + number) if random.random() >= flawed else f"bad-{number}"


def values_before(random: Random) -> dict[str, str]:
    """Return what a record holds that was there before any event."""
    some = random.sample(NAMES, random.randint(0, len(NAMES)))
    return {name: "900" if name == NUMBER else f"{name}-before" for name in some}


def messages(random: Random, made: list[Fact]) -> Iterator[str]:
    """Pack the facts as ingest would, a few of one source a message; some come twice."""
    repeated = made + [fact for fact in made if random.random() < 0.25]
    random.shuffle(repeated)
    while repeated:
        source = repeated[0].source
        count = random.randint(1, 4)
        packed = [fact for fact in repeated if fact.source == source][:count]
        for fact in packed:
            repeated.remove(fact)
        yield json.dumps(
            {
                "v": 1,
                "account": "main",
                "source": source,
                "receivedAt": format_timestamp(BASE * 1_000_000),
                "requestId": "request",
                "tries": 0,
                "events": [fact.wire for fact in packed],
            }
        )
