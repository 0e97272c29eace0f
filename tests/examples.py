"""The example sources, each with payloads as its upstream system sends them."""

import json
from pathlib import Path
from typing import NamedTuple

from hubsync.core import strict_json
from hubsync.core.event import Rules
from hubsync.core.source import load_source
from hubsync.ingest import take

PROJECT = Path(__file__).parents[1]
FOLDER = PROJECT / "functions" / "ingest" / "sources" / "examples"
PAYLOADS = PROJECT / "events" / "payloads"

# Where the body alone does not tell, the headers that come with a payload.
HEADERS = {
    "github-issues-closed": {"x-github-event": "issues", "x-github-delivery": "d-1"},
    "github-issues-deleted": {"x-github-event": "issues", "x-github-delivery": "d-2"},
    "github-ping": {"x-github-event": "ping", "x-github-delivery": "d-0"},
    "shopify-customers-delete": {"x-shopify-topic": "customers/delete"},
    "shopify-customers-update": {
        "x-shopify-topic": "customers/update",
        "x-shopify-webhook-id": "w-1",
        "x-shopify-triggered-at": "2026-11-21T10:00:01.877041743Z",
    },
}


class Told(NamedTuple):
    """What a source makes of a payload: events in canonical form, and how many it ignores."""

    events: list[dict]
    ignored: int


def sources():
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def payloads():
    return sorted(path.stem for path in PAYLOADS.glob("*.json"))


def tell(payload):
    """Take in a payload as its source would."""
    source = load_source(FOLDER / f"{payload.partition('-')[0]}.toml")
    body = strict_json.parse((PAYLOADS / f"{payload}.json").read_bytes(), source.form)
    rules = Rules(properties_allowed=source.properties_allowed)
    taken = take(source, HEADERS.get(payload, {}), body, rules)
    assert taken.faults == ()
    return Told([json.loads(text) for text in taken.encoded], taken.ignored)
