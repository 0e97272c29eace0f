"""What `make build` built, in AWS's own Lambda runtime with nothing but its layers."""

import json
import sys
import textwrap
from dataclasses import replace

import pytest

from hubsync_checks import build_report
from hubsync_local.checkout import PROJECT
from hubsync_local.lambda_rie import EmulatedProcess, inits_ms
from hubsync_local.lambda_runtime import Runtime
from hubsync_local.template.reader import read_template

ECHO = """
    import importlib, pkgutil, sys

    import hubsync

    def handler(event, context):
        for module in pkgutil.walk_packages(hubsync.__path__, "hubsync."):
            importlib.import_module(module.name)
        files = (getattr(module, "__file__", None) for module in sys.modules.values())
        return {"path": sys.path, "files": sorted(filter(None, files))}
"""


def test_a_signed_webhook_becomes_a_record(built_driver):
    event = {
        "eventId": "built-1",
        "occurredAt": "2026-11-01T12:00:00Z",
        "objectType": "contacts",
        "idProperty": "email",
        "id": "built@example.com",
        "properties": {"firstname": "Grüezi 🙂", "newsletter": True},
    }
    answer = built_driver.post(json.dumps(event).encode())
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
    built_driver.settle()
    assert built_driver.contacts()["built@example.com"] == {
        "email": "built@example.com",
        "firstname": "Grüezi 🙂",
        "newsletter": "true",
    }
    for name in ("IngestFunction", "ConsumerFunction"):
        assert [*inits_ms(built_driver.stack.runtimes[name].log)], "AWS's emulator has run it"


@pytest.mark.parametrize("name", ["SweepFunction", "AuditFunction"])
def test_what_a_schedule_invokes_runs(built_driver, name):
    assert built_driver.stack.runtimes[name].invoke({}).value is None


def test_every_module_of_ours_is_imported_from_the_layers_alone(tmp_path):
    if reason := build_report.why_not():
        pytest.skip(reason)
    template = read_template(build_report.HOST / "template.yaml", aws="http://127.0.0.1:9")
    (tmp_path / "app.py").write_text(textwrap.dedent(ECHO))
    function = replace(template.functions["ConsumerFunction"], code=tmp_path)
    runtime = Runtime(function, {}, log=tmp_path / "Echo.log", start=EmulatedProcess)
    try:
        seen = runtime.invoke({}).value
    finally:
        runtime.close()
    layers = [str(layer) for layer in function.layers]
    assert [path for path in seen["path"] if path in layers] == layers
    allowed = (*layers, str(tmp_path), sys.base_prefix, str(PROJECT / ".venv-lambda"))
    assert [file for file in seen["files"] if not file.startswith(allowed)] == []
