"""What `make build` made, and whether it is of the code that is here.

`.aws-sam/build` is what is deployed, for arm64. `.aws-sam/host` is the same to the byte but for
native modules, which are this machine's, so that it runs here.
"""

import platform
import sys
from collections.abc import Iterator
from hashlib import sha256
from importlib.metadata import distributions
from pathlib import Path

from hubsync_local import lambda_rie
from hubsync_local.checkout import PROJECT

BUILD = PROJECT / ".aws-sam" / "build"
HOST = PROJECT / ".aws-sam" / "host"
SOURCES = ("functions", "layers", "template.yaml")
FINGERPRINT = HOST / "fingerprint"
# Lambda takes 250 MB, a function and its layers together; more than this is a mistake.
LAYERS_BYTES_MAX = 45_000_000


def main() -> int:
    """Say how large the layers are, and record what was built; 1 if it is too large."""
    layers = sorted(BUILD.glob("*Layer"))
    for layer in layers:
        sys.stdout.write(f"{layer.name}: {_size(layer) / 1e6:.1f} MB unzipped{_packages(layer)}\n")
    total = sum(map(_size, layers))
    sys.stdout.write(f"together {total / 1e6:.1f} MB; the limit is {LAYERS_BYTES_MAX / 1e6:.0f}\n")
    if total > LAYERS_BYTES_MAX:
        return 1
    FINGERPRINT.write_text(fingerprint(PROJECT))
    return 0


def why_not() -> str | None:
    """Say why what was built cannot be run here; None if it can."""
    if platform.system() != "Linux":
        return "AWS's runtime interface emulator is a Linux program"
    if not (FINGERPRINT.exists() and lambda_rie.emulator().exists()):
        return "there is no build: make build"
    if FINGERPRINT.read_text() != fingerprint(PROJECT):
        return "the build is of other code: make build"
    return None


def fingerprint(project: Path) -> str:
    """Digest all that a build is made of."""
    digest = sha256()
    for path in sorted(_sources(project)):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(project)} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _sources(project: Path) -> Iterator[Path]:
    for source in SOURCES:
        found = [project / source, *(project / source).rglob("*")]
        yield from (path for path in found if path.is_file() and path.suffix != ".pyc")


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _packages(layer: Path) -> str:
    found = distributions(path=[str(layer / "python")])
    names = sorted(f"{each.name} {each.version}" for each in found)
    return f", {len(names)} packages: {', '.join(names)}" if names else ""


if __name__ == "__main__":
    raise SystemExit(main())
