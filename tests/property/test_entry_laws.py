"""The ledger never goes back, forgets nothing it should know, and reads as it was written."""

from hypothesis import given
from hypothesis import strategies as st

from hubsync.core.hubspot.reply import Confirmed, Reason
from hubsync.core.records.entry import Entry, LeftOut, Rev, Watched, acquired, confirmed, released
from hubsync.core.records.entry_codec import decode, encode
from hubsync.core.records.leased_record import LeasedRecord
from tests.builders import ADA
from tests.strategies import DUE, LAW, NAMES, PILES, TEXT, VERSIONS, changes

ENTRIES = st.builds(
    Entry,
    rev=TEXT.map(Rev),
    lease_until=st.integers(0, 2**53),
    synced=st.dictionaries(NAMES, VERSIONS),
    pending=st.dictionaries(NAMES, PILES),
    archived=st.just(value=False),  # only of an entry that says since when
    apart=st.booleans(),
    split=st.integers(0, 7),
    left_out=st.none() | st.builds(LeftOut, TEXT, st.integers(1, 2)),
    doubts=st.integers(0, 9),
    hubspot_id=st.none() | TEXT.filter(bool),
    trace_id=st.none() | TEXT.filter(bool),
    watched=st.dictionaries(NAMES, st.builds(Watched, PILES.map(lambda pile: pile[0]), TEXT)),
    due_at=st.just(0),  # not packed, since queries look at it
    watched_until=st.just(0),
)
VERDICTS = st.lists(st.sampled_from(["vouched", "named", "unnamed", "halted"]), max_size=12)
FEW = st.lists(changes(st.just(ADA)), min_size=1, max_size=4)


@LAW
@given(ENTRIES)
def test_an_entry_is_read_as_it_was_written(entry):
    assert decode(encode(entry), rev=entry.rev) == entry


def settled_by(leased, verdicts):
    """Let verdicts fall until nothing is due; yield the entry after each."""
    while verdicts and not leased.over:
        due = leased.due()
        leased.commit(rev=Rev("r"), now=1)
        match verdicts.pop():
            case "vouched":
                leased.confirm(due, Confirmed("512"), "t")
            case "named":
                name = min(due)
                leased.refuse(due, Reason("INVALID", "no", {name: "INVALID"}))
            case "unnamed":
                leased.refuse(due, Reason("CONFLICT", "no", {}))
            case _:
                leased.halt("LOCKED")
        yield leased.entry


@LAW
@given(FEW, VERDICTS)
def test_no_property_goes_back_to_an_older_version(some, verdicts):
    entry = Entry()
    for change in some:
        before = entry.synced
        entry = acquired(entry, change, rev=Rev("r"), lease_until=1)
        leased = LeasedRecord.begin(change, entry)
        for after in settled_by(leased, verdicts):
            assert all(after.synced[name] >= version for name, version in before.items())
            before, entry = after.synced, after
        entry = released(entry, rev=Rev("r"), now=1)


@LAW
@given(FEW, VERDICTS)
def test_nothing_open_is_unknown_to_the_ledger_or_the_hand(some, verdicts):
    """What is neither settled, refused nor pending was never committed, so never sent."""
    change = some[0]
    entry = acquired(Entry(), change, rev=Rev("r"), lease_until=1)
    leased = LeasedRecord.begin(change, entry)
    for after in settled_by(leased, verdicts):
        for name, readings in change.readings.items():
            for reading in readings:
                refused = (name, reading.version) in leased.refused
                is_open = reading in leased.open.get(name, ())
                assert refused or is_open or after.dominates(name, reading)


@LAW
@given(FEW)
def test_a_vouched_for_change_settles_to_a_clean_record(some):
    change = some[0]
    leased = LeasedRecord.begin(change, acquired(Entry(), change, rev=Rev("r"), lease_until=1))
    while not leased.over:
        leased.confirm(leased.due(), Confirmed("512"), "t")
    leased.release(rev=Rev("r2"), now=1)
    assert leased.entry.clean


@LAW
@given(ENTRIES, DUE)
def test_what_was_vouched_for_is_dominated_and_not_pending(entry, due):
    after = confirmed(entry, due, hubspot_id=None, trace_id="t")
    assert all(after.dominates(name, reading) for name, reading in due.items())
    assert not any(reading in after.pending.get(name, ()) for name, reading in due.items())
