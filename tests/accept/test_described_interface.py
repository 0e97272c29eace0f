"""The gateway keeps what docs/openapi.json promises, whatever schemathesis makes of it."""

import os
import subprocess

import pytest

from hubsync_local.checkout import PROJECT
from hubsync_local.stack import Stack

SEED = "20261121"
EXAMPLES = "300"
PROGRAM = PROJECT / ".venv-schemathesis" / "bin" / "schemathesis"
HOOKS = PROJECT / "tests" / "accept" / "schemathesis_hooks.py"
# A schema cannot say all that makes an event valid: that its object type is known, that an e-mail
# address is its id. So what fits the schema may be refused.
NOT_PROMISED = "positive_data_acceptance"


@pytest.mark.accept
def test_no_answer_deviates_from_the_description(tmp_path):
    assert PROGRAM.exists(), "make accept installs it"
    config = tmp_path / "schemathesis.toml"
    config.write_text('[parameters]\n"path.source" = "changes"\n')
    logs = tmp_path / "logs"
    logs.mkdir()
    with Stack(logs=logs, consumers=1) as stack:
        done = subprocess.run(  # noqa: S603 - a program that this project installs
            [
                *(PROGRAM, "--config-file", config, "run", PROJECT / "docs" / "openapi.json"),
                *("--url", stack.ready["gateway"], "--max-examples", EXAMPLES, "--seed", SEED),
                *("--exclude-checks", NOT_PROMISED),
            ],
            env=os.environ
            | {
                "SCHEMATHESIS_HOOKS": str(HOOKS),
                "SIGNING_SECRET": stack.ready["sources"]["changes"]["secret"],
                "COLUMNS": "200",
            },
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout[-5_000:]
