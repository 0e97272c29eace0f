"""What must be true at the end of a run, worked out another way than the code under test does.

Newest wins: sort what was said and not refused, take the last. The CRM's own history tells what was
there and when. What was refused is taken from the dead letters, and each of them must be just: the
values that HubSpot refuses, and the perils that were drawn, are known here.

What an event that ended as a dead letter said may be there or not, in whole or in part: another
delivery of it may have been written before. So each rest that could be right is worked out, and
what is there must be one of them. The promise leaves out, and so does this:

- records that a person merged into another one, but for the fates of their events;
- what was set before an archive that lies before the newest upsert;
- a value newer than an archive, where the upsert between them came when the archive had waited.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from hubspot_emulator import HubSpot, Snapshot
from hubsync.core.event import HUBSPOT_ID
from hubsync.core.limits import DOUBTS_MAX
from tests.simulation.traffic import BEFORE, REFUSED_KEY, Fact, Record, Version
from tests.simulation.witness import Ended, EventId, Witness

NOT_FOUND_RETRY_SECONDS = 600
INVOCATION_SECONDS_MAX = 120


@dataclass(frozen=True)
class Evidence:
    """All that is looked at: what was said, under which perils, and what came of it."""

    facts: Sequence[Fact]
    before: Mapping[Record, Mapping[str, str]]  # records that were there from the outset
    additional: frozenset[Record]  # keys that are additional addresses of another contact
    merged: frozenset[Record]  # keys of records that a person merged into another one
    witness: Witness
    letters: Sequence[Ended]  # that are left: neither redriven nor anything but expired
    hubspot: HubSpot
    bare_upserts_refused: bool  # an upsert without properties
    names_required: bool  # on create, a name or an e-mail address
    errors_name_properties: bool
    receives_few: bool  # the queue gives messages up
    limited: bool  # by a rate limit, so that tries can be used up
    answers_silent: bool  # HubSpot leaves inputs out of its answers
    calls_lost: bool  # processes die, or ledger and queue do not answer

    @cached_property
    def by_id(self) -> Mapping[EventId, Fact]:
        return {fact.id: fact for fact in self.facts}

    @cached_property
    def dead(self) -> frozenset[EventId]:
        """Events that are dead letters as a whole."""
        return frozenset(letter.event for letter in self.letters if not letter.properties)

    @cached_property
    def dead_values(self) -> frozenset[tuple[EventId, str]]:
        return frozenset(
            (letter.event, name) for letter in self.letters for name in letter.properties
        )


def complaints(evidence: Evidence) -> list[str]:
    """Say everything that is wrong; nothing is what a run must end with."""
    found = [*_unaccounted(evidence), *_unjust(evidence)]
    judged = {fact.record for fact in evidence.facts} - evidence.merged - {REFUSED_KEY}
    for record in sorted(judged):
        story = Story(evidence, record)
        found += _gone_back(story)
        found += _untrue_fates(story)
        found += _diverged(story)
    return found


def _unaccounted(evidence: Evidence) -> Iterator[str]:
    witness = evidence.witness
    ends = {letter.event for letter in evidence.letters} | witness.written | witness.superseded
    for fact in evidence.facts:
        if fact.id not in ends:
            yield f"{fact.id} has no fate"


# Dead letters


def _unjust(evidence: Evidence) -> Iterator[str]:
    for letter in evidence.witness.letters:
        fact = evidence.by_id[letter.event]
        if fact.record != REFUSED_KEY and not _is_just(letter, fact, evidence):
            names = ", ".join(sorted(letter.properties)) or "whole"
            yield f"{letter.event} is a dead letter without reason: {letter.code}, {names}"


def _is_just(letter: Ended, fact: Fact, evidence: Evidence) -> bool:
    match letter.code:
        case "RECEIVES_EXHAUSTED":
            return evidence.receives_few
        case "RETRIES_EXHAUSTED":
            return evidence.limited
        case "NO_ANSWER":
            return evidence.calls_lost or letter.doubts >= DOUBTS_MAX
        case "UNVOUCHED":
            # Of updates by the id of a record merged into another one HubSpot says nothing.
            return evidence.answers_silent or fact.record in evidence.merged
        case "ARCHIVE_OF_MERGED":
            return fact.record in evidence.additional | evidence.merged
        case "NOT_FOUND" | "MISSING_REQUIRED_PROPERTY":
            if fact.is_archive:
                return False  # What is not there is archived.
            return fact.record in evidence.merged or _was_missing(letter, fact, evidence)
        case _ if letter.properties and not fact.is_guilty_whole:
            # A letter has one code for all its properties, and another may have had silence.
            return letter.properties <= fact.guilty_names or evidence.answers_silent
        case _ if evidence.errors_name_properties:
            return fact.is_guilty_whole
        case _:
            return bool(fact.is_guilty_whole or fact.guilty_names)


def _was_missing(letter: Ended, fact: Fact, evidence: Evidence) -> bool:
    waited = letter.at - evidence.witness.handed[fact.id] >= NOT_FOUND_RETRY_SECONDS
    there = any(
        record.created_at <= letter.at - INVOCATION_SECONDS_MAX
        and (record.archived_at is None or record.archived_at > letter.at)
        for record in Story(evidence, fact.record).held
    )
    return waited and not there


# One record


@dataclass(frozen=True)
class Story:
    """What was said of one record, and what HubSpot has of it."""

    evidence: Evidence
    record: Record

    @cached_property
    def facts(self) -> Sequence[Fact]:
        """All events of the record, oldest first."""
        facts = [fact for fact in self.evidence.facts if fact.record == self.record]
        return sorted(facts, key=lambda fact: fact.version)

    @cached_property
    def held(self) -> Sequence[Snapshot]:
        """Every CRM record the key ever named, oldest first: a revival makes a new one."""
        name, id_ = self.record
        if self.record in self.evidence.additional:
            found = self.evidence.hubspot.find("contacts", id_, by=name)
            return [] if found is None else [found]
        records = self.evidence.hubspot.records("contacts")
        if name == HUBSPOT_ID:
            return [record for record in records if record.id == id_]
        return [record for record in records if record.properties.get(name) == id_]

    @cached_property
    def versions(self) -> Mapping[tuple[str, str], Version]:
        """Read values as versions: each names its event."""
        before = self.evidence.before.get(self.record, {})
        return dict.fromkeys(before.items(), BEFORE) | {
            (name, value): fact.version for fact in self.facts for name, value in fact.properties
        }

    @cached_property
    def told(self) -> frozenset[tuple[str, str]]:
        """Every value that any of the records ever had."""
        return frozenset(
            (name, value)
            for record in self.held
            for _, name, value in self.evidence.hubspot.history(record.id)
        )


def _gone_back(story: Story) -> Iterator[str]:
    for record in story.held:
        newest: dict[str, Version] = {}
        for _, name, value in story.evidence.hubspot.history(record.id):
            version = story.versions.get((name, value))
            if version is None:
                continue
            if name in newest and version < newest[name]:
                yield f"{name} of {record.id} went back to {value}"
            newest[name] = version


def _untrue_fates(story: Story) -> Iterator[str]:
    """What was reported written was there; what was superseded, something newer took its place."""
    witness = story.evidence.witness
    for fact in story.facts:
        if fact.is_archive:
            continue
        there = [(name, value) in story.told for name, value in fact.properties]
        if fact.id in witness.written and not any(there) and not (fact.is_upsert and story.held):
            yield f"{fact.id} was reported written, and nothing of it ever was"
        if fact.id in witness.superseded and fact.id not in witness.written:
            for name, _ in fact.properties:
                if (fact.id, name) not in story.evidence.dead_values and not any(
                    newer.version >= fact.version
                    and (newer.is_archive or (name, newer.value(name)) in story.told)
                    for newer in story.facts
                ):
                    yield f"{name} of {fact.id} was reported superseded, and nothing newer is there"


class Word(NamedTuple):
    """What was said of a record's existence, and by what version."""

    version: Version
    exists: bool
    certain: bool  # else its event is a dead letter


