"""The metrics that alarms and dashboard rest on, as the functions emit them."""

import json

import pytest

from tests.builders import raw_event
from tests.contract.monitoring_rules import emitted

FUNCTIONS = ("IngestFunction", "ConsumerFunction", "SweepFunction", "AuditFunction")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_emits_what_its_code_names_with_its_service_as_only_dimension(driver, name):
    if name in ("SweepFunction", "AuditFunction"):
        driver.stack.runtimes[name].invoke({})
    else:
        driver.post(json.dumps(raw_event(id=f"{name.lower()}@example.com")).encode())
        driver.settle()
    lines = driver.stack.runtimes[name].log.read_text().splitlines()
    found = [json.loads(line) for line in lines if '"_aws"' in line]
    blocks = [block for blob in found for block in blob["_aws"]["CloudWatchMetrics"]]
    assert {(block["Namespace"], *block["Dimensions"][0]) for block in blocks} == {
        ("hubsync", "service")
    }
    service = f"{driver.stack.template.stack}-{name.removesuffix('Function').lower()}"
    assert {blob["service"] for blob in found} == {service}
    assert {each["Name"] for block in blocks for each in block["Metrics"]} == emitted(name)
