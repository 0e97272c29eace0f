"""The reason codes that the shell completes are those that operators read about."""

from hubsync_operations.dead_letter import OWN_REASONS, RECEIVES_EXHAUSTED
from tests.contract.test_docs import OPERATIONS, rows, section


def test_every_reason_code_of_our_own_is_completed_and_nothing_else():
    table = section(OPERATIONS, "Reason codes").split("HubSpot's, as far as they are known")[0]
    explained = {code for codes, *_ in rows(table) for code in codes}
    assert explained | {RECEIVES_EXHAUSTED} == OWN_REASONS