class Rest(NamedTuple):
    """One way in which a record may end: the newest word, and the newest archive up to it."""

    exists: bool
    archived_by: Version | None


def _diverged(story: Story) -> list[str]:
    """Compare what is there with each rest that could be right; tell of the one that is nearest."""
    faults = [[*_faults(story, rest)] for rest in sorted(set(_rests(story)), key=repr)]
    return min(faults, key=len)


def _words(story: Story) -> list[Word]:
    evidence = story.evidence
    words = [
        Word(fact.version, not fact.is_archive, certain=_is_certain(fact, evidence))
        for fact in story.facts
        if fact.is_archive or fact.is_upsert
        # Of a contact found by an additional address nothing is ever archived.
        if not (fact.is_archive and story.record in evidence.additional)
    ]
    if story.record in evidence.before or story.record in evidence.additional:
        words.insert(0, Word(BEFORE, exists=True, certain=True))
    return words


def _is_certain(fact: Fact, evidence: Evidence) -> bool:
    if fact.id in evidence.dead:
        return False
    partly = any((fact.id, name) in evidence.dead_values for name, _ in fact.properties)
    nameless = evidence.names_required and fact.record[0] != "email"
    return not (partly and (evidence.bare_upserts_refused or nameless))


def _rests(story: Story) -> Iterator[Rest]:
    words = _words(story)
    certain = [word.version for word in words if word.certain]
    newest_certain = max(certain, default=None)
    if newest_certain is None:
        yield Rest(exists=False, archived_by=None)
    for last in words:
        if newest_certain is not None and last.version < newest_certain:
            continue
        archives = [word for word in words if not word.exists and word.version <= last.version]
        sure = max((word.version for word in archives if word.certain), default=None)
        if last.exists:
            yield Rest(exists=True, archived_by=sure)
        for archive in archives:
            if sure is None or archive.version >= sure:
                yield Rest(exists=last.exists, archived_by=archive.version)


