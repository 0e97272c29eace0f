"""Reading records back by key: one id must not keep the others from being seen."""

import asyncio

import pytest

from hubsync.core.hubspot.reply import Ambiguous, BatchRefused, NotApplied, Reason, ShownRecord
from hubsync.writer.read_back import READ_UNANSWERED, find

REFUSED = BatchRefused(Reason("VALIDATION_ERROR", "", {}))
ALL_REFUSED = BatchRefused(Reason("UNKNOWN_OBJECT_TYPE", "", {}))


def looked(ids, *, guilty=(), silent_about=(), answer=REFUSED):
    """What is found of the ids, and how many each call asked for."""
    calls = []

    async def read(some):
        calls.append(len(some))
        if set(some) & set(guilty):
            return answer
        silent = () if len(some) == 1 else silent_about
        return {id_: ShownRecord(f"hubspot-{id_}", {}) for id_ in some if id_ not in silent}

    return asyncio.run(find(read, ids)), calls


def test_records_are_read_in_one_call():
    found, calls = looked(["a", "b"])
    assert found == {"a": ShownRecord("hubspot-a", {}), "b": ShownRecord("hubspot-b", {})}
    assert calls == [2]


def test_a_read_refused_whole_is_halved_until_the_guilty_id_stands_alone():
    ids = [f"{number}" for number in range(100)]
    found, calls = looked(ids, guilty=["7"])
    assert [id_ for id_, each in found.items() if each == REFUSED] == ["7"]
    assert len(found) == 100
    assert len(calls) <= 15


def test_a_fault_of_the_request_is_no_ids_fault_and_is_not_searched_for():
    found, calls = looked(["a", "b"], guilty=["a"], answer=ALL_REFUSED)
    assert (found, calls) == ({"a": ALL_REFUSED, "b": ALL_REFUSED}, [2])


def test_what_an_answer_leaves_out_is_read_once_more_alone():
    found, calls = looked(["a", "b", "c"], silent_about=["b"])
    assert found["b"] == ShownRecord("hubspot-b", {})
    assert calls == [3, 1]


def test_what_is_left_out_alone_as_well_could_not_be_seen():
    async def read(_ids):
        return {}

    assert asyncio.run(find(read, ["a"])) == {"a": NotApplied(READ_UNANSWERED)}


@pytest.mark.parametrize("answer", [NotApplied("LOCKED"), Ambiguous("TIMEOUT")])
def test_a_read_that_fails_for_now_says_so_of_every_id(answer):
    found, calls = looked(["a", "b"], guilty=["b"], answer=answer)
    assert (found, calls) == ({"a": answer, "b": answer}, [2])
