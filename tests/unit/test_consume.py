"""The consumer on HubSpot's emulator: what is written, refused, sent back, and by which calls."""

import json
from itertools import batched, permutations

import pytest

from hubspot_emulator import Fault
from hubsync.core.change import RecordKey
from hubsync.core.hubspot.reply import Answered, Confirmed, Reason, Refused
from hubsync.core.message import encode_events, pack
from hubsync.core.records.entry import Entry, Rev
from hubsync.core.records.outcome import Rejected, Retryable, Superseded, Written
from hubsync.errors import Unanswered
from hubsync.ports import DeadLetter
from tests.builders import ADA, a_message, an_event, raw_event
from tests.consumer_harness import ConsumerHarness, outcomes, tally

HEAD = {"account": "main", "source": "changes", "receivedAt": "2026-11-21T12:00:00Z"}
UPDATE = {"operation": "update", "idProperty": None}
REFUSED = {"firstname": "INVALID"}
ARCHIVE = {"operation": "archive", "properties": None, "eventId": "archiving"}


def contacts(count, **first):
    """An event for each of so many contacts; what is given changes the first one."""
    return [
        raw_event(eventId=f"e{n}", id=f"c{n}@example.com", properties={"firstname": f"F{n}"})
        | (first if n == 0 else {})
        for n in range(count)
    ]


def at(second):
    return f"2026-11-21T12:00:{second:02}Z"


# Full batches


