"""What must be true at the end of a run, worked out another way than the code under test does.

Newest wins: sort all readings that were not refused, take the last. The CRM's own history tells
whether a value ever went back, and the dead letters tell what was refused.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from hubspot_emulator import HubSpot, Snapshot
from hubsync.ports import DeadLetter
from tests.simulation.traffic import Fact

type Version = tuple[str, int, str, str]


@dataclass(frozen=True, slots=True)
class Refused:
    """Which events and which single readings ended as dead letters."""

    events: frozenset[tuple[str, str]]
    readings: frozenset[tuple[str, str, str]]
    unseen: frozenset[tuple[str, str, str]]  # of these, what HubSpot gave no word on

    def holds(self, fact: Fact, name: str) -> bool:
        return fact.id in self.events or (*fact.id, name) in self.readings


def refused(letters: Iterable[DeadLetter]) -> Refused:
    events, readings, unseen = set(), set(), set()
    for letter in letters:
        message = json.loads(letter.body)
        (event,) = message["events"]
        identity = (message["source"], event["eventId"])
        if letter.rejected.properties:
            named = {(*identity, name) for name in letter.rejected.properties}
            readings |= named
            unseen |= named if letter.rejected.code in {"UNVOUCHED", "NO_ANSWER"} else set()
        else:
            events.add(identity)
    return Refused(frozenset(events), frozenset(readings), frozenset(unseen))


def complaints(
    made: Sequence[Fact],
    letters: Sequence[DeadLetter],
    settled: frozenset[tuple[str, str]],
    hubspot: HubSpot,
    *,
    merged: frozenset[tuple[str, str]] = frozenset(),
    bare_refused: bool = False,
) -> list[str]:
    """Say everything that is wrong; nothing is what a run must end with.

    A record that a person merged into another is addressed by two keys, which the promise leaves
    out: of those in `merged` only the events are accounted for. Where HubSpot refuses upserts
    without properties (`bare_refused`), an event with a refused value may have had no word on
    existence.
    """
    found = _unaccounted(made, letters, settled)
    gone = refused(letters)
    for record in sorted({fact.record for fact in made} - merged):
        facts = [fact for fact in made if fact.record == record]
        held = _held(hubspot, *record)
        found += _gone_back(facts, held, hubspot)
        found += _diverged(facts, gone, held, hubspot, bare_refused=bare_refused)
    return found


def _unaccounted(
    made: Sequence[Fact], letters: Sequence[DeadLetter], settled: frozenset[tuple[str, str]]
) -> list[str]:
    gone = refused(letters)
    dead = gone.events | {reading[:2] for reading in gone.readings}
    return [f"{fact.id} has no fate" for fact in made if fact.id not in settled | dead]


def _held(hubspot: HubSpot, id_property: str, id_: str) -> list[Snapshot]:
    """Every CRM record the key ever named, oldest first: a revival makes a new one."""
    return [
        record
        for record in hubspot.records("contacts")
        if record.properties.get(id_property) == id_
    ]


def _gone_back(facts: Sequence[Fact], held: Sequence[Snapshot], hubspot: HubSpot) -> list[str]:
    versions = _versions(facts)
    found = []
    for record in held:
        newest: dict[str, Version] = {}
        for _, name, value in hubspot.history(record.id):
            version = versions.get((name, value))
            if version is None:
                continue
            if name in newest and version < newest[name]:
                found.append(f"{name} of {record.id} went back to {value}")
            newest[name] = version
    return found


def _diverged(
    facts: Sequence[Fact],
    gone: Refused,
    held: Sequence[Snapshot],
    hubspot: HubSpot,
    *,
    bare_refused: bool,
) -> list[str]:
    kept = sorted((fact for fact in facts if fact.id not in gone.events), key=lambda f: f.version)
    words = [fact for fact in kept if fact.wire["operation"] != "update"]
    archives = [fact for fact in kept if fact.wire["operation"] == "archive"]
    live = [record for record in held if record.archived_at is None]
    partly = {reading[:2] for reading in gone.readings} if bare_refused else set()
    open_words = [
        fact.version
        for fact in facts
        if fact.id in gone.events | partly and fact.wire["operation"] != "update"
    ]
    if open_words and (not words or max(open_words) >= words[-1].version):
        return []  # An event given up may have been written: its word on existence may stand.
    if words and words[-1].wire["operation"] == "archive":
        return [f"{record.id} is not archived" for record in live]
    shown = live[-1].properties if live else {}
    # An archive that was given up may have been carried out.
    perhaps_archived = [
        fact.version
        for fact in facts
        if fact.id in gone.events and fact.wire["operation"] == "archive"
    ]
    last = {
        name: fact
        for fact in kept
        if not archives or fact.version > archives[-1].version
        if not any(version > fact.version for version in perhaps_archived)
        for name in fact.wire.get("properties", {})
        if not gone.holds(fact, name)
    }
    excused = _excused(facts, gone, held, hubspot)
    return [
        f"{name} is {shown.get(name)!r}, and should be {value!r}"
        for name, fact in last.items()
        if shown.get(name) != (value := fact.wire["properties"][name])
        and not excused(name, shown.get(name), fact.version)
    ]


def _excused(
    facts: Sequence[Fact], gone: Refused, held: Sequence[Snapshot], hubspot: HubSpot
) -> Callable[[str, str | None, Version], bool]:
    """Tell what the promise leaves out.

    A revival makes a new record, without what the old one had been told. An event refused as a
    whole may have been written in part by another delivery, and so may a value that HubSpot gave no
    word on.
    """
    versions = _versions(facts)
    refused_whole = [fact for fact in facts if fact.id in gone.events]
    partly = _versions(refused_whole).keys() | {
        (name, fact.wire["properties"][name])
        for fact in facts
        for name in fact.wire.get("properties", {})
        if (*fact.id, name) in gone.unseen
    }
    told_before = [
        (name, versions[name, value])
        for record in held
        if record.archived_at is not None
        for _, name, value in hubspot.history(record.id)
        if (name, value) in versions
    ]

    def excused(name: str, shown: str | None, expected: Version) -> bool:
        return (name, shown) in partly or any(
            told == name and version >= expected for told, version in told_before
        )

    return excused


def _versions(facts: Iterable[Fact]) -> dict[tuple[str, str | None], Version]:
    """Read values as versions: each names its event."""
    return {
        (name, value): fact.version
        for fact in facts
        for name, value in fact.wire.get("properties", {}).items()
    }
