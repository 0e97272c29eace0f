"""What a look at a record shows of what was sent to it, and means for it: no answer had told."""

from collections.abc import Mapping
from typing import NamedTuple

from hubsync.core.attempt import Attempt
from hubsync.core.batch import Input
from hubsync.core.change import ARCHIVED, YES, Reading
from hubsync.core.limits import DOUBTS_UNSEEN_MAX
from hubsync.core.reply import Ambiguous, NotApplied, Reason, Shown, Vouched

UNVOUCHED, NO_ANSWER = "UNVOUCHED", "NO_ANSWER"


class Seen(NamedTuple):
    """Whether the record exists, which readings of the input it holds, and the proof of that."""

    exists: bool
    held: Mapping[str, Reading]
    vouched: Vouched


def seen(item: Input, shown: Shown | None) -> Seen:
    """Compare an input with what HubSpot shows of its record; None: it has no such record."""
    existence = item.readings.get(ARCHIVED)
    if existence is not None and existence.value == YES:
        return Seen(shown is not None, {} if shown else item.readings, Vouched(None))
    if shown is None:
        return Seen(exists=False, held={}, vouched=Vouched(None))
    held = {
        name: reading
        for name, reading in item.readings.items()
        if name == ARCHIVED or (shown.properties.get(name) or "") == reading.value
    }
    if len(held) < len(item.readings):
        held.pop(ARCHIVED, None)  # The event that says so may be among those that are not there.
    return Seen(exists=True, held=held, vouched=Vouched(shown.hubspot_id, shown.properties))


type Look = Seen | NotApplied | Ambiguous
"""What is there of an input, or why that could not be seen."""


def wait_for_look(attempt: Attempt, unread: NotApplied | Ambiguous) -> None:
    """Leave a record until it can be read. A read changes nothing, so nothing is in doubt."""
    wait = unread.retry_after_seconds if isinstance(unread, NotApplied) else None
    attempt.halt(unread.code, wait)


def judge_silent(attempt: Attempt, item: Input, look: Look) -> None:
    """Settle an input that two finished answers left out."""
    message = "HubSpot neither wrote nor refused the record"
    if not isinstance(look, Seen):
        wait_for_look(attempt, look)
    elif look.held == item.readings:
        attempt.vouch(item.readings, look.vouched, item.trace_id)
    elif look.exists:
        attempt.refuse(item.readings, Reason(UNVOUCHED, message, {}))
    else:
        attempt.not_found = Reason(UNVOUCHED, message, {})


def judge_contradicted(attempt: Attempt, item: Input, reason: Reason, look: Look) -> None:
    """Refuse what is not there of an input that was in doubt before; the rest was taken then.

    The leases it was sent under have run out, so nothing of it can land after the look.
    """
    if not isinstance(look, Seen):
        wait_for_look(attempt, look)
        return
    if look.held:
        attempt.vouch(look.held, look.vouched, item.trace_id)
    blamed = [name for name in item.readings if name in reason.properties] or [*item.readings]
    refused = {name: item.readings[name] for name in blamed if name not in look.held}
    if refused:
        attempt.refuse(refused, reason)


def judge_unanswerable(attempt: Attempt, item: Input, look: Look) -> None:
    """Give up what is not there of an input that was in doubt once too often.

    What it had covered is sent next. A look that HubSpot fails to answer is one more doubt, and in
    the end the input is given up unseen.
    """
    if isinstance(look, NotApplied):
        wait_for_look(attempt, look)
        return
    if isinstance(look, Ambiguous) and attempt.entry.doubts < DOUBTS_UNSEEN_MAX:
        attempt.doubt(look.code)
        return
    held = look.held if isinstance(look, Seen) else {}
    lost = {name: r.version.event for name, r in item.readings.items() if name not in held}
    if len(lost) > 1:
        lost.pop(ARCHIVED, None)  # Whose word on existence it is may have nothing else lost.
    message = f"HubSpot gave no answer {attempt.entry.doubts} times, while others were written"
    attempt.refuse_events(sorted(set(lost.values())), Reason(NO_ANSWER, message, {}))
    if isinstance(look, Seen) and held:
        attempt.vouch(held, look.vouched, item.trace_id)
