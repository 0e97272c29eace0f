"""Use case: see whether a write that was given up landed after all, over a newer one.

After a doubt the values written next are watched for an hour. Then HubSpot is asked what it has. A
value that our own app wrote after ours is an older one that landed late: it is written back, and
somebody must hear of it, since HubSpot took longer than the settings allow for. What a person or
another system wrote is theirs.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import batched

from hubsync.core.change import ARCHIVED, Reading, RecordKey
from hubsync.core.hubspot.batch import Route
from hubsync.core.hubspot.reply import HistoryValue, NotApplied, ReadResult, ShownRecord, Unread
from hubsync.core.limits import AUDIT_INPUTS_MAX
from hubsync.core.records import entry as ledger
from hubsync.core.records.entry import Entry, Watched
from hubsync.core.records.read_back import is_own
from hubsync.ports import LedgerScan, LedgerWrite, Ports, Read, WritePolicy
from hubsync.sweep import reassert
from hubsync.writer.invocation import Invocation
from hubsync.writer.read_back import find


@dataclass(slots=True)
class Audited:
    """What a run came to: properties by record. Late writes mean that Delta is set too low.

    `unseen` records were watched for so long in vain that their values had to go.
    """

    seen: int = 0
    unseen: int = 0
    landed_late: list[tuple[RecordKey, str]] = field(default_factory=list)
    written_by_others: list[tuple[RecordKey, str]] = field(default_factory=list)


async def audit(
    survey: LedgerScan,
    read_histories: Read,
    *,
    records_max: int,
    ports: Ports,
    policy: WritePolicy,
    deadline: float,
) -> Audited:
    """Look at records whose watch has ended, at most so many, and write back what went back."""
    invocation = Invocation.begin(
        ports, policy, deadline=deadline, expired=lambda _event: True, in_hand=lambda _event: True
    )
    records = await survey.watched(invocation.now(), most=records_max)
    result = Audited()
    by_route: defaultdict[Route, list[RecordKey]] = defaultdict(list)
    for record in records:
        route = Route(record.account, record.object_type, "update", record.id_property)
        by_route[route].append(record)
    for route, same in by_route.items():
        for some in batched(same, AUDIT_INPUTS_MAX, strict=False):
            if not invocation.may_send():
                return result
            await _audit(route, some, read_histories, invocation, result)
    return result


async def _audit(
    route: Route,
    records: Sequence[RecordKey],
    read_histories: Read,
    invocation: Invocation,
    result: Audited,
) -> None:
    entries = await invocation.ports.ledger.read(records)
    # A record in progress is looked at when it is at rest; its watch goes on.
    resting = {r: entry for r, entry in entries.items() if entry.watched and not entry.lease_until}
    await _forget({r: e for r, e in entries.items() if not e.watched}, invocation)
    names = sorted({name for entry in resting.values() for name in entry.watched} - {ARCHIVED})
    if not resting:
        return
    permits = invocation.ports.permits(route.account)

    async def read(ids: Sequence[str]) -> ReadResult | Unread:
        refused = await permits.acquire(seconds=invocation.sending_seconds_left())
        if refused is not None:
            return NotApplied(refused.reason)
        answer = await read_histories(route, ids, names)
        await permits.observe(answer)
        return answer

    found = await find(read, [record.id for record in resting])
    shown = {
        id_: each for id_, each in found.items() if each is None or isinstance(each, ShownRecord)
    }
    now = invocation.now()
    writes = []
    findings: dict[RecordKey, Audited] = {}
    for record, entry in resting.items():
        if record.id not in shown and not ledger.watched_in_vain(entry, now=now):
            continue  # HubSpot said nothing of it; the next run asks again.
        findings[record] = Audited()
        landed = _landed(record, entry, shown.get(record.id), findings[record])
        audited = ledger.audited(entry, landed, rev=invocation.rev(), now=now)
        writes.append(LedgerWrite(record, audited, entry.rev))
    lost = await invocation.ports.ledger.write(writes)
    # An entry that was written meanwhile was not at rest: what its record shows may be newer.
    done = [write for write in writes if write.record not in lost]
    for write in done:
        result.landed_late += findings[write.record].landed_late
        result.written_by_others += findings[write.record].written_by_others
    result.seen += sum(1 for write in done if write.record.id in shown)
    result.unseen += sum(1 for write in done if write.record.id not in shown)
    await reassert([write.record for write in done if write.entry.pending], invocation)


async def _forget(empty: Mapping[RecordKey, Entry], invocation: Invocation) -> None:
    """Take records out of the index that have nothing to look at: they would stay in it."""
    kept = [
        LedgerWrite(record, entry._replace(rev=invocation.rev(), watched_until=0), entry.rev)
        for record, entry in empty.items()
        if entry.watched_until and not entry.lease_until
    ]
    if kept:
        await invocation.ports.ledger.write(kept)


def _landed(
    record: RecordKey, entry: Entry, shown: ShownRecord | None, result: Audited
) -> dict[str, Reading]:
    """Return the readings that an older write of ours has covered."""
    landed: dict[str, Reading] = {}
    if shown and entry.archived and ARCHIVED in entry.watched and is_own(record, shown):
        # Whether a late upsert of ours or a person made it cannot be told, so it stays.
        result.landed_late.append((record, ARCHIVED))
    for name, watched in entry.watched.items():
        if entry.synced.get(name) != watched.reading.version or name in entry.pending:
            # Something newer was written since, or may have been: that has a watch of its own.
            continue
        match _culprit(watched, shown.histories.get(name, ()) if shown else ()):
            case "ours":
                landed[name] = watched.reading
                result.landed_late.append((record, name))
            case "others":
                result.written_by_others.append((record, name))
            case None:
                pass
    return landed


def _culprit(watched: Watched, history: Sequence[HistoryValue]) -> str | None:
    """Say who wrote over a watched value: the app that wrote it, another, or nobody."""
    if not history or history[0].value == watched.shown:
        return None
    ours = next((told.source for told in history if told.value == watched.shown), None)
    return "ours" if history[0].source == ours else "others"
