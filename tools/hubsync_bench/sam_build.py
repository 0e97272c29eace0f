"""The same code, its layers built by SAM's own builder: what one has who writes no Makefile."""

import os
import platform
import subprocess
from pathlib import Path

from hubsync_checks.build_report import fingerprint
from hubsync_local.checkout import PROJECT
from hubsync_local.lambda_rie import PROCESSORS

FOLDER = PROJECT / ".aws-sam" / "stock"
CHANGES = {
    "BuildMethod: makefile": "BuildMethod: python3.13",
    "BuildArchitecture: arm64": f"BuildArchitecture: {PROCESSORS[platform.machine()]}",
    # It takes a folder for what belongs below python/.
    "ContentUri: layers/hubsync/": "ContentUri: layers/hubsync/python/",
}


def built() -> Path:
    """Return the folder of the build; build it if it is of other code."""
    sources = FOLDER / "fingerprint"
    if not sources.exists() or sources.read_text() != fingerprint(PROJECT):
        FOLDER.mkdir(parents=True, exist_ok=True)
        _build()
        sources.write_text(fingerprint(PROJECT))
    return FOLDER / "build"


def _build() -> None:
    template = (PROJECT / "template.yaml").read_text()
    for before, after in CHANGES.items():
        assert before in template
        template = template.replace(before, after)
    (FOLDER / "template.yaml").write_text(template)
    own = {"SAM_CLI_TELEMETRY": "0", "PATH": f"{PROJECT}/.venv-sam/bin:{os.environ['PATH']}"}
    command = ["sam", "build", "--no-cached", "--template", str(FOLDER / "template.yaml")]
    folders = ["--base-dir", str(PROJECT), "--build-dir", str(FOLDER / "build")]
    subprocess.run([*command, *folders], env={**os.environ, **own}, cwd=PROJECT, check=True)
