"""The bench's own arithmetic: what a target is, what became worse, what is wrong, what it costs."""

from collections import Counter

import pytest

from hubsync_bench.baseline import TOLERANCE, worse
from hubsync_bench.figures import Figure, number
from hubsync_bench.prices import Dollars, Invocation, ledger_dollars, queue_dollars
from hubsync_bench.stand_ins.aws import Refused, Tables, item_bytes
from hubsync_bench.workloads import DISPLACED, EVENTS, IN_ORDER, MIXED_CASE, Workload, workload


def a_fact(number, email, **properties):
    return {"eventId": f"e{number}", "id": email, "properties": properties}


def a_workload(*facts, came=None):
    return Workload("made up", 1, came or facts, facts)


def a_put(key, rev, *, expected=None):
    put = {"TableName": "t", "Item": {"pk": {"S": key}, "rev": {"S": rev}}}
    if expected is None:
        return {"Put": put | {"ConditionExpression": "attribute_not_exists(pk)"}}
    values = {"ExpressionAttributeValues": {":rev": {"S": expected}}}
    return {"Put": put | {"ConditionExpression": "rev = :rev"} | values}


def revs(tables):
    return {key: item["rev"]["S"] for (_, key), item in tables.items.items()}


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234.5, "1,234"), (123.4, "123"), (12.34, "12.3"), (0.123, "0.12"), (5.0, "5")],
)
def test_a_number_has_the_digits_that_matter(value, text):
    assert number(value) == text


def test_a_target_is_missed_on_its_wrong_side_only():
    limits = [Figure("f", v, at_most=2) for v in (2, 2.1)]
    floors = [Figure("f", v, at_least=2) for v in (2, 1.9)]
    assert [each.is_missed for each in limits + floors] == [False, True, False, True]


def test_a_ratio_is_worse_beyond_the_tolerance_in_its_bad_direction():
    up, down = 1 + TOLERANCE + 0.01, 1 - TOLERANCE - 0.01
    figures = [
        Figure("cost", up, tracked=True),
        Figure("cost fell", down, tracked=True),
        Figure("rate", down, at_least=0, tracked=True),
        Figure("rate rose", up, at_least=0, tracked=True),
        Figure("a little", 1 + TOLERANCE - 0.01, tracked=True),
        Figure("machine's own", up),
        Figure("new", up, tracked=True),
    ]
    known = {each.name: 1.0 for each in figures if each.name != "new"}
    assert [text.split(":")[0] for text in worse(figures, known)] == ["cost", "rate"]


def test_the_least_calls_are_one_for_each_hundred_records_of_a_window():
    facts = [a_fact(n, f"c{n % 150}@example.com") for n in range(300)]
    load = a_workload(*facts)
    assert [load.optimum(size) for size in (100, 150, 300)] == [3, 4, 2]


def test_a_record_spelled_otherwise_is_the_same_record():
    load = a_workload(a_fact(1, "A@example.com", city="X"), a_fact(2, "a@example.com", city="Y"))
    assert (load.optimum(100), load.truth()) == (1, {("a@example.com", "city"): "Y"})


def test_the_truth_is_the_newest_good_value():
    load = a_workload(
        a_fact(1, "a", seats="1", city="X", phone="2"),
        a_fact(2, "a", seats="many-2", phone=None),
    )
    assert load.truth() == {("a", "seats"): "1", ("a", "city"): "X", ("a", "phone"): ""}


def test_a_cell_that_should_be_cleared_is_wrong_while_it_is_there():
    load = a_workload(a_fact(1, "a", city="X"), a_fact(2, "a", city=None))
    assert [load.wrong(shown) for shown in ({}, {("a", "city"): "X"})] == [0, 1]


