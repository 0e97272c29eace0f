"""A finding reads as numbered sentences."""

from __future__ import annotations

from textwrap import dedent

from tests.model import checks
from tests.model.explorer import explore
from tests.model.parts import LeaseWithoutDelta
from tests.model.scenario import Fault
from tests.model.scenarios import scenario
from tests.model.trace import told
from tests.model.world import World


def test_a_finding_is_told_step_by_step():
    late = scenario("update p, update p", 1, {Fault.LATE}, consumers=2)
    found = explore(World(late, LeaseWithoutDelta(late)), checks.promise).finding
    assert found is not None
    assert told(found) == dedent("""\
        HubSpot takes everything; the record is there
          1. consumer B takes event 1 and the lease, commits its intent and sends p=1
             [CRM - | synced - | pending p=1 | lease held]
          2. consumer B gives p=1 up, still under way
             [CRM - | synced - | pending p=1 | lease left]
          3. consumer B takes event 1, event 2 and the lease, commits its intent and sends p=2
             [CRM - | synced - | pending p=1 p=2 | lease held]
          4. consumer B has p=2 applied and vouched for
             [CRM p=2 | synced - | pending p=1 p=2 | lease held]
          5. HubSpot applies the late p=1
             [CRM p=1 | synced - | pending p=1 p=2 | lease held]
          => the CRM goes back to an older value""")
