"""Functions that time invokes."""

from hubsync_local.lambda_runtime import Returned
from hubsync_local.processes import LocalError
from hubsync_local.scheduler import scheduling
from hubsync_local.template.model import Schedule
from tests.waiting import wait_until


class Sweep:
    """Remembers its events; from the third on it is closed, as when a stack stops."""

    def __init__(self):
        self.events = []

    def invoke(self, event):
        self.events.append(event)
        if len(self.events) > 2:
            raise LocalError("Sweep is closed")
        return Returned(None)


def test_a_function_is_invoked_again_and_again_until_the_stack_stops():
    sweep = Sweep()
    with scheduling(Schedule(every_seconds=0.01, input='{"sweep": true}'), sweep):
        wait_until(lambda: len(sweep.events) > 3)
    count = len(sweep.events)
    assert sweep.events == [{"sweep": True}] * count


def test_a_stack_that_stops_does_not_wait_for_the_next_time():
    with scheduling(Schedule(every_seconds=86400, input="{}"), sweep := Sweep()):
        pass
    assert sweep.events == []
