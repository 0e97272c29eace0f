"""What hypothesis draws: valid events, readings, changes, and JSON of any kind.

Every law runs on the same examples each time, so that a failure shows up for everybody alike.
"""

from hypothesis import settings
from hypothesis import strategies as st

from hubsync.core.change import ARCHIVED, Change, Reading, RecordKey, Version
from tests.builders import ADA

LAW = settings(max_examples=40, deadline=None, derandomize=True, database=None)

# Text as JSON can carry it: no half surrogate pairs.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
LINE = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
NAMES = st.sampled_from(["phone", "city", "seats", "firstname"])

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4)
)


# Few moments, sources and ids, so that versions meet and tie.
VERSIONS = st.builds(
    Version,
    st.integers(0, 3),
    st.integers(0, 1),
    st.sampled_from(["a", "b"]),
    st.sampled_from(["e-1", "e-2", "e-3"]),
    st.sampled_from(["x", "y"]),
)
RECORDS = st.sampled_from(
    [ADA, ADA._replace(id="bea@example.com"), RecordKey("main", "0-2", "hs_object_id", "512")]
)


def reading_of(version):
    """The reading with this version: a version has one value only."""
    return Reading(version, f"{version.occurred_at}{version.digest}", version.source == "a")


READINGS = VERSIONS.map(reading_of)
DUE = st.dictionaries(NAMES, READINGS, min_size=1, max_size=4)


def newest_first(readings):
    return tuple(sorted(readings, reverse=True))


PILES = st.frozensets(READINGS, min_size=1, max_size=4).map(newest_first)


def changes(records=RECORDS):
    properties = st.dictionaries(st.sampled_from(["phone", "city", ARCHIVED]), PILES, min_size=1)
    return st.builds(Change, records, properties)


# Valid events, in any spelling that the rules allow.
MOMENTS = st.datetimes().map(lambda moment: moment.isoformat() + "Z")
VALUE_TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], include_characters="\t\n\r"), max_size=8
).filter(lambda text: not text.startswith(";"))
NUMBERS = st.integers(-(10**30), 10**30) | st.floats(-1e9, 1e9).map(lambda n: round(n, 6))
ELEMENTS = st.booleans() | NUMBERS | VALUE_TEXT.filter(lambda text: text and ";" not in text)
VALUES = st.none() | st.booleans() | NUMBERS | VALUE_TEXT | st.lists(ELEMENTS, max_size=3)
PROPERTY_NAMES = st.sampled_from(
    ["phone", "FirstName", "Stra\u00dfe", "\u0130stanbul", "a.b", "x" * 100, "p1_car"]
)
EMAILS = st.sampled_from(
    ["Ada@Example.com", " ada@b\u00fccher.example ", "\u00c4@\u00c4.example", "x@\u4f8b\u3048.jp"]
)
UNIQUE = st.one_of(
    st.tuples(st.just("email"), EMAILS),
    st.tuples(st.just("External_Id"), LINE.filter(lambda t: t.strip() and t.strip()[0] != ";")),
)


def unique_names(properties):
    lowered = [name.lower() for name in properties]
    return len(set(lowered)) == len(lowered) and not {"email", "external_id"} & set(lowered)


@st.composite
def raw_events(draw):
    """A valid event as upstream may write it."""
    operation = draw(st.sampled_from(["upsert", "archive"]))
    id_property, id_ = draw(UNIQUE)
    properties = st.dictionaries(PROPERTY_NAMES, VALUES, max_size=5).filter(unique_names)
    return {
        "eventId": draw(LINE.filter(bool)),
        "occurredAt": draw(MOMENTS),
        "sequence": draw(st.integers(0, 2**63 - 1)),
        "operation": operation,
        "objectType": draw(st.sampled_from(["contacts", "0-1", " Deals", "2-123"])),
        "idProperty": id_property,
        "id": id_,
        "properties": draw(properties),
    }
