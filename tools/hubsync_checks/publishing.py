"""What is deployed is published: a change of code, layer, setting or release makes new versions.

Without one SAM leaves the alias on the old version, and says nothing. Run by the SAM CLI's own
interpreter, since its translator decides.
"""

import json
import logging
import sys
from pathlib import Path

import yaml

from hubsync_checks.translate import parsed, translated

FUNCTIONS = ("ConsumerFunction", "IngestFunction")
# By what changes: the text in the template, what it becomes, and the functions concerned.
CHANGES = {
    "the code of a function": (
        "functions/ingest/",
        "s3://bucket/other",
        ("IngestFunction",),
    ),
    "hubsync's layer": ("layers/hubsync/", "s3://bucket/other", FUNCTIONS),
    "the dependencies' layer": ("layers/dependencies/", "s3://bucket/other", FUNCTIONS),
    "a setting's value": ("https://api.hubapi.com", "https://api.example.com", FUNCTIONS),
    "the release": ("release=development", "release=2026-11-22T12:00:00Z", FUNCTIONS),
}


def versions(template: str) -> dict[str, str]:
    """Return the logical id of each function's version: another one is another version."""
    made = yaml.load(translated(json.loads(template)), Loader=yaml.CSafeLoader)
    return {
        each["Properties"]["FunctionName"]["Ref"]: name
        for name, each in made["Resources"].items()
        if each["Type"] == "AWS::Lambda::Version"
    }


def main(path: str) -> None:
    logging.disable(logging.ERROR)
    text = json.dumps(parsed(Path(path)))
    before = versions(text)
    for what, (old, new, concerned) in CHANGES.items():
        if old not in text:
            sys.exit(f"{path}: {old!r} is not there to be changed")
        after = versions(text.replace(old, new))
        changed = tuple(sorted(name for name in before if after[name] != before[name]))
        if changed != concerned:
            sys.exit(f"{path}: with another version of {what}, new versions have {changed}")


if __name__ == "__main__":
    main(*sys.argv[1:])
