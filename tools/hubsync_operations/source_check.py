"""What a source's file says, what is wrong with it, and what it makes of a payload."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hubsync.core import json_codec
from hubsync.core.event import ChangeEvent, Rules
from hubsync.core.json_codec import Json
from hubsync.core.limits import CLOCK_SKEW_SECONDS_MAX
from hubsync.core.payloads.jmespath_expression import Node
from hubsync.core.payloads.mapper import Mapped, Unmapped, make
from hubsync.core.payloads.source import Source, load_source
from hubsync.errors import Fault, InvalidEvents, InvalidSource
from hubsync.ingest import challenge_of, take

_TABLE = re.compile(r"\s*\[\[?\s*([A-Za-z0-9_.-]+)\s*\]\]?")
_KEY = re.compile(r"""\s*(?:"([^"]+)"|'([^']+)'|([A-Za-z0-9_-]+))\s*=""")
_QUOTES = re.compile(r'"""|' + "'''")


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong: the key of the file, its line if it has one, and what."""

    pointer: str
    line: int | None
    message: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A source, or the mistakes that keep it from being one."""

    source: Source | None
    mistakes: tuple[Mistake, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """How many elements a change looked at (1 if the payload is one), wanted, and could not map.

    `left_out` are the properties that no event of the change has: their expressions found nothing.
    """

    elements: int
    wanted: int
    failed: int
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sampled:
    """What a source answers to a payload, and why."""

    status: int
    ignored: int
    challenge: str | None = None
    matches: tuple[Match, ...] = ()
    events: tuple[ChangeEvent, ...] = ()
    faults: tuple[Mistake, ...] = ()
    kept: int = 0
    left_out: int = 0  # values
    unknown: tuple[str, ...] = ()


def check(path: Path, object_types: Mapping[str, str] | None) -> Checked:
    """Read a source's file; OSError if there is none."""
    try:
        return Checked(load_source(path, object_types), ())
    except InvalidSource as error:
        return Checked(None, _in_file(path, error.faults))


def headers_read(source: Source) -> list[str]:
    """Return the names of the headers that a source's mapping looks at."""
    expressions = [
        each
        for change in source.change
        for each in (
            change.when,
            change.for_each,
            *(expression for _, expression in change.fields),
            *change.properties.values(),
        )
        if each is not None
    ]
    return sorted({name for each in expressions for name in _headers(each.tree)})


def _headers(node: Node) -> Iterator[str]:
    if node["type"] == "path" and node["value"][0] == "headers":
        yield node["value"][1]
    for child in node["children"]:
        if isinstance(child, dict):
            yield from _headers(child)


def sample(
    path: Path,
    source: Source,
    payload: bytes,
    *,
    headers: Mapping[str, str],
    object_types: Mapping[str, str],
    now: float,
) -> Sampled:
    """Take in a payload as ingest does once its signature is verified; raises NotJson."""
    body = json_codec.parse(payload, source.form)
    if (challenge := challenge_of(source, body)) is not None:
        return Sampled(200, 0, challenge)
    latest = round((now + CLOCK_SKEW_SECONDS_MAX) * 1_000_000)
    rules = Rules(object_types, source.properties_allowed, latest)
    matches = _matches(source, headers, body)
    try:
        taken = take(source, headers, body, rules)
    except InvalidEvents as error:
        return Sampled(422, 0, None, matches, (), _faults(path, source, error.faults))
    faults = _faults(path, source, taken.faults)
    return Sampled(
        202,
        taken.ignored,
        None,
        matches,
        tuple(taken.events),
        faults,
        kept=1 if taken.unmade else 0,
        left_out=taken.refused,
        unknown=taken.unknown,
    )


def _matches(source: Source, headers: Mapping[str, str], body: Json) -> tuple[Match, ...]:
    try:
        made = make(source.change, headers=headers, body=body)
    except Unmapped:
        return ()  # Taking it in says why.
    return tuple(_match(source, made, place) for place in range(len(source.change)))


def _match(source: Source, made: list[Mapped], place: int) -> Match:
    found = [each for each in made if each.change == place]
    wires = [each.wire for each in found if each.wire is not None]
    named = [wire["properties"] for wire in wires if "properties" in wire]
    held = {name for properties in named if isinstance(properties, dict) for name in properties}
    left_out = tuple(n for n in source.change[place].properties if named and n not in held)
    failed = sum(bool(each.faults) for each in found)
    return Match(len(found), len(wires), failed, left_out)


def _faults(path: Path, source: Source, faults: Sequence[Fault]) -> tuple[Mistake, ...]:
    """Return faults of a payload: where there is a mapping, they point into its file."""
    if source.change:
        return _in_file(path, faults)
    return tuple(Mistake(pointer, None, message) for pointer, message in faults)


def _in_file(path: Path, faults: Sequence[Fault]) -> tuple[Mistake, ...]:
    lines = dict(_places(path.read_text("utf-8", errors="replace")))
    return tuple(Mistake(p, _line(p, lines), message) for p, message in faults)


def _line(pointer: str, lines: Mapping[tuple[str, ...], int]) -> int | None:
    """Return the line of a key, or of the table where it is missing."""
    steps = tuple(pointer.split("/")[1:])
    ends = range(len(steps), 0, -1)
    return next((lines[steps[:end]] for end in ends if steps[:end] in lines), None)


def _places(text: str) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield the path of each table and key, and its line, as far as files are usually written."""
    table: tuple[str, ...] = ()
    changes, quoted = -1, False
    for number, line in enumerate(text.splitlines(), 1):
        found, key = _TABLE.match(line), _KEY.match(line)
        if not quoted and found:
            names = found[1].split(".")
            changes += line.lstrip().startswith("[[change")
            table = ("change", str(changes), *names[1:]) if names[0] == "change" else (*names,)
            yield table, number
        elif not quoted and key:
            yield (*table, key[1] or key[2] or key[3]), number
        quoted ^= len(_QUOTES.findall(line)) % 2 == 1
