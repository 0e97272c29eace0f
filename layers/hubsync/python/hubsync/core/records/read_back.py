"""What a look at a record shows of what was sent to it, and means for it: no answer had told."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from hubsync.core.change import ARCHIVED, Reading, RecordKey, folded
from hubsync.core.event import HUBSPOT_ID
from hubsync.core.hubspot.batch import Input
from hubsync.core.hubspot.reply import (
    Ambiguous,
    NotApplied,
    Reason,
    Shown,
    Unread,
    Vouched,
    WholeRefused,
)
from hubsync.core.limits import DOUBTS_UNSEEN_MAX
from hubsync.core.records.leased_record import NOT_FOUND, Attempt, EventId

type Expired = Callable[[EventId], bool]
type InHand = Callable[[EventId], bool]

UNVOUCHED, NO_ANSWER = "UNVOUCHED", "NO_ANSWER"
NO_SUCH_RECORD = "HubSpot knows no such record"
ARCHIVE_OF_MERGED = "ARCHIVE_OF_MERGED"


class Seen(NamedTuple):
    """Whether the record exists, which readings of the input it holds, and the proof of that."""

    exists: bool
    held: Mapping[str, Reading]
    vouched: Vouched


def seen(item: Input, shown: Shown | None) -> Seen:
    """Compare an input with what HubSpot shows of its record; None: it has no such record.

    The word that a record exists is held like any other reading: by a record that is there.
    """
    if shown is None:
        return Seen(exists=False, held={}, vouched=Vouched(None))
    held = {
        name: reading
        for name, reading in item.readings.items()
        if name == ARCHIVED or (shown.properties.get(name) or "") == reading.value
    }
    return Seen(exists=True, held=held, vouched=Vouched(shown.hubspot_id, shown.properties))


type Look = Seen | Unread
"""What is there of an input, or why that could not be seen."""


def wait_for_look(attempt: Attempt, unread: NotApplied | Ambiguous) -> None:
    """Leave a record until it can be read. A read changes nothing, so nothing is in doubt."""
    wait = unread.retry_after_seconds if isinstance(unread, NotApplied) else None
    attempt.halt(unread.code, wait)


def judge_silent(attempt: Attempt, item: Input, look: Look, *, expired: Expired) -> None:
    """Settle an input that two finished answers left out: what is not there was refused."""
    match look:
        case NotApplied() | Ambiguous():
            wait_for_look(attempt, look)
        case WholeRefused(reason):
            attempt.refuse(item.readings, reason)
        case Seen(exists=False):
            attempt.miss(Reason(NOT_FOUND, NO_SUCH_RECORD, {}), expired=expired)
        case Seen(held=held):
            left = {name: r for name, r in item.readings.items() if name not in held}
            attempt.vouch(held, look.vouched, item.trace_id)
            if left:
                message = "HubSpot neither wrote nor refused the value"
                attempt.refuse(left, Reason(UNVOUCHED, message, dict.fromkeys(left, UNVOUCHED)))


def judge_contradicted(
    attempt: Attempt, item: Input, reason: Reason, look: Look, *, expired: Expired
) -> None:
    """Refuse what is not there of an input that was in doubt before; the rest was taken then.

    The leases it was sent under have run out, so nothing of it can land after the look. A look that
    HubSpot refuses, too, is tried again for as long as a record is waited for.
    """
    if isinstance(look, NotApplied | Ambiguous):
        wait_for_look(attempt, look)
        return
    # What was sent may be pending from an event that is not here, so any that is here may wait.
    events = {reading.version.event for some in attempt.open.values() for reading in some}
    if isinstance(look, WholeRefused) and not any(map(expired, events)):
        attempt.halt(NOT_FOUND)
        return
    attempt.looked()
    held = look.held if isinstance(look, Seen) else {}
    left = {name: reading for name, reading in item.readings.items() if name not in held}
    blamed = reason.properties.keys() & item.readings.keys()
    if isinstance(look, Seen) and held:
        attempt.vouch(held, look.vouched, item.trace_id)
    if not left or (blamed and blamed <= held.keys()):
        return
    # Who is to blame is judged by all that was sent: HubSpot may refuse what it took before.
    if held and not blamed and not attempt.is_of_one_event(item.readings):
        attempt.try_apart()
    else:
        attempt.refuse(left, reason)


def judge_unanswerable(attempt: Attempt, item: Input, look: Look, *, in_hand: InHand) -> None:
    """Give up what is not there of an input that was in doubt once too often.

    Only readings whose event is in hand can be given up, since that event becomes the dead letter
    that says so; the others stay pending. What the input covered is sent next. A look that HubSpot
    fails to answer is one more doubt, and in the end the input is given up unseen.
    """
    if isinstance(look, NotApplied):
        wait_for_look(attempt, look)
        return
    if isinstance(look, Ambiguous) and attempt.entry.doubts < DOUBTS_UNSEEN_MAX:
        attempt.doubt(look.code)
        return
    doubts = attempt.entry.doubts
    held = look.held if isinstance(look, Seen) else {}
    lost = {name: reading for name, reading in item.readings.items() if name not in held}
    if len(lost) > 1:
        lost.pop(ARCHIVED, None)  # Whose word on existence it is may have nothing else lost.
    given_up = {name: r for name, r in lost.items() if in_hand(r.version.event)}
    if isinstance(look, Seen) and held:
        attempt.vouch(held, look.vouched, item.trace_id)
    if given_up:
        attempt.give_up(given_up, _no_answer(doubts, given_up))
    elif lost:
        attempt.halt(NO_ANSWER)


def judge_archive(attempt: Attempt, shown: Shown | Unread | None, *, in_hand: InHand) -> bool:
    """Settle an archive by what a read by key shows, and return whether it is to be sent."""
    due = attempt.due()
    attempt.looked()
    match shown:
        case NotApplied() | Ambiguous():
            wait_for_look(attempt, shown)
        case None:
            attempt.vouch(due, Vouched(None), "")
        case WholeRefused(reason):
            attempt.refuse(due, reason)
        case Shown() if not is_own(attempt.record, shown):
            message = f"the record is part of record {shown.hubspot_id}, which is left as it is"
            attempt.refuse(due, Reason(ARCHIVE_OF_MERGED, message, {}))
        case Shown() if not attempt.unanswerable:
            return True
        case Shown() if in_hand(due[ARCHIVED].version.event):
            attempt.refuse(due, _no_answer(attempt.entry.doubts))
        case Shown():
            attempt.halt(NO_ANSWER)
    return False


def judge_archived(
    attempt: Attempt, shown: Shown | Unread | None, *, expired: Expired, in_hand: InHand
) -> None:
    """Settle an archive that HubSpot answered by what a second read shows.

    Only a read that finds nothing vouches. What is there all the same may be gone a little later,
    so it is waited for as a record is that is not there yet.
    """
    unseen = isinstance(shown, WholeRefused)
    if not unseen and not judge_archive(attempt, shown, in_hand=in_hand):
        return
    due = attempt.due()
    if expired(due[ARCHIVED].version.event):
        found = "cannot be read" if unseen else "is there all the same"
        attempt.refuse(due, Reason(UNVOUCHED, f"HubSpot answered, and the record {found}", {}))
    else:
        attempt.halt(NOT_FOUND)


def _no_answer(doubts: int, names: Iterable[str] = ()) -> Reason:
    message = f"HubSpot gave no answer {doubts} times, while others were written"
    named = {name: NO_ANSWER for name in names if name != ARCHIVED}
    return Reason(NO_ANSWER, message, named)


def is_own(record: RecordKey, shown: Shown) -> bool:
    """Whether a record found by a key is the one that the key means.

    It is not where it was found under the id of one merged into it, or by an additional address.
    """
    if record.id_property == HUBSPOT_ID:
        return shown.hubspot_id == record.id
    primary = shown.properties.get(record.id_property) or ""
    return folded(record.object_type, record.id_property, primary) == record.id
