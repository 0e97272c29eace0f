"""template.yaml fits the code, its numbers relate as the limits do, and a break is noticed."""

from collections.abc import Iterable

import pytest

from hubsync_checks.deliberate_faults import FAULTS, NOT_UNDERSTOOD
from hubsync_local.template.intrinsics import TemplateError
from tests.contract import monitoring_rules, rules
from tests.contract.template_under_test import PATH, PROJECT, checked

TEXT = PATH.read_text("utf-8")
CHECKED = checked(TEXT)
RULES = (*rules.RULES, *monitoring_rules.RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_template_keeps_the_rule(rule):
    assert list(rule(CHECKED)) == []


def test_every_call_to_aws_has_its_permission_and_no_permission_is_without_a_call():
    called = {
        rules.CALLS[name] for name in rules.calls_in(PROJECT / "layers/hubsync/python/hubsync")
    }
    allowed = {action for grants in rules.ALLOWED.values() for action, _ in grants}
    # Powertools reads secrets; its call is no client's of ours.
    assert called | {"secretsmanager:GetSecretValue"} == allowed


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
def test_a_fault_breaks_the_rules_it_should_and_no_others(fault):
    assert sorted(broken(fault.applied(TEXT))) == sorted(fault.breaks)


def broken(text: str) -> Iterable[str]:
    """Return the names of the rules that a template breaks."""
    try:
        template = checked(text)
    except TemplateError:
        return [NOT_UNDERSTOOD]
    return [rule.__name__ for rule in RULES if list(rule(template))]


def test_no_rule_is_without_a_fault_that_breaks_it():
    unbroken = {rule.__name__ for rule in RULES} - {each for f in FAULTS for each in f.breaks}
    assert unbroken == set()
