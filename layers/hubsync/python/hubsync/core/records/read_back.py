"""What a look at a record shows of what was sent to it, and means for it: no answer had told."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from hubsync.core.change import ARCHIVED, Reading, RecordKey, folded
from hubsync.core.event import HUBSPOT_ID
from hubsync.core.hubspot.batch import Input
from hubsync.core.hubspot.reply import (
    Ambiguous,
    BatchRefused,
    Confirmed,
    NotApplied,
    Reason,
    ShownRecord,
    Unread,
)
from hubsync.core.limits import DOUBTS_UNSEEN_MAX
from hubsync.core.records.leased_record import NOT_FOUND, EventId, LeasedRecord

type Expired = Callable[[EventId], bool]
type InHand = Callable[[EventId], bool]

UNVOUCHED, NO_ANSWER = "UNVOUCHED", "NO_ANSWER"
NO_SUCH_RECORD = "HubSpot knows no such record"
ARCHIVE_OF_MERGED = "ARCHIVE_OF_MERGED"


class RecordRead(NamedTuple):
    """Whether the record exists, which readings of the input it holds, and the proof of that."""

    exists: bool
    held: Mapping[str, Reading]
    confirmed: Confirmed


def seen(item: Input, shown: ShownRecord | None) -> RecordRead:
    """Compare an input with what HubSpot shows of its record; None: it has no such record.

    The word that a record exists is held like any other reading: by a record that is there.
    """
    if shown is None:
        return RecordRead(exists=False, held={}, confirmed=Confirmed(None))
    held = {
        name: reading
        for name, reading in item.readings.items()
        if name == ARCHIVED or (shown.properties.get(name) or "") == reading.value
    }
    return RecordRead(
        exists=True, held=held, confirmed=Confirmed(shown.hubspot_id, shown.properties)
    )


type ReadBack = RecordRead | Unread
"""What is there of an input, or why that could not be seen."""


def wait_for_look(leased: LeasedRecord, unread: NotApplied | Ambiguous) -> None:
    """Leave a record until it can be read. A read changes nothing, so nothing is in doubt."""
    wait = unread.retry_after_seconds if isinstance(unread, NotApplied) else None
    leased.halt(unread.code, wait)


def judge_silent(leased: LeasedRecord, item: Input, look: ReadBack, *, expired: Expired) -> None:
    """Settle an input that two finished answers left out: what is not there was refused."""
    match look:
        case NotApplied() | Ambiguous():
            wait_for_look(leased, look)
        case BatchRefused(reason):
            leased.refuse(item.readings, reason)
        case RecordRead(exists=False):
            leased.miss(Reason(NOT_FOUND, NO_SUCH_RECORD, {}), expired=expired)
        case RecordRead(held=held):
            left = {name: r for name, r in item.readings.items() if name not in held}
            leased.confirm(held, look.confirmed, item.trace_id)
            if left:
                message = "HubSpot neither wrote nor refused the value"
                leased.refuse(left, Reason(UNVOUCHED, message, dict.fromkeys(left, UNVOUCHED)))


def judge_contradicted(
    leased: LeasedRecord, item: Input, reason: Reason, look: ReadBack, *, expired: Expired
) -> None:
    """Refuse what is not there of an input that was in doubt before; the rest was taken then.

    The leases it was sent under have run out, so nothing of it can land after the look. A look that
    HubSpot refuses, too, is tried again for as long as a record is waited for.
    """
    if isinstance(look, NotApplied | Ambiguous):
        wait_for_look(leased, look)
        return
    # What was sent may be pending from an event that is not here, so any that is here may wait.
    events = {reading.version.event for some in leased.open.values() for reading in some}
    if isinstance(look, BatchRefused) and not any(map(expired, events)):
        leased.halt(NOT_FOUND)
        return
    leased.looked()
    held = look.held if isinstance(look, RecordRead) else {}
    left = {name: reading for name, reading in item.readings.items() if name not in held}
    blamed = reason.properties.keys() & item.readings.keys()
    if isinstance(look, RecordRead) and held:
        leased.confirm(held, look.confirmed, item.trace_id)
    if not left or (blamed and blamed <= held.keys()):
        return
    # Who is to blame is judged by all that was sent: HubSpot may refuse what it took before.
    if held and not blamed and not leased.is_of_one_event(item.readings):
        leased.try_apart()
    else:
        leased.refuse(left, reason)


def judge_unanswerable(
    leased: LeasedRecord, item: Input, look: ReadBack, *, in_hand: InHand
) -> None:
    """Give up what is not there of an input that was in doubt once too often.

    Only readings whose event is in hand can be given up, since that event becomes the dead letter
    that says so; the others stay pending. What the input covered is sent next. A look that HubSpot
    fails to answer is one more doubt, and in the end the input is given up unseen.
    """
    if isinstance(look, NotApplied):
        wait_for_look(leased, look)
        return
    if isinstance(look, Ambiguous) and leased.entry.doubts < DOUBTS_UNSEEN_MAX:
        leased.doubt(look.code)
        return
    doubts = leased.entry.doubts
    held = look.held if isinstance(look, RecordRead) else {}
    lost = {name: reading for name, reading in item.readings.items() if name not in held}
    if len(lost) > 1:
        lost.pop(ARCHIVED, None)  # Whose word on existence it is may have nothing else lost.
    given_up = {name: r for name, r in lost.items() if in_hand(r.version.event)}
    if isinstance(look, RecordRead) and held:
        leased.confirm(held, look.confirmed, item.trace_id)
    if given_up:
        leased.give_up(given_up, _no_answer(doubts, given_up))
    elif lost:
        leased.halt(NO_ANSWER)


def judge_archive(
    leased: LeasedRecord, shown: ShownRecord | Unread | None, *, in_hand: InHand
) -> bool:
    """Settle an archive by what a read by key shows, and return whether it is to be sent."""
    due = leased.due()
    leased.looked()
    match shown:
        case NotApplied() | Ambiguous():
            wait_for_look(leased, shown)
        case None:
            leased.confirm(due, Confirmed(None), "")
        case BatchRefused(reason):
            leased.refuse(due, reason)
        case ShownRecord() if not is_own(leased.record, shown):
            message = f"the record is part of record {shown.hubspot_id}, which is left as it is"
            leased.refuse(due, Reason(ARCHIVE_OF_MERGED, message, {}))
        case ShownRecord() if not leased.unanswerable:
            return True
        case ShownRecord() if in_hand(due[ARCHIVED].version.event):
            leased.refuse(due, _no_answer(leased.entry.doubts))
        case ShownRecord():
            leased.halt(NO_ANSWER)
    return False


def judge_archived(
    leased: LeasedRecord, shown: ShownRecord | Unread | None, *, expired: Expired, in_hand: InHand
) -> None:
    """Settle an archive that HubSpot answered by what a second read shows.

    Only a read that finds nothing vouches. What is there all the same may be gone a little later,
    so it is waited for as a record is that is not there yet.
    """
    unseen = isinstance(shown, BatchRefused)
    if not unseen and not judge_archive(leased, shown, in_hand=in_hand):
        return
    due = leased.due()
    if expired(due[ARCHIVED].version.event):
        found = "cannot be read" if unseen else "is there all the same"
        leased.refuse(due, Reason(UNVOUCHED, f"HubSpot answered, and the record {found}", {}))
    else:
        leased.halt(NOT_FOUND)


def _no_answer(doubts: int, names: Iterable[str] = ()) -> Reason:
    message = f"HubSpot gave no answer {doubts} times, while others were written"
    named = {name: NO_ANSWER for name in names if name != ARCHIVED}
    return Reason(NO_ANSWER, message, named)


def is_own(record: RecordKey, shown: ShownRecord) -> bool:
    """Whether a record found by a key is the one that the key means.

    It is not where it was found under the id of one merged into it, or by an additional address.
    """
    if record.id_property == HUBSPOT_ID:
        return shown.hubspot_id == record.id
    primary = shown.properties.get(record.id_property) or ""
    return folded(record.object_type, record.id_property, primary) == record.id
