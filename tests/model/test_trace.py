"""A finding reads as numbered sentences."""

from __future__ import annotations

from textwrap import dedent

from tests.model import checks
from tests.model.explorer import explore
from tests.model.mutants import LeaseWithoutDelta
from tests.model.scenarios import P, scenario
from tests.model.state import Fault
from tests.model.trace import told
from tests.model.world import World


def test_a_finding_is_told_step_by_step():
    late = scenario(P, P, most=1, faults=frozenset({Fault.LATE}))
    found = explore(World(late, LeaseWithoutDelta(late)), checks.promise).finding
    assert found is not None
    assert told(found) == dedent("""\
        values HubSpot refuses: none
          1. consumer A takes event 1 and the lease, commits its intent and sends p=1
             [CRM - | synced - | pending p: 1 | lease held]
          2. consumer A gives p=1 up, still under way
             [CRM - | synced - | pending p: 1 | lease left]
          3. consumer A takes event 2 and the lease, commits its intent and sends p=2
             [CRM - | synced - | pending p: 2 over 1 | lease held]
          4. consumer A has p=2 applied and vouched for
             [CRM p=2 | synced - | pending p: 2 over 1 | lease held]
          5. HubSpot applies the late p=1
             [CRM p=1 | synced - | pending p: 2 over 1 | lease held]
          => the CRM goes back to an older value""")
