"""What the emulator does wrong on purpose, and when."""

import json
import re
from random import Random

import pytest

from hubspot_emulator import Delivery, Fault, HubSpot, Limits, Request, storm
from hubspot_emulator.faults import KINDS

START = 1775000000.0
PATH = "/crm/objects/2026-03/contacts/batch"


class Account:
    """An account under faults, with a clock that the test moves."""

    def __init__(self, *faults, seed=0, **more):
        self.now = START
        given = [Fault.from_text(each) if isinstance(each, str) else each for each in faults]
        self.hubspot = HubSpot(now=lambda: self.now, faults=given, seed=seed, **more)

    def upsert(self, *emails, operation="upsert", **properties):
        inputs = [{"idProperty": "email", "id": each, "properties": properties} for each in emails]
        body = json.dumps({"inputs": inputs}).encode()
        headers = {"authorization": "Bearer t"}
        return self.hubspot.handle(Request("POST", f"{PATH}/{operation}", headers, body))

    def emails(self):
        return {record.properties["email"] for record in self.hubspot.records("contacts")}

    def phone(self):
        return self.hubspot.find("contacts", "a@example.com", by="email").properties.get("phone")


def told(answer):
    return json.loads(answer.body)


@pytest.mark.parametrize(
    ("fault", "status", "delivery", "delay_seconds", "written"),
    [
        ("status=503", 503, Delivery.WHOLE, 0, False),
        ("status=504,writes=done", 504, Delivery.WHOLE, 0, True),
        ("lost_reply", 200, Delivery.LOST, 0, True),
        ("hang", 524, Delivery.WHOLE, 100, True),
        ("slow=7", 200, Delivery.WHOLE, 7, True),
        ("cut", 200, Delivery.CUT, 0, True),
        ("silent", 200, Delivery.WHOLE, 0, False),
        ("left-out", 200, Delivery.WHOLE, 0, False),
        ("left_out,writes=done", 200, Delivery.WHOLE, 0, True),
        ("conflict", 409, Delivery.WHOLE, 0, False),
        ("unnamed", 400, Delivery.WHOLE, 0, False),
        ("locked", 423, Delivery.WHOLE, 0, False),
        ("migrating=90", 477, Delivery.WHOLE, 0, False),
        ("expired_token", 401, Delivery.WHOLE, 0, False),
        ("refused", 0, Delivery.REFUSED, 0, False),
        ("reset", 0, Delivery.LOST, 0, False),
        ("late_write=60", 524, Delivery.WHOLE, 100, False),
        ("pending", 200, Delivery.WHOLE, 0, False),
    ],
)
def test_a_fault_decides_what_is_written_and_what_is_seen(
    fault, status, delivery, delay_seconds, written
):
    account = Account(fault)
    answer = account.upsert("a@example.com")
    assert (answer.status, answer.delivery, answer.delay_seconds) == (
        status,
        delivery,
        delay_seconds,
    )
    assert account.emails() == ({"a@example.com"} if written else set())
    assert (
        account.hubspot.calls[-1].fault == fault.replace("-", "_").partition("=")[0].split(",")[0]
    )


def test_a_late_write_lands_at_its_own_moment_over_newer_values():
    account = Account("late_write=60,nth=2")
    account.upsert("a@example.com", phone="1")
    account.upsert("a@example.com", phone="2")
    account.now += 30
    account.upsert("a@example.com", phone="3")
    assert account.phone() == "3"
    account.now += 300
    assert account.phone() == "2"
    record = account.hubspot.find("contacts", "a@example.com", by="email")
    assert account.hubspot.history(record.id) == [
        (START, "email", "a@example.com"),
        (START, "phone", "1"),
        (START + 30, "phone", "3"),
        (START + 60, "phone", "2"),
    ]


def test_late_writes_land_in_the_order_of_their_moments():
    account = Account("late_write=60,nth=1", "late_write=20,nth=2")
    account.upsert("a@example.com", phone="first sent, last to land")
    account.upsert("a@example.com", phone="last sent, first to land")
    account.hubspot.skip(60)
    assert account.phone() == "first sent, last to land"


def test_a_late_write_that_was_never_let_in_never_lands():
    account = Account("late_write=1", tokens=["another"])
    account.upsert("a@example.com")
    account.now += 1000
    assert account.emails() == set()


def test_pending_says_so_and_lands_later():
    account = Account("pending=5")
    answer = account.upsert("a@example.com")
    assert (told(answer)["status"], told(answer)["results"]) == ("PENDING", [])
    account.now += 5
    assert account.emails() == {"a@example.com"}


def test_a_status_carries_the_headers_and_the_body_it_is_given():
    headers = {"Retry-After": "7", "content-type": "text/tea"}
    fault = Fault(kind="status", status=503, headers=headers, body='{"tea": "pot"}')
    answer = Account(fault).upsert("a@example.com")
    assert (answer.status, answer.headers, told(answer)) == (503, headers, {"tea": "pot"})


def test_a_fault_can_be_written_in_json():
    text = '{"kind": "late-write", "seconds": 7, "operation": "upsert"}'
    assert Fault.from_text(text) == Fault.from_text("late_write=7,operation=upsert")


@pytest.mark.parametrize(
    "headers", [{"Bad Name": "1"}, {"X": "a\r\nb"}, {"": "1"}, {"Content-Length": "1"}]
)
def test_a_header_that_http_cannot_carry_is_refused(headers):
    with pytest.raises(ValueError, match="header"):
        Fault(kind="status", headers=headers)


