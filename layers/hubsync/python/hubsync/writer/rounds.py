"""Use case: send what is due of records under our lease, until nothing is, and release them."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial

from hubsync.core.change import ARCHIVED, RecordKey, folded
from hubsync.core.event import HUBSPOT_ID
from hubsync.core.hubspot.batch import Batch, Input, Route, archive_input, by_route, write_input
from hubsync.core.hubspot.reply import (
    REQUIRED_FAULTS,
    Answered,
    BatchRefused,
    NotApplied,
    ReadResult,
    Reason,
    Reply,
    ShownRecord,
    Unread,
)
from hubsync.core.records.entry import Rev
from hubsync.core.records.leased_record import NOT_FOUND, LeasedRecord
from hubsync.core.records.read_back import (
    NO_SUCH_RECORD,
    ReadBack,
    is_own,
    judge_archive,
    judge_archived,
    judge_contradicted,
    judge_silent,
    judge_unanswerable,
    seen,
)
from hubsync.core.records.settle import FollowUp, Sent, blame, settle
from hubsync.errors import Unanswered
from hubsync.ports import LedgerWrite, PermitDenied, Permits
from hubsync.writer.invocation import Invocation
from hubsync.writer.read_back import find

OUT_OF_TIME = "OUT_OF_TIME"
LEDGER_UNANSWERED = "LEDGER_UNANSWERED"


class Rounds:
    """The calls of one batch of records: the first, and those that its replies make necessary."""

    def __init__(
        self, invocation: Invocation, permits: Permits, made: dict[RecordKey, Input]
    ) -> None:
        """Take the account's permits, and the inputs that were made when the batch was cut.

        The permit of the first call was taken before the leases were.
        """
        self._permits = permits
        self._permit_in_hand = True
        self._invocation = invocation
        self._ports = invocation.ports
        self._made = made
        self._leased: dict[RecordKey, LeasedRecord] = {}

    async def run(self, leased_records: Sequence[LeasedRecord]) -> None:
        """Send, settle and release records whose leases were taken with their first readings.

        Each record is released when it is done itself. Where the run is cut off, the records that
        are not released yet are in doubt.
        """
        self._leased = {leased.record: leased for leased in leased_records}
        try:
            await self._run(leased_records)
        except asyncio.CancelledError:
            for leased in self._leased.values():
                leased.doubt(OUT_OF_TIME)
            raise

    async def _run(self, leased_records: Sequence[LeasedRecord]) -> None:
        # The first group is what the batch was cut for, and was committed with the leases.
        group, groups, again = (
            list(leased_records),
            list[list[LeasedRecord]](),
            list[LeasedRecord](),
        )
        while group:
            after = await self._round(group)
            self._made.clear()  # Prepared inputs serve the first call only.
            await self._judge(after)
            groups += after.groups
            again += after.again
            await self._release(group)
            group = []
            while not group and (groups or again):
                if not groups:
                    groups, again = _by_call(again), []
                group = await self._commit(groups.pop(0))
        await self._release(leased_records)
        if self._permit_in_hand:
            await self._permits.give_back()

    async def _round(self, group: list[LeasedRecord]) -> FollowUp:
        """Send one batch and settle it."""
        route = group[0].route(group[0].due())
        if route.operation == "archive":
            return await self._archive(route, group)
        sent = [(leased, self._input(leased)) for leased in group]
        if len(sent) == 1 and group[0].unanswerable:
            return await self._look_for_unanswered(*sent[0])
        if len(sent) == 1 and group[0].is_silenced(sent[0][1].trace_id):
            return FollowUp(read_back=sent)
        return await self._send(route, sent)

    async def _judge(self, after: FollowUp) -> None:
        """Settle the inputs of which the answer alone does not say enough."""
        expired = self._invocation.expired
        for leased, item in after.read_back:
            judge_silent(leased, item, await self._look(item), expired=expired)
            after.go_on(leased)
        for leased, item, reason in after.contradicted:
            look = await self._look(item, in_doubt=True)
            judge_contradicted(leased, item, reason, look, expired=expired)
            after.go_on(leased)
        for leased, reason in after.missed:
            leased.miss(_missing(reason), expired=expired)
            after.go_on(leased)
        for sent, refused in after.taken:
            assert refused.taken is not None
            guilty = await self._with_others_values(sent, refused.taken.name)
            found = blame(sent, refused, guilty)
            after.again += found.again
            after.groups += found.groups

    async def _with_others_values(self, sent: Sequence[Sent], name: str) -> AbstractSet[RecordKey]:
        """Return the records whose value of a unique property another record has, by one read."""
        account, object_type, id_property, _ = sent[0][1].record
        values = {
            item.record: folded(object_type, name, item.readings[name].value)
            for _, item in sent
            if name in item.readings
        }
        route = Route(account, object_type, "update", name)
        shown = [] if id_property == HUBSPOT_ID else [id_property]
        found = await self._read(route, shown, sorted(set(values.values())))
        if not isinstance(found, Mapping):
            return frozenset()  # Halves tell.
        owners = {record: found.get(value) for record, value in values.items()}
        return {r for r, owner in owners.items() if owner is not None and not is_own(r, owner)}

    async def _send(self, route: Route, sent: list[Sent]) -> FollowUp:
        reply = await self._call(route, sent)
        if reply is None:
            return FollowUp()
        names = self._ports.written_names[route.account, route.object_type]
        if isinstance(reply, Answered):
            names.update(*(item.readings for _, item in sent))
        return settle(sent, reply, written=names)

    async def _call(self, route: Route, sent: list[Sent]) -> Reply | None:
        """Send one batch and return the reply; None if there is no permit or no time for it."""
        refused = await self._permit()
        if refused is not None:
            for leased, _ in sent:
                leased.halt(refused.reason, refused.seconds)
            return None
        in_doubt = any(leased.entry.doubts > 0 for leased, _ in sent)
        reply = await self._ports.write(Batch(route, tuple(item for _, item in sent)))
        await self._permits.observe(reply, in_doubt=in_doubt)
        if isinstance(reply, Answered):
            self._ports.written_at[route.account] = self._invocation.now()
        return reply

    async def _permit(self) -> PermitDenied | None:
        """Ask for one call more, whatever it is for: None means that time and permit are there."""
        if not self._invocation.may_send():
            return PermitDenied(OUT_OF_TIME, 0.0)
        if self._permit_in_hand:
            self._permit_in_hand = False
            return None
        seconds = self._invocation.sending_seconds_left()
        return await self._permits.acquire(seconds=seconds, urgent=True)

    async def _read(
        self, route: Route, names: Sequence[str], ids: Sequence[str], *, in_doubt: bool = False
    ) -> ReadResult | Unread:
        refused = await self._permit()
        if refused is not None:
            return NotApplied(refused.reason, refused.seconds)
        found = await self._ports.read(route, ids, names)
        await self._permits.observe(found, in_doubt=in_doubt)
        return found

    def _input(self, leased: LeasedRecord) -> Input:
        made = self._made.get(leased.record)
        return made or write_input(leased.record, leased.due())

    async def _archive(self, route: Route, group: list[LeasedRecord]) -> FollowUp:
        """Read records by key, archive them by id, and read them by key again.

        Only a read that finds nothing vouches: the 204 says nothing of a record that a person
        merged into another one in between (assumed). An id from before is never used.
        """
        expired, in_hand = self._invocation.expired, self._invocation.in_hand
        there = await self._find(route, group)
        sent: list[Sent] = []
        for leased, shown in there:
            if judge_archive(leased, shown, in_hand=in_hand) and isinstance(shown, ShownRecord):
                item = archive_input(leased.record, leased.due(), shown.hubspot_id)
                sent.append((leased, item))
        reply = await self._call(route, sent) if sent else None
        after = FollowUp()
        if isinstance(reply, Answered) or _knows_none(reply):
            for leased, shown in await self._find(route, [leased for leased, _ in sent]):
                judge_archived(leased, shown, expired=expired, in_hand=in_hand)
        elif reply is not None:
            after = settle(sent, reply)
        listed = {leased.record for leased in after.leased_records()}
        for leased in group:
            if leased.record not in listed:
                after.go_on(leased)
        return after

    async def _find(
        self, route: Route, group: Sequence[LeasedRecord]
    ) -> list[tuple[LeasedRecord, ShownRecord | Unread | None]]:
        found = await find(partial(self._read, route, []), [a.record.id for a in group])
        return [(leased, found[leased.record.id]) for leased in group]

    async def _look_for_unanswered(self, leased: LeasedRecord, item: Input) -> FollowUp:
        """Read back what was in doubt once too often, rather than send it once more.

        The leases it was sent under have run out: it cannot land after the look.
        """
        leased.unanswerable = False
        look = await self._look(item, in_doubt=True)
        judge_unanswerable(leased, item, look, in_hand=self._invocation.in_hand)
        after = FollowUp()
        after.go_on(leased)
        return after

    async def _look(self, item: Input, *, in_doubt: bool = False) -> ReadBack:
        """Read a record back."""
        record = item.record
        route = Route(record.account, record.object_type, "update", record.id_property)
        names = [name for name in item.readings if name != ARCHIVED]
        read = partial(self._read, route, names, in_doubt=in_doubt)
        found = (await find(read, [record.id]))[record.id]
        return seen(item, found) if found is None or isinstance(found, ShownRecord) else found

    async def _commit(self, group: list[LeasedRecord]) -> list[LeasedRecord]:
        """Commit what a further round sends, before it does; return the records that may go on."""
        behind = [leased for leased in group if leased.is_behind()]
        if not behind:
            return group
        expected = [leased.entry.rev for leased in behind]
        for leased in behind:
            leased.commit(rev=self._invocation.rev(), now=self._invocation.now())
        pairs = [pair for pair in zip(behind, expected, strict=True) if not pair[0].over]
        await self._record([leased for leased, _ in pairs], [rev for _, rev in pairs])
        return [leased for leased in group if not leased.over]

    async def _release(self, leased_records: Iterable[LeasedRecord]) -> None:
        """Record what was settled of records that are done, and give their leases back.

        Records in doubt keep theirs.
        """
        done = [a for a in leased_records if a.over and a.record in self._leased]
        certain = [leased for leased in done if not leased.in_doubt]
        expected = [leased.entry.rev for leased in certain]
        for leased in certain:
            leased.release(rev=self._invocation.rev(), now=self._invocation.now())
        await self._record(certain, expected)
        for leased in done:
            del self._leased[leased.record]

    async def _record(
        self, leased_records: Sequence[LeasedRecord], expected: Sequence[Rev]
    ) -> None:
        """Write the attempts' entries; where that is not confirmed, their events are not done."""
        if not leased_records:
            return
        pairs = zip(leased_records, expected, strict=True)
        try:
            lost = await self._ports.ledger.write(
                [LedgerWrite(leased.record, leased.entry, rev) for leased, rev in pairs]
            )
        except Unanswered:
            lost = frozenset(leased.record for leased in leased_records)
        for leased in leased_records:
            if leased.record in lost:
                leased.doubt(LEDGER_UNANSWERED)
            else:
                leased.recorded()


def _by_call(leased_records: Sequence[LeasedRecord]) -> list[list[LeasedRecord]]:
    """Group what is due by its call; the records of one batch still fit one by count and bytes."""
    routed = by_route((leased.route(leased.due()), leased) for leased in leased_records)
    return list(routed.values())


def _knows_none(reply: Reply | None) -> bool:
    return isinstance(reply, BatchRefused) and reply.reason.code == "OBJECT_NOT_FOUND"


def _missing(reason: Reason) -> Reason:
    if REQUIRED_FAULTS & set(reason.properties.values()):
        return reason
    return Reason(NOT_FOUND, NO_SUCH_RECORD, {}, reason.correlation_id)
