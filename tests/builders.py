"""One builder for each value that many tests arrange; all they do not say is unremarkable."""

from hubsync.core.change import Change, Reading, RecordKey, Version
from hubsync.core.event import Rules, parse_events
from hubsync.core.hubspot.batch import Batch, Route, write_input
from hubsync_local.virtual.messages import message_body

NO_RULES = Rules()
NOON = 1_795_262_400_000_000  # 2026-11-21T12:00:00Z in microseconds
ADA = RecordKey("main", "0-1", "email", "ada@example.com")


def raw_event(**fields):
    """A change event as upstream writes it; a field set to None is left out."""
    event = {
        "eventId": "e-1",
        "occurredAt": "2026-11-21T12:00:00Z",
        "objectType": "contacts",
        "idProperty": "email",
        "id": "ada@example.com",
        "properties": {"firstname": "Ada"},
    } | fields
    return {name: value for name, value in event.items() if value is not None}


def an_event(**fields):
    (event,) = parse_events(raw_event(**fields), NO_RULES)
    return event


def a_message(*events, **head):
    """The body of a message with these events."""
    return message_body(*events, **head)


def a_version(at=0, event_id="e-1", *, sequence=0, source="changes", digest="d"):
    return Version(NOON + at, sequence, source, event_id, digest)


def a_reading(value="Ada", at=0, event_id="e-1", *, upsert=False):
    """A reading of an update, unless it came from an upsert; `at` is microseconds after noon."""
    return Reading(a_version(at, event_id), value, upsert)


def a_change(record=ADA, **readings):
    """A change with the readings given for each property, newest first; one need be no tuple."""
    return Change(
        record,
        {
            name: (some,) if isinstance(some, Reading) else tuple(some)
            for name, some in readings.items()
        },
    )


def an_input(id_="ada@example.com", *, properties=None, id_property="email", object_type="0-1"):
    readings = {
        name: a_reading(value) for name, value in (properties or {"firstname": "Ada"}).items()
    }
    return write_input(RecordKey("main", object_type, id_property, id_), readings)


def a_batch(*ids, operation="upsert", id_property="email", object_type="0-1", properties=None):
    """A batch with an input for each id, all of which set the same properties."""
    inputs = [
        an_input(id_, properties=properties, id_property=id_property, object_type=object_type)
        for id_ in ids
    ]
    return Batch(Route("main", object_type, operation, id_property), tuple(inputs))