def _faults(story: Story, rest: Rest) -> Iterator[str]:
    live = [record for record in story.held if record.archived_at is None]
    if not rest.exists:
        for record in live:
            yield f"{record.id} of {story.record} is there, and should not be"
        return
    if len(live) != 1:
        yield f"{story.record} has {len(live)} live records, and should have one"
        return
    names = {name for name, _ in story.versions}
    for name in sorted(names):
        shown = live[0].properties.get(name)
        right = _right_values(story, rest, name)
        if shown not in right:
            yield f"{name} of {story.record} is {shown!r}, and should be {_either(right)}"


def _right_values(story: Story, rest: Rest, name: str) -> list[str | None]:
    """Return what a property may show, the newest certain value first."""
    evidence = story.evidence
    before = evidence.before.get(story.record, {}).get(name)
    said = [] if before is None else [(BEFORE, before, True)]
    for fact in story.facts:
        value = fact.value(name)
        if value is not None and name not in fact.guilty_names:
            dead = fact.id in evidence.dead or (fact.id, name) in evidence.dead_values
            said.append((fact.version, value, not dead))
    since = rest.archived_by
    sure = [(v, value) for v, value, certain in said if certain and (since is None or v > since)]
    if not sure:
        # Nothing, or what was set before the archive.
        return [None, *(value for _, value, _ in said)]
    version, value = sure[-1]
    perhaps = [value for v, value, certain in said if not certain and v > version]
    lost = [None] if _revived_too_late(story, name, version) else []
    return [value, *perhaps, *lost]


def _revived_too_late(story: Story, name: str, version: Version) -> bool:
    """Whether an archive took a newer value along, since the upsert between came too late."""
    witness = story.evidence.witness
    archives = [fact for fact in story.facts if fact.is_archive and fact.version < version]
    for record in story.held:
        gone_at = record.archived_at
        told = [
            story.versions.get((told, value), BEFORE) >= version
            for _, told, value in story.evidence.hubspot.history(record.id)
            if told == name
        ]
        if gone_at is None or not any(told):
            continue
        for archive in archives:
            waited = gone_at - witness.handed[archive.id] >= NOT_FOUND_RETRY_SECONDS
            late = all(
                witness.heard_out.get(fact.id, gone_at) >= gone_at
                for fact in story.facts
                if fact.is_upsert and fact.version > archive.version
                if fact.id not in story.evidence.dead
            )
            if waited and late:
                return True
    return False


def _either(values: Sequence[str | None]) -> str:
    return " or ".join(repr(value) for value in dict.fromkeys(values))
