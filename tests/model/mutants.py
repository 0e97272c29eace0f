"""The protocol with one part left out, for each part: every one of these must be caught.

Each comes with a scenario that is enough to catch it, mostly with the one fault that the part is
there for, and with the kind of violation that it must be caught by. The sweep is off where it could
come to the rescue: it is a last resort. How each part is left out is in parts.py and wordings.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.model import checks, parts, wordings
from tests.model.scenario import Budget, Doubts, Event, Fault, Scenario

if TYPE_CHECKING:
    from tests.model.checks import StepCheck
    from tests.model.protocol import Protocol


@dataclass(frozen=True, slots=True)
class Mutant:
    without: str
    """The part left out, as docs/write-protocol.md names it."""
    protocol: type[Protocol]
    scenario: Scenario = field(repr=False)
    wrong: str

    @property
    def step_checks(self) -> tuple[StepCheck, ...]:
        """Nothing on the way is looked at where the harm is in what remains."""
        return () if self.wrong in checks.REMAINS else (checks.promise,)


def mutant(
    without: str,
    protocol: type[Protocol],
    wrong: str,
    events: str,
    *faults: Fault,
    consumers: int = 1,
    sweep: bool = False,
    **more: Any,
) -> Mutant:
    """Build a mutant, with as many faults as are named. Events go from the oldest on."""
    told = tuple(Event.parse(each) for each in events.split(", "))
    budgets = tuple(Budget(faults.count(fault), frozenset({fault})) for fault in set(faults))
    scenario = Scenario(f"without {without}", told, consumers, budgets, sweep, **more)
    return Mutant(without, protocol, scenario, wrong)


TWO, THREE = "update p, update p", "update p, update p, update p"
FEW = Doubts(apart=1, most=2)

# What the first protocol that looked right was missing.
PARTS = (
    mutant("the lease", parts.NoLease, checks.OLD, TWO, Fault.DUPLICATE, consumers=2),
    mutant(
        "distrust of the receive count",
        parts.ReceiveCountTrusted,
        checks.OLD,
        TWO,
        Fault.LATE,
        Fault.GIVEN_UP,
        Fault.REDRIVE,
        sweep=True,
        consumers=2,
    ),
    mutant("intent before the write", parts.IntentAfterwards, checks.BACK, TWO, Fault.LOST),
    mutant(
        "older pending readings kept",
        parts.OlderForgotten,
        checks.BACK,
        THREE,
        Fault.LOST,
        Fault.BAD,
    ),
    mutant(
        "every round committed", parts.FirstRoundOnly, checks.BACK, THREE, Fault.LOST, Fault.BAD
    ),
    mutant(
        "pending kept when not applied",
        parts.ForgottenWhenNotApplied,
        checks.BACK,
        TWO,
        Fault.LOST,
        Fault.THROTTLED,
    ),
    mutant(
        "skipping only what is synced and clean",
        parts.SkippedThoughUnclean,
        checks.UNTRUE,
        TWO,
        Fault.DUPLICATE,
        consumers=2,
    ),
    mutant("the lease held in doubt", parts.ReleasedInDoubt, checks.OLD, TWO, Fault.LATE),
    mutant(
        "a lease that outlives late writes", parts.LeaseWithoutDelta, checks.OLD, TWO, Fault.LATE
    ),
    mutant(
        "a lease that outlives its holder",
        parts.LeaseShorterThanHolder,
        checks.OLD,
        TWO,
        consumers=2,
    ),
    mutant("sending all that is pending", parts.OwnReadingsOnly, checks.BACK, TWO, Fault.LOST),
    mutant("items that stay", parts.ItemsExpire, checks.BACK, TWO, Fault.DUPLICATE, sweep=True),
    mutant("the sweep", parts.NoSweep, checks.LEFT, TWO, Fault.CRASH, Fault.GIVEN_UP, sweep=True),
    mutant("done only after the release", parts.DoneBeforeRelease, checks.LEFT, TWO, Fault.CRASH),
    mutant("reading back under a new lease", parts.ReadBackInDoubt, checks.BACK, TWO, Fault.LATE),
    mutant(
        "dead letters confirmed",
        parts.RejectedUnconfirmed,
        checks.LOST,
        TWO,
        Fault.BAD,
        Fault.CRASH,
    ),
)

# What the shipped code was missing, where the first model ended.
BEYOND = (
    mutant(
        "a word on existence that outlives refused values",
        wordings.WordGoesWithTheEvent,
        checks.GONE,
        "archive, upsert pq",
        Fault.BAD,
    ),
    mutant(
        "an id that was just read",
        wordings.KnownIdTrusted,
        checks.THERE,
        "upsert p, archive",
        Fault.MERGED,
        there=False,
    ),
    mutant(
        "the rest before the older value",
        wordings.OlderAtOnce,
        checks.SLOW,
        "update pq, update p",
        Fault.BAD,
        Fault.BAD,
        calls=2,
    ),
    mutant(
        "verdicts that outlast the invocation",
        wordings.VerdictsForgotten,
        checks.STUCK,
        "update pq",
        Fault.BAD,
        calls=1,
    ),
    mutant(
        "doubts that count in a row",
        wordings.DoubtsUntilNothingIsPending,
        checks.GROUNDLESS,
        "update pq",
        Fault.LATE,
        Fault.LATE,
        Fault.BAD,
        doubts=FEW,
    ),
    mutant(
        "existence that no order decides",
        wordings.AllThatIsOpenRefused,
        checks.GONE,
        "upsert p, update q",
        Fault.BAD_EVENT,
        there=False,
    ),
    mutant(
        "a second look, alone",
        wordings.UnmatchedReadOnce,
        checks.STUCK,
        "archive",
        foreign=True,
    ),
    mutant(
        "nothing watched without a value",
        wordings.WatchedInVain,
        checks.WATCHED,
        "update p",
        Fault.LOST,
        audit=True,
    ),
    mutant(
        "a release of each record",
        wordings.ReleasedWithTheBatch,
        checks.KEPT,
        "update p",
    ),
)

# What the first wording of what mends it was missing.
WORDINGS = (
    mutant(
        "existence vouched for by any upsert",
        wordings.OwnUpsertVouches,
        checks.STUCK,
        "upsert p, update p",
        there=False,
    ),
    mutant(
        "existence refused with the key alone",
        wordings.WordGoesWithTheLastProperty,
        checks.GONE,
        "upsert p, update q",
        Fault.BAD,
        there=False,
    ),
    mutant(
        "a dead letter once nothing is open",
        wordings.RejectedAtFirstRefusal,
        checks.GROUNDLESS,
        "update pq",
        Fault.BAD,
        Fault.THROTTLED,
    ),
    mutant(
        "marks that leave pending alone",
        wordings.MarksEmptyPending,
        checks.BACK,
        "update p, update pq",
        Fault.WHIM,
        Fault.LOST,
        Fault.LOST,
    ),
    mutant(
        "apart kept until the record is clean",
        wordings.ApartForgotten,
        checks.STUCK,
        "update p, update q",
        Fault.BAD_EVENT,
        calls=1,
    ),
    mutant(
        "doubts ended by any answer",
        wordings.DoubtsEndedByRelease,
        checks.GROUNDLESS,
        "update pq",
        Fault.LATE,
        Fault.LATE,
        Fault.BAD,
        doubts=FEW,
    ),
    mutant(
        "a second read after an archive",
        wordings.AnswerVouches,
        checks.THERE,
        "archive",
        Fault.MERGED,
    ),
    mutant(
        "an archive that waits for a newer value",
        wordings.ArchiveAtOnce,
        checks.OLD,
        "archive, upsert p, update q",
    ),
    mutant(
        "a missing required property that is waited for",
        wordings.MissingIsRefused,
        checks.GROUNDLESS,
        "upsert q, update p",
        there=False,
        required=1,
    ),
    mutant(
        "giving up only what is in hand",
        wordings.GivenUpUnseen,
        checks.ENDLESS,
        "update p, update q",
        Fault.POISON,
        Fault.POISON,
        doubts=FEW,
    ),
    mutant(
        "giving up readings, not events",
        wordings.WholeEventGivenUp,
        checks.GROUNDLESS,
        "update pq, update q",
        Fault.POISON,
        Fault.BAD,
        doubts=FEW,
    ),
    mutant(
        "a miss counted from itself",
        wordings.WaitsFromReceipt,
        checks.GROUNDLESS,
        "upsert p, update q",
        there=False,
    ),
    mutant(
        "a miss counted for each event",
        wordings.WaitsInTheLedger,
        checks.GROUNDLESS,
        "update p, update q, upsert p",
        there=False,
        later=0b1100,
    ),
    mutant(
        "archives that miss nothing",
        wordings.ArchivesMissToo,
        checks.GROUNDLESS,
        "archive, upsert q",
        there=False,
        required=1,
    ),
    mutant(
        "looking for what is refused after a doubt",
        wordings.RefusedUnseen,
        checks.STANDS,
        "update p",
        Fault.LOST,
        Fault.WHIM,
    ),
    mutant(
        "archiving only what is one's own",
        wordings.AnybodysArchived,
        checks.DELETED,
        "archive",
        foreign=True,
    ),
    mutant(
        "blame by all that was sent",
        wordings.BlameByWhatIsLeft,
        checks.GROUNDLESS,
        "update p, update q",
        Fault.LOST,
        Fault.BAD_EVENT,
    ),
)

MUTANTS = PARTS + BEYOND + WORDINGS
