"""What a look at a record shows of an input that was sent to it, or may have been."""

from collections.abc import Mapping
from typing import NamedTuple

from hubsync.core.batch import Input
from hubsync.core.change import ARCHIVED, YES, Reading
from hubsync.core.reply import Shown, Vouched


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