@pytest.mark.parametrize(
    ("shown", "reported", "false"),
    [
        ({("a", "city"): "Y"}, {"e1", "e2"}, 0),
        ({("a", "city"): "X"}, {"e1", "e2"}, 1),
        ({("a", "city"): "X"}, {"e1"}, 0),
        ({}, {"e1", "e2"}, 1),
    ],
    ids=["newest is there", "overwritten by an older", "said so", "lost"],
)
def test_an_event_is_falsely_reported_if_its_value_should_be_there(shown, reported, false):
    load = a_workload(a_fact(1, "a", city="X"), a_fact(2, "a", city="Y"))
    assert load.falsely_reported(shown, reported) == false


def test_a_bad_value_is_falsely_reported_unless_something_newer_covers_it():
    first, bad, last = (a_fact(n, "a", seats=s) for n, s in enumerate(["1", "many-1", "2"]))
    uncovered, covered = a_workload(first, bad), a_workload(first, bad, last)
    assert uncovered.falsely_reported({("a", "seats"): "1"}, {"e0", "e1"}) == 1
    assert covered.falsely_reported({("a", "seats"): "2"}, {"e0", "e1", "e2"}) == 0


def test_a_workload_names_each_record_equally_often():
    load = workload(MIXED_CASE, 100, seed=1)
    times = Counter(wire["id"].lower() for wire in load.wires)
    assert set(times.values()) == {EVENTS // 100}


def test_a_fifth_of_the_events_comes_late_and_none_is_lost():
    late, straight = workload(DISPLACED, 100, seed=1), workload(IN_ORDER, 100, seed=1)
    assert straight.wires == straight.facts
    assert late.wires != late.facts
    assert sorted(w["eventId"] for w in late.wires) == sorted(f["eventId"] for f in late.facts)


def test_compute_is_paid_by_memory_time_and_invocation():
    # 1 GB-second of waiting, and one of a vCPU's worth of work at 1,769 MB.
    waiting = Invocation(1_000_000, 1024, cpu_seconds=0, wait_seconds=1)
    working = Invocation(1_000_000, 1769, cpu_seconds=1, wait_seconds=0)
    assert waiting.dollars() == pytest.approx(0.0000133334 + 0.0000002)
    assert working.dollars() == pytest.approx(0.0000133334 * 1769 / 1024 + 0.0000002)


def test_a_queue_bills_64_kb_of_sending_and_of_handing_over_and_ten_deletions():
    small, large = "x", "x" * 65_537
    assert queue_dollars([[small]] * 10, 10) == pytest.approx(0.40 / 10 * (10 + 1 + 1))
    assert queue_dollars([[large]], 1) == pytest.approx(0.40 * (2 + 2 + 1))


def test_the_ledger_is_paid_by_units():
    assert ledger_dollars(500_000, 4_000_000, 1_000_000) == pytest.approx(0.0625 + 2.5)


def test_costs_add_up():
    both = Dollars(api=1, logs=2) + Dollars(ledger=3, logs=4)
    assert (both, both.total) == (Dollars(api=1, ledger=3, logs=6), 10)


def test_a_transaction_puts_all_or_nothing_and_names_who_failed():
    tables = Tables()
    tables.transact_write_items({"TransactItems": [a_put("a", "1"), a_put("b", "1")]})
    with pytest.raises(Refused) as refused:
        tables.transact_write_items(
            {"TransactItems": [a_put("a", "2", expected="1"), a_put("b", "2", expected="0")]}
        )
    codes = [reason["Code"] for reason in refused.value.body["CancellationReasons"]]
    assert (codes, revs(tables)) == (["None", "ConditionalCheckFailed"], {"a": "1", "b": "1"})


def test_a_condition_that_is_not_imitated_is_refused():
    put = a_put("a", "1")
    put["Put"]["ConditionExpression"] = "size(rev) < :rev"
    with pytest.raises(Refused, match="ValidationException"):
        Tables().transact_write_items({"TransactItems": [put]})


def test_an_item_is_billed_by_its_names_and_values():
    # 2 + 3, 1 + 3 bytes behind base64, 1 + a number of four digits in 4 bytes
    assert item_bytes({"pk": {"S": "abc"}, "b": {"B": "AAAA"}, "n": {"N": "1234"}}) == 14
