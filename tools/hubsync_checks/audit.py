"""Known vulnerabilities of what is locked, by pip-audit. Who cannot be asked is a note, no failure.

    .venv/bin/python -m hubsync_checks.audit

requirements/dev.txt is what is asked about: the layer's lock is a part of it.
"""

import json
import subprocess
import sys
from typing import Final

PIP_AUDIT: Final = ".venv-audit/bin/pip-audit"
OPTIONS: Final = ("--disable-pip", "--require-hashes", "--progress-spinner", "off", "-f", "json")
# What the last line of a failure is about, if nobody answered.
UNREACHABLE: Final = ("ConnectionError", "ProxyError", "SSLError", "Timeout", "ServiceError")


def verdict(stdout: str, stderr: str) -> tuple[int, str]:
    """Return the exit code and what to say of pip-audit's output."""
    try:
        dependencies = json.loads(stdout)["dependencies"]
    except ValueError:
        last = (stderr.strip().splitlines() or ["pip-audit says nothing"])[-1]
        if any(word in last for word in UNREACHABLE) or "Could not connect" in last:
            return 0, "note: the vulnerability service could not be reached; nothing was audited"
        return 1, stderr or last
    found = [
        f"{each['name']} {each['version']}: {known['id']}, mended in "
        f"{', '.join(known['fix_versions']) or 'no version yet'}"
        for each in dependencies
        for known in each.get("vulns", [])
    ]
    # Observed: a mirror that knows no vulnerabilities passes for a clean bill of health.
    unknown = [each["name"] for each in dependencies if "skip_reason" in each]
    said = [*found, f"{len(dependencies) - len(unknown)} packages audited, {len(found)} findings"]
    if unknown:
        said.append(f"note: nothing is known of {len(unknown)} packages: {', '.join(unknown)}")
    return int(bool(found)), "\n".join(said)


def main() -> None:
    done = subprocess.run(
        [PIP_AUDIT, *OPTIONS, "-r", "requirements/dev.txt"],
        capture_output=True,
        text=True,
        check=False,
    )
    code, said = verdict(done.stdout, done.stderr)
    sys.stdout.write(f"{said}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