def test_a_status_that_has_no_body_is_sent_without_one():
    assert Account("status=204").upsert("a@example.com").body == b""


def test_a_429_by_policy_has_the_body_of_that_limit():
    answer = Account("status=429,policy=TEN_SECONDLY_ROLLING").upsert("a@example.com")
    assert (answer.status, told(answer)["policyName"]) == (429, "TEN_SECONDLY_ROLLING")


def test_a_status_can_say_when_to_come_back():
    answer = Account("status=503,retry_after=7").upsert("a@example.com")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "7")


def test_migrating_says_when_to_come_back():
    assert Account("migrating=90").upsert("a@example.com").headers["Retry-After"] == "90"


def test_an_input_left_out_is_neither_written_nor_mentioned():
    account = Account("left_out=2")
    sent = {f"{n}@example.com" for n in range(10)}
    answer = account.upsert(*sorted(sent))
    mentioned = {result["properties"]["email"] for result in told(answer)["results"]}
    assert answer.status == 200
    assert len(mentioned) == 8
    assert account.emails() == mentioned


def test_a_whole_batch_refusal_can_follow_one_input_through_a_bisection():
    account = Account("unnamed,id=bad@example.com")
    statuses = [
        account.upsert(*emails).status
        for emails in (["a@example.com", "bad@example.com"], ["a@example.com"], ["bad@example.com"])
    ]
    assert statuses == [400, 200, 400]


@pytest.mark.parametrize(
    ("when", "struck"),
    [
        ("", [1, 2, 3, 4, 5, 6]),
        (",nth=2", [2]),
        (",every=3", [3, 6]),
        (",times=2", [1, 2]),
        (",every=2,times=2", [2, 4]),
        (",operation=upsert", [1, 2, 3, 4, 5, 6]),
        (",operation=update", []),
        (",object_type=0-1,nth=1", [1]),
        (",object_type=contacts,nth=1", [1]),
        (",object_type=deals", []),
        (",property=phone,value=4", [4]),
        (",property=phone,nth=5", [5]),
        (",property=city", []),
        (",id=a@example.com,nth=6", [6]),
        (",id=b@example.com", []),
    ],
)
def test_a_fault_strikes_the_calls_it_is_aimed_at(when, struck):
    account = Account(f"status=503{when}")
    statuses = [account.upsert("a@example.com", phone=str(n)).status for n in range(1, 7)]
    assert [n for n, status in enumerate(statuses, start=1) if status == 503] == struck


def test_the_first_fault_that_strikes_decides():
    account = Account("status=500,nth=2", "status=503")
    statuses = [account.upsert("a@example.com").status for _ in range(3)]
    assert statuses == [503, 500, 503]
    seen_and_struck = [(seen, struck) for _, seen, struck in account.hubspot.faults.listed()]
    assert seen_and_struck == [(3, 1), (3, 2)]


def statuses_under(*faults, seed):
    account = Account(*faults, seed=seed)
    return [account.upsert("a@example.com").status for _ in range(200)]


def test_chance_follows_the_seed():
    fault = "status=503,probability=0.25"
    assert statuses_under(fault, seed=1) == statuses_under(fault, seed=1)
    assert statuses_under(fault, seed=1) != statuses_under(fault, seed=2)
    own = "status=503,probability=0.25,seed=7"
    assert statuses_under(own, seed=1) == statuses_under(own, seed=2)
    assert 30 <= statuses_under(fault, seed=1).count(503) <= 70


def test_a_storm_knows_every_kind_and_follows_its_seed():
    assert {fault.kind for fault in storm(0.5)} == set(KINDS)
    account = Account(*storm(0.5, seed=3))
    for n in range(400):
        account.upsert(f"{n}@example.com")
    assert {call.fault for call in account.hubspot.calls} == {None, *KINDS}


def test_faults_are_not_counted_against_the_limit():
    account = Account("status=503,times=3", limits=Limits(per_10_seconds=1, daily=0))
    assert [account.upsert("a@example.com").status for _ in range(5)] == [503, 503, 503, 200, 429]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("meteor", "no fault 'meteor'; there are status, lost_reply, "),
        ("status=9", "greater than or equal to 200"),
        ("slow,colour=red", "colour"),
        ('{"kind": "slow"', "Invalid JSON"),
        ("locked=2", "fault locked takes no value, so '2' has no meaning"),
        ("slow=inf", "finite number"),
    ],
)
def test_a_wrong_fault_is_told_why(text, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Fault.from_text(text)


def test_a_reset_forgets_everything_but_the_portal():
    account = Account("status=503,every=2")
    account.upsert("a@example.com")
    account.hubspot.reset()
    assert (account.emails(), list(account.hubspot.calls), account.hubspot.faults.listed()) == (
        set(),
        [],
        [],
    )
    assert account.upsert("b@example.com").status == 200


def test_the_same_seed_gives_the_same_answers():
    def answers(seed):
        account = Account(*storm(0.3), seed=seed)
        chance = Random(seed)
        return [
            account.upsert(*{f"{chance.randrange(50)}@example.com" for _ in range(10)}, phone="1")
            for _ in range(50)
        ]

    assert answers(5) == answers(5)
    assert answers(5) != answers(6)
