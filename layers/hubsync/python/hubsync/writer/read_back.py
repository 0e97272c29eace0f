"""Read records of one account back by key, whatever single ids do to a call for many."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from hubsync.core.hubspot.reply import (
    REQUEST_FAULTS,
    Ambiguous,
    BatchRefused,
    NotApplied,
    ReadResult,
    ShownRecord,
    Unread,
)

READ_UNANSWERED: Final = "READ_UNANSWERED"

type ReadCall = Callable[[Sequence[str]], Awaitable[ReadResult | Unread]]
"""One call of batch/read, for the records with these ids."""


async def find(read: ReadCall, ids: Sequence[str]) -> Mapping[str, ShownRecord | Unread | None]:
    """Return for each id its record, None where HubSpot has none, or why it could not be seen.

    A call that is refused whole is halved until the guilty id stands alone. Ids that an answer
    leaves out are read once more, each alone: a contact found by an additional address shows
    another key (observed), so only a call for one id tells whose record that is.
    """
    answer = await read(ids)
    if isinstance(answer, BatchRefused) and _may_be_halved(answer, ids):
        middle = len(ids) // 2
        return {**await find(read, ids[:middle]), **await find(read, ids[middle:])}
    if isinstance(answer, BatchRefused | NotApplied | Ambiguous):
        return dict.fromkeys(ids, answer)
    found: dict[str, ShownRecord | Unread | None] = dict(answer)
    if len(ids) == 1:
        return {ids[0]: found.get(ids[0], NotApplied(READ_UNANSWERED))}
    for id_ in ids:
        if id_ not in found:
            found.update(await find(read, [id_]))
    return found


def _may_be_halved(refused: BatchRefused, ids: Sequence[str]) -> bool:
    return len(ids) > 1 and refused.reason.code not in REQUEST_FAULTS
