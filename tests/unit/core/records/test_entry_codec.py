import json

from hubsync.core.change import ARCHIVED
from hubsync.core.limits import ENTRY_BYTES_MAX
from hubsync.core.records.entry import Entry, Rev, Watched
from hubsync.core.records.entry_codec import decode, encode, fits
from tests.builders import a_reading, a_version

FULL = Entry(
    Rev("r1"),
    lease_until=7,
    synced={"phone": a_version(1), ARCHIVED: a_version(2, "e-2")},
    pending={"city": (a_reading("Z\u00fcrich", 3, upsert=True), a_reading("", 1))},
    archived=True,
    doubts=2,
    doubted_at=6,
    others_written=True,
    hubspot_id="512",
    trace_id="t",
    due_at=8,
    watched={"phone": Watched(a_reading("1", 1, upsert=True), "+1")},
    watched_until=9,
)


def reread(entry):
    return decode(
        encode(entry),
        rev=entry.rev,
        due_at=entry.due_at,
        watched_until=entry.watched_until,
    )


def test_an_entry_is_read_as_it_was_written():
    assert reread(FULL) == FULL
    assert reread(Entry()) == Entry()


def test_an_empty_entry_is_its_format_alone():
    assert json.loads(encode(Entry())) == {"f": 1}


def test_an_event_of_many_properties_is_written_once():
    versions = dict.fromkeys(map(str, range(50)), a_version(event_id="an event id to look for"))
    assert encode(Entry(synced=versions)).count(b"look for") == 1


def test_an_entry_written_by_this_format_stays_readable():
    packed = (
        b'{"f":1,"e":[[5,0,"changes","e-1","d"]],"s":{"phone":0},'
        b'"p":[[0,1,{"city":"Graz"}]],"a":1,"d":2,"i":"512","l":7,"t":"t"}'
    )
    version = a_version()._replace(occurred_at=5)
    assert decode(packed, rev=Rev("r1")) == Entry(
        Rev("r1"),
        lease_until=7,
        synced={"phone": version},
        pending={"city": (a_reading("Graz", upsert=True)._replace(version=version),)},
        archived=True,
        doubts=2,
        hubspot_id="512",
        trace_id="t",
    )


def test_what_fits_is_measured_as_it_is_encoded():
    quotes = a_reading('"' * (ENTRY_BYTES_MAX // 2))
    assert fits(Entry(pending={"notes": (a_reading("x" * 200_000),)}))
    assert not fits(Entry(pending={"notes": (quotes,)}))
    version = a_version(event_id="\u00fc" * 256)
    many = {f"p{n}": version._replace(occurred_at=n) for n in range(800)}
    assert not fits(Entry(synced=many))
