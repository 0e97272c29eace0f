"""The example sources, each with payloads as its upstream system sends them."""

import json
from pathlib import Path
from typing import NamedTuple

from hubsync.core import json_codec
from hubsync.core.event import Rules
from hubsync.core.payloads.source import load_source
from hubsync.ingest import take
from hubsync_operations.source_cases import cases

PROJECT = Path(__file__).parents[1]
FOLDER = PROJECT / "functions" / "ingest" / "sources" / "examples"
PAYLOADS = PROJECT / "events" / "payloads"
CASES = {case.name: case for case in cases(FOLDER, PAYLOADS)}
# Where the body alone does not tell, the headers that come with a payload.
HEADERS = {name: dict(case.headers) for name, case in CASES.items()}


class Told(NamedTuple):
    """What a source makes of a payload: events in canonical form, and how many it ignores."""

    events: list[dict]
    ignored: int


def sources():
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def payloads():
    return sorted(CASES)


def tell(payload):
    """Take in a payload as its source would."""
    source = load_source(FOLDER / f"{payload.partition('-')[0]}.toml")
    body = json_codec.parse((PAYLOADS / f"{payload}.json").read_bytes(), source.form)
    rules = Rules(properties_allowed=source.properties_allowed)
    taken = take(source, HEADERS.get(payload, {}), body, rules)
    assert taken.faults == ()
    return Told([json.loads(text) for text in taken.encoded], taken.ignored)
