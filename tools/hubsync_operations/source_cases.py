"""Payload files and the events that a source shall make of them, side by side.

shop.toml                            a source
payloads/shop-created.json           a request's body, as the upstream system sends it
payloads/shop-created.headers.json   its headers, where the source reads some
payloads/shop-created.events.json    what the source shall make of it
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hubsync.core import json_codec
from hubsync.core.event import Rules
from hubsync.core.payloads.source import Source, load_sources
from hubsync.errors import Fault, InvalidEvents
from hubsync.ingest import challenge_of, take

_BESIDE: Final = (".headers.json", ".events.json")


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A payload file and the source that it is for."""

    name: str
    source: Source
    payload: Path

    @property
    def golden(self) -> Path:
        return self.payload.with_name(f"{self.name}.events.json")

    @property
    def headers(self) -> Mapping[str, str]:
        """Return the request's headers, by lower-case name; ValueError if the file has others."""
        path = self.payload.with_name(f"{self.name}.headers.json")
        if not path.is_file():
            return {}
        given = json.loads(path.read_text("utf-8"))
        if not isinstance(given, dict) or not all(isinstance(t, str) for t in given.values()):
            raise ValueError(f"{path} is no JSON object of texts")
        return {name.lower(): text for name, text in given.items()}

    def expected(self) -> dict[str, Any] | None:
        """Return what the golden file says; None if there is none."""
        if not self.golden.is_file():
            return None
        told: dict[str, Any] = json.loads(self.golden.read_text("utf-8"))
        return told


class NoCases(ValueError):
    """A folder holds no source, or no payload of one of its sources."""


def cases(
    folder: Path, payloads: Path, object_types: Mapping[str, str] | None = None
) -> Iterator[Case]:
    """Yield the cases of a folder's sources, in order of their names.

    A payload is the source's whose name its own begins with, the longest one if there are several.
    Raises InvalidSource, and NoCases where there is nothing to try.
    """
    sources = load_sources(folder, object_types)
    if not sources:
        raise NoCases(f"{folder} has no source: no file ends with .toml")
    found = False
    for path in sorted(payloads.glob("*.json")):
        if path.name.endswith(_BESIDE):
            continue
        fitting = [
            name for name in sources if path.stem == name or path.stem.startswith(f"{name}-")
        ]
        if fitting:
            found = True
            yield Case(path.stem, sources[max(fitting, key=len)], path)
    if not found:
        raise NoCases(
            f"{payloads} has no payload of {', '.join(sources)}: "
            "its name begins with the source's, as in shop-created.json"
        )


def tell(case: Case, object_types: Mapping[str, str]) -> dict[str, Any]:
    """Return what a source makes of a payload, once its signature is verified; raises NotJson.

    No time is too far ahead: payload files are of any day.
    """
    source = case.source
    body = json_codec.parse(case.payload.read_bytes(), source.form)
    if (challenge := challenge_of(source, body)) is not None:
        return {"status": 200, "challenge": challenge, "events": []}
    rules = Rules(object_types, source.properties_allowed)
    try:
        taken = take(source, case.headers, body, rules)
    except InvalidEvents as error:
        return {"status": 422, "events": [], "faults": _told(error.faults)}
    told: dict[str, Any] = {
        "status": 202,
        "events": [json.loads(text) for text in taken.encoded],
        "ignored": taken.ignored,
    }
    if taken.unmade:
        told["kept"] = 1
    if taken.faults:
        told["faults"] = _told(taken.faults)
    return told


def written(told: Mapping[str, Any]) -> str:
    """Return a golden file's text."""
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def _told(faults: tuple[Fault, ...] | list[Fault]) -> list[dict[str, str]]:
    return [fault._asdict() for fault in faults]
