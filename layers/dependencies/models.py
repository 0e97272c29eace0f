"""Cut botocore's models down to what our clients read: `python models.py botocore/data`.

Each client parses its service's model and the endpoints of all services when it is made, which a
cold start's first request waits for. Measured: of 67 ms 47 were for endpoints of services that are
never called, and of a model four fifths is documentation.
"""

import gzip
import json
import shutil
import sys
from pathlib import Path

SERVICES = frozenset({"dynamodb", "secretsmanager", "sqs"})
SHARED = frozenset(
    {"_retry.json", "endpoints.json", "partitions.json", "sdk-default-configuration.json"}
)


def main(data: Path) -> None:
    for path in data.iterdir():
        if path.name in SERVICES:
            _cut_service(path)
        elif path.name not in SHARED:
            _remove(path)
    _cut_endpoints(data / "endpoints.json")


def _cut_service(service: Path) -> None:
    """Keep the newest version of the interface, without documentation and examples."""
    *older, newest = sorted(service.iterdir())
    for path in [*older, *newest.glob("examples-1.json*")]:
        _remove(path)
    for path in newest.glob("*.json.gz"):
        model = json.loads(gzip.decompress(path.read_bytes()))
        _write(path.with_suffix(""), _undocumented(model))
        path.unlink()


def _undocumented(value: object) -> object:
    if isinstance(value, list):
        return [_undocumented(each) for each in value]
    if not isinstance(value, dict):
        return value
    # A member of a structure may have that name, too; then it is no text.
    kept = {n: v for n, v in value.items() if n != "documentation" or not isinstance(v, str)}
    return {name: _undocumented(each) for name, each in kept.items()}


def _cut_endpoints(path: Path) -> None:
    endpoints = json.loads(path.read_bytes())
    for partition in endpoints["partitions"]:
        services = partition["services"]
        partition["services"] = {n: each for n, each in services.items() if n in SERVICES}
    _write(path, endpoints)


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, separators=(",", ":")))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
