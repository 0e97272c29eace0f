"""Change events from one seed: few records and properties, so that everything meets everything.

Each value names its event, so that the CRM's history can be read as a history of versions.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from hubsync.core.event import moment_text

BASE = 1_795_000_000  # seconds since 1970
SOURCES = ("billing", "shop")
NUMBER = "seats"
NAMES = ("firstname", "lastname", NUMBER)
RECORDS = (("external_id", "x-1"), ("email", "r0@example.com"), ("email", "r1@example.com"))
REFUSED_KEY = ("external_id", "x-2")  # HubSpot refuses every input with it, and names nothing.
NO_PROPERTY = "nope"
# Values for which HubSpot refuses whole batches and names nobody, by 400 and by 409.
UNNAMED, TAKEN = "poison", "taken"


@dataclass(frozen=True, slots=True)
class Fact:
    """A change event as it was made, before anything of ours has read it."""

    source: str
    wire: dict[str, Any]

    @property
    def id(self) -> tuple[str, str]:
        return self.source, self.wire["eventId"]

    @property
    def record(self) -> tuple[str, str]:
        return self.wire["idProperty"], self.wire["id"]

    @property
    def version(self) -> tuple[str, int, str, str]:
        return (self.wire["occurredAt"], self.wire["sequence"], *self.id)


def facts(random: Random, count: int) -> list[Fact]:
    chosen = random.sample(RECORDS, random.choice([1, 1, 2, 3]))
    if random.random() < 0.1:
        chosen.append(REFUSED_KEY)
    names = random.sample(NAMES, random.randint(1, len(NAMES)))
    archives = random.choice([0.06, 0.06, 0.3])
    return [
        _fact(random, number, names, random.choice(chosen), archives=archives)
        for number in range(count)
    ]


def _fact(
    random: Random, number: int, names: Sequence[str], record: tuple[str, str], *, archives: float
) -> Fact:
    id_property, id_ = record
    operation = _operation(random, archives, id_property)
    moment = BASE + random.randint(0, 20)  # Ties are wanted: they fall to sequence, source, id.
    wire = {
        "eventId": f"e{number:03d}",
        "occurredAt": moment_text(moment * 1_000_000),
        "sequence": random.randint(0, 2),
        "operation": operation,
        "objectType": "0-1",
        "idProperty": id_property,
        "id": id_,
    }
    if operation != "archive":
        some = random.sample(names, random.randint(1, len(names)))
        wire["properties"] = {name: _value(random, name, number) for name in some}
        if random.random() < 0.08:
            wire["properties"]["company"] = random.choice([UNNAMED, TAKEN])
        if random.random() < 0.05:
            wire["properties"][NO_PROPERTY] = f"{NO_PROPERTY}-{number}"
    return Fact(random.choice(SOURCES), wire)


def _operation(random: Random, archives: float, id_property: str) -> str:
    if random.random() < archives:
        return "archive"
    # HubSpot offers no update of contacts by e-mail.
    return "update" if id_property == "external_id" and random.random() < 0.3 else "upsert"


def _value(random: Random, name: str, number: int) -> str:
    if name != NUMBER:
        return f"{name}-{number}"
    # What is no number, HubSpot refuses by the property's name.
    return str(1000 + number) if random.random() < 0.6 else f"bad-{number}"


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
                "receivedAt": moment_text(BASE * 1_000_000),
                "requestId": "request",
                "tries": 0,
                "events": [fact.wire for fact in packed],
            }
        )