def test_10000_events_on_1000_contacts_are_ten_full_calls():
    events = [
        an_event(
            eventId=f"e{n}",
            occurredAt=f"2026-11-21T11:{n // 1000:02}:00Z",
            id=f"c{n % 1000}@example.com",
            properties={"phone": str(n // 1000), f"{('firstname', 'city')[n % 2]}": str(n)},
        )
        for n in range(10_000)
    ]
    stage = ConsumerHarness()
    consumed = stage.consume(*pack(encode_events(events), head=HEAD | {"requestId": "r-1"}))
    assert stage.calls == [("upsert", 100, 200)] * 10
    assert tally(consumed) == {"Written": 1_000, "Superseded": 9_000}
    assert consumed.returned == ()
    assert stage.hubspot.count("contacts") == 1_000
    assert stage.contact("c7@example.com") == {"phone": "9", "city": "9007"}


def test_what_cannot_share_a_call_travels_in_calls_of_its_own():
    stage = ConsumerHarness()
    events = [
        raw_event(eventId="contact"),
        raw_event(eventId="by-key", idProperty="external_id", id="u-1"),
        raw_event(
            eventId="deal", objectType="deals", idProperty="external_id", id="d-1", properties={}
        ),
        raw_event(eventId="archive", id="gone@example.com", operation="archive"),
    ]
    assert tally(stage.consume(a_message(*events))) == {"Written": 4}
    assert sorted(stage.calls) == [
        ("read", 1, 207),
        ("upsert", 1, 200),
        ("upsert", 1, 200),
        ("upsert", 1, 200),
    ]


@pytest.mark.parametrize(("doubts", "sizes"), [(0, [10, 10, 5]), (1, [1] * 25), (9, [1] * 25)])
def test_records_in_doubt_travel_apart(doubts, sizes):
    stage = ConsumerHarness()
    expired = Entry(Rev("r"), lease_until=1, doubts=doubts)
    for n in range(25):
        stage.remember(ADA._replace(id=f"c{n}@example.com"), expired)
    stage.consume(a_message(*contacts(25)))
    assert [inputs for _, inputs, _ in stage.calls] == sizes


# Values


def test_every_kind_of_value_arrives_as_hubspot_takes_it():
    stage = ConsumerHarness()
    stage.hubspot.create("contacts", {"email": "ada@example.com", "phone": "to be cleared"})
    properties = {
        "newsletter": True,
        "seats": 12.50,
        "interests": ["chess", "maths"],
        "phone": None,
        "notes": "Zo\u00eb \U0001f680\n\u4f60\u597d \ufffe",
        "FirstName": "",
    }
    assert tally(stage.consume(a_message(raw_event(properties=properties)))) == {"Written": 1}
    assert stage.contact() == {
        "newsletter": "true",
        "seats": "12.5",
        "interests": "chess;maths",
        "notes": "Zo\u00eb \U0001f680\n\u4f60\u597d \ufffe",
    }


# Refusals cost only themselves


def test_one_bad_value_among_100_inputs_costs_only_itself():
    stage = ConsumerHarness()
    bad = {"firstname": "Ada", "seats": "many"}
    consumed = stage.consume(a_message(*contacts(100, properties=bad)))
    assert stage.letters == [("e0", "INVALID_INTEGER", ("seats",))]
    assert tally(consumed) == {"Written": 99, "Rejected": 1}
    assert stage.contact("c0@example.com") == {"firstname": "Ada"}
    assert stage.contact("c99@example.com") == {"firstname": "F99"}
    assert stage.calls == [("upsert", 100, 207), ("upsert", 1, 200)]
    assert consumed.returned == ()


def test_a_refused_value_gives_way_to_the_older_one_it_had_covered():
    stage = ConsumerHarness()
    good = raw_event(eventId="good", occurredAt=at(1), properties={"seats": 7})
    bad = raw_event(eventId="bad", occurredAt=at(2), properties={"seats": "many"})
    consumed = stage.consume(a_message(bad, good))
    assert dict(outcomes(consumed))["good"] == Written()
    assert stage.letters == [("bad", "INVALID_INTEGER", ("seats",))]
    assert stage.contact() == {"seats": "7"}


def test_a_dead_letter_is_the_event_unchanged_with_its_reason():
    stage = ConsumerHarness()
    event = raw_event(properties={"Seats": "many"}, id=" Ada@example.com")
    stage.consume(a_message(event, tries=3))
    (letter,) = stage.queue.letters
    assert letter.account == "main"
    assert json.loads(letter.body) == json.loads(a_message(event, tries=0))
    assert letter.rejected.message == "HubSpot refused seats (INVALID_INTEGER)"
    assert letter.rejected.correlation_id is None


def test_an_event_delivered_twice_becomes_one_dead_letter():
    stage = ConsumerHarness()
    event = raw_event(properties={"seats": "many"})
    consumed = stage.consume(a_message(event, event), a_message(event, requestId="r-2"))
    assert tally(consumed) == {"Rejected": 3}
    assert len(stage.letters) == 1


def test_two_events_of_which_all_was_refused_before_are_two_dead_letters():
    stage = ConsumerHarness()
    events = [
        raw_event(eventId=f"e{n}", operation="update", idProperty=None, id="512", refused=REFUSED)
        for n in range(2)
    ]
    stage.consume(a_message(*events))
    assert [event_id for event_id, _, _ in stage.letters] == ["e0", "e1"]


@pytest.mark.parametrize("kind", ["unnamed", "conflict"])
@pytest.mark.parametrize("guilty", [[0], [99], [3, 4], [10, 50, 51, 98]])
def test_a_whole_batch_refused_for_nobody_by_name_ends_in_exactly_the_guilty(kind, guilty):
    stage = ConsumerHarness(Fault(kind=kind, property="company", value="poison"))
    events = contacts(100)
    for n in guilty:
        events[n]["properties"] = {"company": "poison"}
    consumed = stage.consume(a_message(*events))
    assert [event_id for event_id, _, _ in stage.letters] == [f"e{n}" for n in guilty]
    assert tally(consumed) == {"Written": 100 - len(guilty), "Rejected": len(guilty)}
    # What is refused is the value; the word that the record exists stands.
    assert stage.hubspot.count("contacts") == 100
    # Each guilty one is found in at most 2 calls for each of the 7 halvings; then its key is sent.
    assert len(stage.calls) <= 1 + 15 * len(guilty)


def test_a_guilty_event_merged_with_innocent_ones_stands_alone_in_the_end():
    stage = ConsumerHarness(Fault(kind="unnamed", property="company", value="poison"))
    events = [
        raw_event(eventId="old", occurredAt=at(1), properties={"phone": "1"}),
        raw_event(
            eventId="bad", occurredAt=at(2), properties={"company": "poison", "city": "Graz"}
        ),
        raw_event(eventId="new", occurredAt=at(3), properties={"lastname": "L"}),
    ]
    consumed = stage.consume(a_message(*events))
    rejected = Rejected(
        "VALIDATION_ERROR",
        "HubSpot refused the record: VALIDATION_ERROR, and named no property",
        correlation_id=stage.queue.letters[0].rejected.correlation_id,
    )
    assert outcomes(consumed) == [("old", Written()), ("bad", rejected), ("new", Written())]
    assert stage.contact() == {"phone": "1", "lastname": "L"}


@pytest.mark.parametrize("setting", ["409", "207"])
def test_a_value_that_belongs_to_another_record_is_a_conflict_of_one_input(setting):
    stage = ConsumerHarness(upsert_conflict_with_trace_ids=setting)
    stage.hubspot.create("contacts", {"email": "taken@example.com"})
    events = [raw_event(eventId=f"e{n}", idProperty="external_id", id=f"u-{n}") for n in range(9)]
    events[0]["properties"] = {"email": "taken@example.com"}
    consumed = stage.consume(a_message(*events))
    assert stage.letters == [("e0", "CONFLICT", ())]
    assert "taken by record" in stage.queue.letters[0].rejected.message
    assert tally(consumed) == {"Written": 8, "Rejected": 1}


def test_a_property_that_hubspot_does_not_have_is_dropped_from_all_inputs():
    stage = ConsumerHarness(update_bad_value_with_trace_ids="400")
    ids = [stage.hubspot.create("contacts", {"email": f"c{n}@example.com"}) for n in range(5)]
    events = [
        raw_event(eventId=f"e{n}", id=id_, **UPDATE, properties={"fax": "1", "phone": str(n)})
        for n, id_ in enumerate(ids)
    ]
    consumed = stage.consume(a_message(*events))
    assert [letter[1:] for letter in stage.letters] == [("PROPERTY_DOESNT_EXIST", ("fax",))] * 5
    assert stage.contact("c4@example.com") == {"phone": "4"}
    assert stage.calls == [("update", 5, 400), ("update", 5, 200)]
    assert tally(consumed) == {"Rejected": 5}


def test_an_upsert_by_a_property_that_is_not_unique_is_refused_in_one_call():
    stage = ConsumerHarness()
    events = [raw_event(eventId=f"e{n}", idProperty="phone", id=str(n)) for n in range(9)]
    stage.consume(a_message(*events))
    assert {code for _, code, _ in stage.letters} == {"NON_UNIQUE_ID_PROPERTY"}
    assert (len(stage.letters), stage.calls) == (9, [("upsert", 9, 400)])


def test_a_value_that_hubspot_kept_otherwise_is_written_and_told():
    stage = ConsumerHarness()

    async def write(batch):
        (item,) = batch.inputs
        return Answered({item.trace_id: Confirmed("512", {"firstname": "Ida", "phone": "1"})})

    stage.write = write
    consumed = stage.consume(a_message(raw_event(properties={"firstname": "Ada", "phone": "1"})))
    assert outcomes(consumed) == [("e-1", Written())]
    assert consumed.values_kept == {("0-1", "firstname"): [("changes", "e-1")]}


# Silence


def test_silence_twice_is_read_back_and_vouched_for_if_the_values_are_there():
    stage = ConsumerHarness(Fault(kind="left_out", operation="upsert", writes="done"))
    consumed = stage.consume(a_message(raw_event()))
    assert outcomes(consumed) == [("e-1", Written())]
    assert [operation for operation, _, _ in stage.calls] == ["upsert", "upsert", "read"]


def test_silence_twice_is_a_refusal_if_other_values_are_there():
    stage = ConsumerHarness(Fault(kind="left_out", operation="upsert"))
    stage.hubspot.create("contacts", {"email": "ada@example.com", "firstname": "Augusta"})
    consumed = stage.consume(a_message(raw_event()))
    assert tally(consumed) == {"Rejected": 1}
    assert stage.letters == [("e-1", "UNVOUCHED", ("firstname",))]
    assert stage.contact() == {"firstname": "Augusta"}


def test_of_an_input_left_out_twice_what_is_there_is_written_and_never_goes_back():
    stage = ConsumerHarness(Fault(kind="left_out", operation="upsert"))
    stage.hubspot.create("contacts", {"email": "ada@example.com", "firstname": "New"})
    older = raw_event(eventId="older", properties={"firstname": "Old"})
    newer = raw_event(
        eventId="newer", occurredAt=at(1), properties={"firstname": "New", "phone": "1"}
    )
    consumed = stage.consume(a_message(older, newer))
    assert dict(outcomes(consumed))["older"] == Superseded()
    assert stage.letters == [("newer", "UNVOUCHED", ("phone",))]
    assert stage.contact() == {"firstname": "New"}


def test_silence_about_several_events_of_a_record_ends_for_each_of_them():
    stage = ConsumerHarness(Fault(kind="left_out", operation="upsert"))
    stage.hubspot.create("contacts", {"email": "ada@example.com"})
    events = [
        raw_event(eventId="one", occurredAt=at(1), properties={"phone": "1"}),
        raw_event(eventId="two", occurredAt=at(2), properties={"city": "Graz"}),
    ]
    assert tally(stage.consume(a_message(*events))) == {"Rejected": 2}
    assert stage.letters == [("one", "UNVOUCHED", ("phone",)), ("two", "UNVOUCHED", ("city",))]


def test_silence_once_costs_one_more_call():
    stage = ConsumerHarness(Fault(kind="silent", operation="upsert", times=1))
    assert tally(stage.consume(a_message(*contacts(3)))) == {"Written": 3}
    assert stage.calls == [("upsert", 3, 200), *[("upsert", 1, 200)] * 3]


def test_silence_is_remembered_where_the_time_ends_before_the_record_is_read_back():
    stage = ConsumerHarness(Fault(kind="left_out", operation="upsert", writes="done"))
    stage.seconds_a_call = 4
    assert tally(stage.consume(a_message(raw_event()), seconds=50)) == {"Retryable": 1}
    assert outcomes(stage.consume(a_message(raw_event()), seconds=50)) == [("e-1", Written())]
    assert [operation for operation, _, _ in stage.calls] == ["upsert", "upsert", "read"]


def test_silence_about_one_input_says_nothing_of_what_came_since():
    stage = ConsumerHarness(Fault(kind="left_out", operation="upsert"))
    stage.hubspot.create("contacts", {"email": "ada@example.com"})
    stage.seconds_a_call = 4
    stage.consume(a_message(raw_event()), seconds=50)
    stage.hubspot.faults.clear()
    newer = raw_event(eventId="newer", occurredAt=at(9), properties={"city": "Graz"})
    assert tally(stage.consume(a_message(newer), seconds=50)) == {"Written": 1}
    assert stage.contact() == {"firstname": "Ada", "city": "Graz"}


def test_silence_on_a_record_that_is_not_there_waits_for_it():
    stage = ConsumerHarness(Fault(kind="left_out", operation="upsert"))
    assert outcomes(stage.consume(a_message(raw_event()))) == [("e-1", Retryable("NOT_FOUND"))]


# Archives


def test_a_record_is_archived_by_its_id():
    stage = ConsumerHarness()
    id_ = stage.hubspot.create("contacts", {"email": "ada@example.com"})
    consumed = stage.consume(a_message(raw_event(**ARCHIVE, idProperty=None, id=id_)))
    assert outcomes(consumed) == [("archiving", Written())]
    calls = [("read", 1, 200), ("archive", 1, 204), ("read", 1, 207)]
    assert (stage.contact(), stage.calls) == (None, calls)


def test_a_record_is_archived_by_a_unique_property_of_which_only_hubspot_knows_the_id():
    stage = ConsumerHarness()
    stage.hubspot.create("contacts", {"email": "ada@example.com"})
    assert tally(stage.consume(a_message(raw_event(**ARCHIVE)))) == {"Written": 1}
    calls = [("read", 1, 200), ("archive", 1, 204), ("read", 1, 207)]
    assert (stage.contact(), stage.calls) == (None, calls)


def test_archives_cost_two_reads_a_hundred():
    stage = ConsumerHarness()
    for n in range(100):
        stage.hubspot.create("contacts", {"email": f"c{n}@example.com"})
    archives = [
        raw_event(eventId=f"e{n}", operation="archive", id=f"c{n}@example.com", properties=None)
        for n in range(100)
    ]
    assert tally(stage.consume(a_message(*archives))) == {"Written": 100}
    assert stage.calls == [("read", 100, 200), ("archive", 100, 204), ("read", 100, 207)]


def test_a_record_that_a_person_merged_into_another_is_not_archived_by_its_old_id():
    stage = ConsumerHarness()
    stage.consume(a_message(raw_event()))
    ada = stage.hubspot.find("contacts", "ada@example.com", by="email").id
    survivor = stage.hubspot.create("contacts", {"email": "bea@example.com"})
    stage.hubspot.merge("contacts", survivor, ada)
    consumed = stage.consume(a_message(raw_event(**ARCHIVE, occurredAt=at(1))))
    assert tally(consumed) == {"Rejected": 1}
    ((event_id, code, _),) = stage.letters
    assert (event_id, code) == ("archiving", "ARCHIVE_OF_MERGED")
    assert survivor in stage.queue.letters[0].rejected.message
    assert stage.contact("bea@example.com") is not None


def test_records_found_by_additional_addresses_are_left_alone_in_few_reads():
    stage = ConsumerHarness()
    for n in range(2):
        survivor = stage.hubspot.create("contacts", {"email": f"main{n}@example.com"})
        other = stage.hubspot.create("contacts", {"email": f"also{n}@example.com"})
        stage.hubspot.merge("contacts", survivor, other)
    archives = [
        raw_event(eventId=f"e{n}", operation="archive", id=f"also{n}@example.com", properties=None)
        for n in range(2)
    ]
    stage.consume(a_message(*archives))
    assert [code for _, code, _ in stage.letters] == ["ARCHIVE_OF_MERGED"] * 2
    assert len(stage.calls) == 3


def test_an_upsert_between_an_archive_and_a_newer_update_is_waited_for():
    stage = ConsumerHarness()
    stage.hubspot.create("contacts", {"external_id": "u-1", "email": "ada@example.com"})
    key = {"idProperty": "external_id", "id": "u-1"}
    archive = raw_event(**ARCHIVE | key, occurredAt=at(2))
    upsert = raw_event(eventId="third", **key, occurredAt=at(3), properties={"phone": "3"})
    update = raw_event(
        eventId="fourth", **key, operation="update", occurredAt=at(4), properties={"city": "Graz"}
    )
    assert tally(stage.consume(a_message(update))) == {"Written": 1}
    assert outcomes(stage.consume(a_message(archive))) == [("archiving", Retryable("NOT_FOUND"))]
    assert tally(stage.consume(a_message(upsert))) == {"Written": 1}
    assert tally(stage.consume(a_message(archive))) == {"Superseded": 1}
    found = stage.hubspot.find("contacts", "u-1", by="external_id").properties
    assert (found["phone"], found["city"]) == ("3", "Graz")


def test_whether_a_record_exists_does_not_depend_on_the_order_of_delivery():
    key = {"idProperty": "external_id", "id": "u-1"}
    events = {
        4: raw_event(**ARCHIVE | key, occurredAt=at(4)),
        5: raw_event(eventId="five", **key, occurredAt=at(5), properties={"city": "x", "fax": "1"}),
        6: raw_event(
            eventId="six", **key, operation="update", occurredAt=at(6), properties={"city": "y"}
        ),
    }
    ends = set()
    for order in permutations(events):
        stage = ConsumerHarness()
        stage.hubspot.create("contacts", {"external_id": "u-1", "email": "ada@example.com"})
        for number in (*order, *order):
            stage.consume(a_message(events[number]))
            stage.wait(300)
        found = stage.hubspot.find("contacts", "u-1", by="external_id")
        ends.add(found and found.properties.get("city"))
    assert ends == {"y"}


@pytest.mark.parametrize("bare", ["taken", "400"])
def test_an_upsert_whose_values_were_covered_keeps_its_record(bare):
    stage = ConsumerHarness(upsert_without_properties=bare)
    keyed = {"idProperty": "external_id", "id": "x-1"}
    said = [
        keyed | {"eventId": "first", "occurredAt": at(1), "properties": {"phone": "1"}},
        keyed
        | {"eventId": "newest", "occurredAt": at(9), "properties": {"phone": "9"}}
        | {"operation": "update"},
        keyed | {"eventId": "covered", "occurredAt": at(5), "properties": {"phone": "5"}},
        keyed | ARCHIVE | {"occurredAt": at(3)},
    ]
    seen = [outcomes(stage.consume(a_message(raw_event(**each)))) for each in said]
    assert [outcome for ((_, outcome),) in seen] == [Written(), Written(), Written(), Superseded()]
    assert stage.hubspot.find("contacts", "x-1", by="external_id").properties["phone"] == "9"


@pytest.mark.parametrize("bare", ["taken", "400"])
def test_an_upsert_whose_values_were_covered_is_not_refused_with_a_newer_one(bare):
    poison = Fault(kind="unnamed", property="company", value="poison")
    stage = ConsumerHarness(poison, upsert_without_properties=bare)
    keyed = {"idProperty": "external_id", "id": "x-1"}
    stage.hubspot.create("contacts", {"external_id": "x-1"})
    stage.consume(a_message(raw_event(**keyed, operation="update", occurredAt=at(9))))
    covered = keyed | {"eventId": "covered", "occurredAt": at(5)}
    newer = keyed | {"eventId": "newer", "occurredAt": at(7), "properties": {"company": "poison"}}
    consumed = stage.consume(a_message(raw_event(**covered), raw_event(**newer)))
    assert dict(outcomes(consumed))["covered"] == Superseded()
    assert [event for event, _, _ in stage.letters] == ["newer"]


@pytest.mark.parametrize("bare", ["taken", "400"])
def test_a_key_refused_alone_is_tried_again_with_an_older_value(bare):
    poison = Fault(kind="unnamed", property="company", value="poison")
    stage = ConsumerHarness(poison, upsert_without_properties=bare)
    older = raw_event(eventId="older", occurredAt=at(1), properties={"city": "Graz"})
    newer = raw_event(
        eventId="newer", occurredAt=at(2), properties={"company": "poison", "city": "?"}
    )
    stage.consume(a_message(older, newer))
    assert [event for event, _, _ in stage.letters] == ["newer"]
    assert stage.contact() == {"city": "Graz"}


def test_an_archive_takes_along_what_is_older_and_nothing_newer():
    stage = ConsumerHarness()
    events = [
        raw_event(eventId="before", occurredAt=at(1)),
        raw_event(**ARCHIVE, occurredAt=at(2)),
        raw_event(eventId="after", occurredAt=at(3), properties={"phone": "3"}),
    ]
    stage.consume(a_message(events[0], events[1]))
    assert stage.contact() is None
    consumed = stage.consume(a_message(events[2], events[1]))
    assert outcomes(consumed) == [("after", Written()), ("archiving", Superseded())]
    assert stage.contact() == {"phone": "3"}


def test_what_a_refused_archive_had_covered_is_written():
    stage = ConsumerHarness(Fault(kind="status", status=414, operation="archive"))
    stage.hubspot.create("contacts", {"email": "ada@example.com"})
    events = [raw_event(eventId="before", occurredAt=at(1)), raw_event(**ARCHIVE, occurredAt=at(2))]
    consumed = stage.consume(a_message(*events))
    assert dict(outcomes(consumed))["before"] == Written()
    assert stage.letters == [("archiving", "HTTP_414", ())]
    assert stage.contact() == {"firstname": "Ada"}
    assert stage.calls == [("read", 1, 200), ("archive", 1, 414), ("upsert", 1, 200)]


def test_a_revived_record_is_archived_by_its_new_id():
    stage = ConsumerHarness(upsert_shows_id_property="only if sent")
    for number, operation in enumerate(["upsert", "archive", "upsert", "archive"]):
        events = [
            raw_event(eventId=f"{name}-{number}", operation=operation, id=f"{name}@example.com",
                 occurredAt=at(number))
            for name in ("ada", "bea")
        ]  # fmt: skip
        assert tally(stage.consume(a_message(*events))) == {"Written": 2}
    assert stage.hubspot.count("contacts") == 0


@pytest.mark.parametrize("setting", ["204", "error"])
def test_what_is_archived_already_is_done(setting):
    stage = ConsumerHarness(archive_missing_id=setting)
    consumed = stage.consume(a_message(raw_event(**ARCHIVE, idProperty=None, id="512")))
    assert outcomes(consumed) == [("archiving", Written())]


def test_an_archive_that_hubspot_keeps_silent_about_is_not_taken_for_done():
    stage = ConsumerHarness(Fault(kind="silent", operation="archive"))
    id_ = stage.hubspot.create("contacts", {"email": "ada@example.com"})
    consumed = stage.consume(a_message(raw_event(**ARCHIVE, idProperty=None, id=id_)))
    assert outcomes(consumed) == [("archiving", Retryable("NOT_FOUND"))]
    stage.wait(600)
    stage.consume(stage.queue.resent[-1].body)
    assert stage.letters == [("archiving", "UNVOUCHED", ())]


def test_an_archive_that_was_carried_out_in_silence_is_done():
    stage = ConsumerHarness(Fault(kind="silent", operation="archive"))
    stage.consume(a_message(raw_event()))
    id_ = stage.hubspot.find("contacts", "ada@example.com", by="email").id
    archived = ConsumerHarness(Fault(kind="silent", operation="archive"))
    consumed = archived.consume(a_message(raw_event(**ARCHIVE, idProperty=None, id=id_)))
    assert outcomes(consumed) == [("archiving", Written())]


# Records that are not there


def test_an_update_waits_for_its_record_and_then_becomes_a_dead_letter():
    stage = ConsumerHarness()
    body = a_message(raw_event(**UPDATE, id="512"))
    consumed = stage.consume(body)
    assert outcomes(consumed) == [("e-1", Retryable("NOT_FOUND"))]
    assert (consumed.returned, stage.letters) == ((), [])
    stage.wait(600)
    assert tally(stage.consume(stage.queue.resent[0].body)) == {"Rejected": 1}
    assert stage.letters == [("e-1", "NOT_FOUND", ())]


def test_an_update_waits_for_its_record_from_its_own_first_miss_whatever_the_backlog():
    stage = ConsumerHarness()
    stage.wait(660)
    assert outcomes(stage.consume(a_message(raw_event(**UPDATE, id="512")))) == [
        ("e-1", Retryable("NOT_FOUND"))
    ]
    (event,) = json.loads(stage.queue.resent[0].body)["events"]
    assert event["missingSince"] == "2026-11-21T12:12:00Z"


def test_the_wait_for_a_record_begins_anew_after_a_doubt_that_kept_its_upsert_out():
    stage = ConsumerHarness(Fault(kind="lost_reply", operation="update", nth=1))
    since = "2026-11-21T11:50:00Z"  # more than ten minutes ago
    body = a_message(raw_event(**UPDATE, id="512", missingSince=since))
    assert tally(stage.consume(body)) == {"Retryable": 1}
    stage.wait(600)
    assert outcomes(stage.consume(body)) == [("e-1", Retryable("NOT_FOUND", anew=True))]
    again = stage.queue.resent[-1].body
    stage.wait(590)
    assert outcomes(stage.consume(again)) == [("e-1", Retryable("NOT_FOUND"))]
    stage.wait(30)
    assert tally(stage.consume(again)) == {"Rejected": 1}


def test_a_record_that_is_not_there_costs_its_neighbours_nothing():
    stage = ConsumerHarness()
    id_ = stage.hubspot.create("contacts", {"email": "ada@example.com"})
    events = [raw_event(eventId=i, id=i, **UPDATE) for i in ("512", id_)]
    consumed = stage.consume(a_message(*events))
    assert outcomes(consumed) == [("512", Retryable("NOT_FOUND")), (id_, Written())]


# What comes back, and when


def test_a_message_of_which_nothing_is_settled_is_returned_with_its_visibility_set():
    stage = ConsumerHarness(Fault(kind="status", status=429, policy="TEN_SECONDLY_ROLLING"))
    consumed = stage.consume(a_message(*contacts(3)), receives=3)
    assert tally(consumed) == {"Retryable": 3}
    assert consumed.returned == ("m0",)
    assert 18 <= stage.queue.postponed["h0"] <= 20
    assert stage.queue.resent == []


def test_a_partly_settled_message_goes_on_as_a_new_one_with_what_is_open():
    stage = ConsumerHarness()
    good, waiting = raw_event(eventId="good"), raw_event(eventId="waiting", **UPDATE, id="512")
    consumed = stage.consume(a_message(good, waiting, tries=2), receives=2)
    assert (consumed.returned, stage.queue.postponed) == ((), {})
    (resend,) = stage.queue.resent
    marked = waiting | {"missingSince": "2026-11-21T12:01:00Z"}
    assert json.loads(resend.body) == json.loads(a_message(marked, tries=4))
    assert resend.account == "main"
    assert 36 <= resend.delay_seconds <= 40


def test_a_partly_settled_message_is_returned_if_the_new_one_is_not_confirmed():
    stage = ConsumerHarness()
    stage.queue.confirms = False
    waiting = raw_event(eventId="waiting", **UPDATE, id="512")
    consumed = stage.consume(a_message(raw_event(), waiting))
    assert (consumed.returned, list(stage.queue.postponed)) == (("m0",), ["h0"])


def test_a_dead_letter_that_is_not_confirmed_keeps_its_event_open():
    stage = ConsumerHarness()
    stage.queue.confirms = False
    bad = a_message(raw_event(properties={"seats": "many"}))
    consumed = stage.consume(bad)
    assert outcomes(consumed) == [("e-1", Retryable("DEAD_LETTER_UNCONFIRMED"))]
    assert consumed.returned == ("m0",)
    stage.queue.confirms = True
    assert tally(stage.consume(bad)) == {"Rejected": 1}
    assert len(stage.letters) == 1


def test_a_message_that_is_not_ours_becomes_a_dead_letter_as_it_is():
    stage = ConsumerHarness()
    consumed = stage.consume("no JSON", a_message(raw_event()))
    rejected = Rejected("MALFORMED_MESSAGE", "the message is not in hubsync's format")
    assert outcomes(consumed) == [("", rejected), ("e-1", Written())]
    assert stage.queue.letters == [DeadLetter("no JSON", "", rejected)]
    assert consumed.returned == ()


def test_a_malformed_event_becomes_a_dead_letter_alone():
    stage = ConsumerHarness()
    bad = raw_event(eventId="bad", occurredAt="noon")
    consumed = stage.consume(a_message(raw_event(), bad))
    assert tally(consumed) == {"Written": 1, "Rejected": 1}
    (letter,) = stage.queue.letters
    assert json.loads(letter.body)["events"] == [bad]
    assert letter.rejected.code == "MALFORMED_EVENT"
    assert letter.rejected.message.startswith("not a change event: /occurredAt must be")


def test_an_event_tried_390_times_is_given_up():
    stage = ConsumerHarness(Fault(kind="locked"))
    assert tally(stage.consume(a_message(raw_event(), tries=380), receives=9)) == {"Retryable": 1}
    consumed = stage.consume(a_message(raw_event(), tries=380), receives=10)
    assert tally(consumed) == {"Rejected": 1}
    assert stage.letters == [("e-1", "RETRIES_EXHAUSTED", ())]
    (letter,) = stage.queue.letters
    assert letter.rejected.message == "still not settled after 390 tries, the last time LOCKED"


def test_what_does_not_fit_the_ledger_waits_for_the_next_round():
    stage = ConsumerHarness()
    values = {f"p{n}": "x" * 60_000 for n in range(2)}
    events = [
        raw_event(eventId=f"e{n}", properties={f"{name}{n}": text for name, text in values.items()})
        for n in range(3)
    ]
    consumed = stage.consume(*[a_message(event) for event in events])
    assert dict(outcomes(consumed))["e2"] == Retryable("RECORD_FULL")
    assert consumed.returned == ("m2",)


# The ledger


def test_a_repeated_event_costs_no_call():
    stage = ConsumerHarness()
    stage.consume(a_message(raw_event()))
    consumed = stage.consume(a_message(raw_event()))
    assert outcomes(consumed) == [("e-1", Superseded())]
    assert len(stage.calls) == 1


def test_a_late_event_does_not_overwrite_a_newer_reading():
    stage = ConsumerHarness()
    stage.consume(a_message(raw_event(eventId="new", occurredAt=at(2), properties={"phone": "2"})))
    late = raw_event(eventId="late", occurredAt=at(1), properties={"phone": "1", "city": "Graz"})
    assert tally(stage.consume(a_message(late))) == {"Written": 1}
    assert stage.contact() == {"phone": "2", "city": "Graz"}


def test_a_record_leased_elsewhere_is_waited_for_and_then_handed_back():
    stage = ConsumerHarness()
    until = round((stage.now() + 30) * 1000)
    stage.remember(ADA, Entry(Rev("theirs"), lease_until=until))
    consumed = stage.consume(a_message(raw_event()))
    ((_, outcome),) = outcomes(consumed)
    assert outcome.reason == "LEASED"
    assert 25 < outcome.at_most < 30
    assert (stage.calls, consumed.lease_conflicts) == ([], 3)
    stage.wait(31)
    assert tally(stage.consume(a_message(raw_event()))) == {"Written": 1}


def test_a_lost_reply_leaves_the_lease_to_run_out_and_is_asserted_again():
    stage = ConsumerHarness(Fault(kind="lost_reply", nth=1))
    consumed = stage.consume(a_message(raw_event()))
    ((_, outcome),) = outcomes(consumed)
    assert outcome.reason == "NO_ANSWER_ReadError"
    assert outcome.at_most == pytest.approx(425, abs=1)
    assert tally(stage.consume(a_message(raw_event()))) == {"Retryable": 1}
    assert len(stage.calls) == 1
    stage.wait(430)
    assert tally(stage.consume(a_message(raw_event()))) == {"Written": 1}
    assert stage.ledger.entry(ADA).clean


def test_what_a_crashed_holder_left_pending_is_sent_with_what_is_new():
    stage = ConsumerHarness(Fault(kind="reset", nth=1))
    stage.consume(a_message(raw_event(properties={"phone": "1"})))
    stage.wait(430)
    stage.consume(
        a_message(raw_event(eventId="e-2", occurredAt=at(2), properties={"city": "Graz"}))
    )
    assert stage.contact() == {"phone": "1", "city": "Graz"}


def test_every_round_is_in_the_ledger_before_it_is_sent():
    stage = ConsumerHarness()
    rounds = []

    async def write(batch):
        (item,) = batch.inputs
        pending = stage.ledger.entry(item.record).pending
        assert all(reading in pending[name] for name, reading in item.readings.items())
        rounds.append(item.readings["phone"].value if "phone" in item.readings else "its key")
        refused = Refused(Reason("INVALID", "no", {"phone": "INVALID"}))
        good = rounds[-1] in {"its key", "0"}
        return Answered({item.trace_id: Confirmed("512") if good else refused})

    stage.write = write
    events = [
        raw_event(eventId=f"e{n}", occurredAt=at(n), properties={"phone": str(n)}) for n in range(3)
    ]
    stage.consume(a_message(*events))
    assert rounds == ["2", "its key", "1", "0"]


def test_what_was_refused_of_an_event_is_not_tried_again():
    stage = ConsumerHarness()
    marked = raw_event(
        properties={"seats": "7", "phone": "1"}, refused={"seats": "INVALID_INTEGER"}
    )
    stage.consume(a_message(marked))
    assert stage.contact() == {"phone": "1"}
    assert stage.letters == [("e-1", "INVALID_INTEGER", ("seats",))]
    (letter,) = stage.queue.letters
    assert json.loads(letter.body)["events"] == [raw_event(properties={"seats": "7", "phone": "1"})]


def test_what_was_left_out_at_the_door_is_reported_once_the_rest_is_written():
    stage = ConsumerHarness()
    lacking = {"seats": "INVALID_VALUE", "fax": "INVALID_VALUE"}
    stage.consume(a_message(raw_event(properties={"phone": "1"}, refused=lacking)))
    assert stage.contact() == {"phone": "1"}
    assert stage.letters == [("e-1", "INVALID_VALUE", ("fax", "seats"))]
    (letter,) = stage.queue.letters
    message = "the payload had no valid value for fax, which was left out"
    assert letter.rejected.message == message
    # The value is gone, so another life would end the same way.
    assert json.loads(letter.body)["events"] == [
        raw_event(properties={"phone": "1"}, refused=lacking)
    ]


def test_a_payload_that_was_kept_goes_back_to_the_dead_letters_unchanged():
    stage = ConsumerHarness()
    faults = [["/change/0/fields/id", "is null"]]
    payload = {"unmade": [[0, None, "e-1"]], "faults": faults}
    body = json.dumps({"v": 1, **HEAD, "requestId": "r-1", "payload": payload})
    consumed = stage.consume(body)
    assert tally(consumed) == {"Rejected": 1}
    (sent,) = stage.queue.letters
    assert sent.body == body
    assert (sent.rejected.code, sent.rejected.message) == (
        "INVALID_PAYLOAD",
        "/change/0/fields/id is null",
    )
    assert stage.calls == []


def test_an_update_of_which_all_was_left_out_at_the_door_is_a_dead_letter_and_costs_no_call():
    stage = ConsumerHarness()
    nothing = {"operation": "update", "idProperty": None, "id": "512", "properties": {}}
    stage.consume(a_message(raw_event(**nothing, refused={"seats": "INVALID_VALUE"})))
    assert stage.letters == [("e-1", "INVALID_VALUE", ("seats",))]
    assert stage.calls == []


def test_an_upsert_of_which_all_was_left_out_at_the_door_creates_its_record():
    stage = ConsumerHarness()
    stage.consume(a_message(raw_event(properties={}, refused={"seats": "INVALID_VALUE"})))
    assert stage.contact() == {}
    assert stage.letters == [("e-1", "INVALID_VALUE", ("seats",))]


def test_hubspots_refusal_names_the_letter_of_an_event_that_lacks_a_value_of_the_door_too():
    stage = ConsumerHarness()
    lacking = {"fax": "INVALID_VALUE"}
    stage.consume(a_message(raw_event(properties={"seats": "seven"}, refused=lacking)))
    assert stage.letters == [("e-1", "INVALID_INTEGER", ("fax", "seats"))]


def test_refused_values_of_one_record_end_a_few_at_a_time_and_the_good_ones_at_once():
    stage = ConsumerHarness()
    events = [
        raw_event(
            eventId=f"e{n}", occurredAt=at(n), properties={"seats": f"many {n}", "phone": str(n)}
        )
        for n in range(9)
    ]
    body, invocations = a_message(*events), 0
    while body:
        consumed = stage.consume(body)
        assert stage.contact() == {"phone": "8"}
        body = stage.queue.resent.pop().body if tally(consumed)["Retryable"] else None
        invocations += 1
    assert sorted(stage.letters) == [(f"e{n}", "INVALID_INTEGER", ("seats",)) for n in range(9)]
    assert (invocations, len(stage.calls)) == (3, 10)


def test_a_search_by_halves_goes_on_in_the_next_invocation():
    stage = ConsumerHarness(update_bad_value_with_trace_ids="400")
    stage.seconds_a_call = 9
    ids = [stage.hubspot.create("contacts", {"email": f"c{n}@example.com"}) for n in range(100)]
    events = [
        raw_event(eventId=f"e{n}", id=id_, **UPDATE, properties={"seats": "many"})
        for n, id_ in enumerate(ids)
    ]
    stage.consume(a_message(*events))
    first = [inputs for _, inputs, _ in stage.calls]
    stage.consume(a_message(*events))
    again = [inputs for _, inputs, _ in stage.calls[len(first) :]]
    assert (max(first), max(again)) == (100, 12)


def test_a_settled_record_is_free_while_its_neighbour_has_more_rounds():
    stage = ConsumerHarness()
    stage.seconds_a_call = 9
    events = [
        raw_event(eventId=f"e{n}", occurredAt=at(n), properties={"seats": "x"}) for n in range(3)
    ]
    free = []

    def look():
        entry = stage.ledger.entry(ADA._replace(id="bea@example.com"))
        free.append(entry.clean)

    stage.before_call = look
    stage.consume(a_message(*events, raw_event(eventId="good", id="bea@example.com")))
    assert free[0] is False
    assert all(free[1:])


def test_values_that_double_in_json_are_measured_as_the_ledger_holds_them():
    stage = ConsumerHarness()
    names = ("notes", "firstname", "lastname", "company")
    large = [raw_event(eventId=name, properties={name: '"' * 60_000}) for name in names]
    consumed = stage.consume(a_message(*large), a_message(*contacts(99)))
    assert tally(consumed) == {"Written": 101, "Retryable": 2}
    bodies = [resend.body for resend in stage.queue.resent]
    assert tally(stage.consume(*bodies)) == {"Written": 2}
    assert set(stage.contact()) >= {"firstname", "lastname", "notes", "company"}


def test_older_values_that_the_ledger_has_no_room_for_wait_and_hold_up_no_other_record():
    stage = ConsumerHarness()
    names = [f"p{n}" for n in range(8)]
    fault = dict.fromkeys(names, "INVALID")

    async def write(batch):
        refused = Refused(Reason("INVALID", "no", fault))
        bad = [item for item in batch.inputs if "x" in [r.value for r in item.readings.values()]]
        return Answered(
            {item.trace_id: refused if item in bad else Confirmed("512") for item in batch.inputs}
        )

    stage.write = write
    newest = raw_event(eventId="new", occurredAt=at(9), properties=dict.fromkeys(names, "x"))
    older = [
        raw_event(eventId=f"old{n}", occurredAt=at(n), properties=dict.fromkeys(pair, "y" * 60_000))
        for n, pair in enumerate(batched(names, 2, strict=True))
    ]
    consumed = stage.consume(a_message(newest, *older), a_message(*contacts(9)))
    assert tally(consumed) == {"Written": 9, "Rejected": 1, "Retryable": 4}
    assert stage.ledger.entry(ADA).lease_until == 0


def test_a_crowded_record_takes_the_word_that_makes_it():
    stage = ConsumerHarness()
    key = {"idProperty": "external_id", "id": "u-1"}
    for n in range(18):
        update = raw_event(eventId=f"e{n}", operation="update", **key, occurredAt=at(n))
        stage.consume(a_message(update | {"properties": {"phone": str(n)}}))
    upsert = raw_event(eventId="makes", **key, occurredAt=at(30), properties={"city": "Graz"})
    stage.consume(a_message(upsert))
    # Those that found no room come back; what was pending is written with the word.
    assert stage.hubspot.find("contacts", "u-1", by="external_id").properties["phone"] == "15"


def test_nothing_is_sent_with_less_than_45_seconds_left():
    stage = ConsumerHarness()
    consumed = stage.consume(a_message(raw_event()), seconds=44)
    assert outcomes(consumed) == [("e-1", Retryable("OUT_OF_TIME"))]
    assert (stage.calls, stage.ledger.items) == ([], {})


class MuteLedger:
    """A ledger whose nth call gets no answer; it is carried out all the same."""

    def __init__(self, ledger, nth):
        self._ledger = ledger
        self._left = nth

    async def read(self, records):
        return self._answered(await self._ledger.read(records))

    async def write(self, writes):
        return self._answered(await self._ledger.write(writes))

    def _answered(self, answer):
        self._left -= 1
        if not self._left:
            raise Unanswered
        return answer


@pytest.mark.parametrize(
    ("nth", "calls"), [(1, 0), (2, 0), (3, 1)], ids=["read", "acquire", "release"]
)
def test_where_the_ledger_gives_no_answer_no_event_is_done(nth, calls):
    stage = ConsumerHarness()
    stage.ledger = MuteLedger(stage.ledger, nth)
    consumed = stage.consume(a_message(raw_event()))
    assert [outcome.reason for _, outcome in outcomes(consumed)] == ["LEDGER_UNANSWERED"]
    assert consumed.returned == ("m0",)
    assert len(stage.calls) == calls


def test_accounts_are_written_apart():
    stage = ConsumerHarness()
    stage.consume(a_message(raw_event()), a_message(raw_event(eventId="e-2"), account="other"))
    assert [inputs for _, inputs, _ in stage.calls] == [1, 1]
    assert set(stage.ledger.items) == {ADA, RecordKey("other", *ADA[1:])}


def test_an_empty_message_is_done():
    assert ConsumerHarness().consume(a_message()).returned == ()
