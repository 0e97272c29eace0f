"""The pipeline's main scenarios: what is in the CRM, what arrives, and what must come of it.

All of them go through one pipeline together. `EXCEPT` says what a setting of a switch changes.
"""

from dataclasses import dataclass, field

from hubspot_emulator.store import FIRST_ID
from tests.builders import raw_event

VERSIONS = {"default": "2026-03", "0-2": "2026-09", "0-420": "v3"}
EXISTING = {
    "bea": ("contacts", {"email": "bea@example.com", "hs_additional_emails": "b@old.example.com"}),
    "cy": ("contacts", {"email": "cy@example.com", "external_id": "c-cy"}),
    "dan": ("contacts", {"email": "dan@example.com", "phone": "1", "city": "Bonn"}),
    "eve": ("contacts", {"email": "eve@example.com"}),
    "eve_before": ("contacts", {"email": "eve@old.example.com"}),
    "fay": ("contacts", {"email": "fay@example.com"}),
    "gus": ("contacts", {"email": "gus@example.com"}),
    "acme": ("companies", {"external_id": "acme", "name": "Acme"}),
    "house": ("listings", {"hs_name": "House"}),
    "lease": ("contracts", {"external_id": "lease"}),
}
ID = {name: str(FIRST_ID + number) for number, name in enumerate(EXISTING)}
VEHICLES = 120


@dataclass(frozen=True)
class Scenario:
    """`crm` holds the properties of records by (type, property, id); None where there is no record.

    `letters` holds the dead letters by event id: code, then the properties if not the whole event.
    """

    events: tuple[dict, ...] = ()
    later: tuple[dict, ...] = ()  # arrive a minute after the others
    crm: dict = field(default_factory=dict)
    letters: dict = field(default_factory=dict)


def upsert(event_id, second, id_, *, by="email", type_="contacts", **properties):
    fields = {"objectType": type_, "idProperty": by, "id": id_, "properties": properties}
    return _event("upsert", event_id, second, **fields)


def update(event_id, second, id_, *, by=None, type_="contacts", **properties):
    fields = {"objectType": type_, "idProperty": by, "id": id_, "properties": properties}
    return _event("update", event_id, second, **fields)


def archive(event_id, second, id_, *, by=None):
    return _event("archive", event_id, second, idProperty=by, id=id_, properties=None)


def _event(operation, event_id, second, /, **fields):
    occurred_at = f"2026-11-21T11:00:{second:02}Z"
    return raw_event(operation=operation, eventId=event_id, occurredAt=occurred_at, **fields)


SCENARIOS = {
    "an upsert by e-mail, however it is spelt": Scenario(
        (
            upsert("ada-1", 1, "Ada@Example.com", firstname="Ada", phone="1"),
            upsert("ada-2", 2, "ada@example.COM ", phone="2"),
        ),
        crm={("contacts", "email", "ada@example.com"): {"firstname": "Ada", "phone": "2"}},
    ),
    "an upsert by an additional e-mail, and one of the same contact by its own": Scenario(
        (
            upsert("bea-1", 1, "b@old.example.com", phone="3"),
            upsert("bea-2", 2, "bea@example.com", jobtitle="Pilot"),
        ),
        crm={
            ("contacts", "email", "b@old.example.com"): {
                "email": "bea@example.com",
                "phone": "3",
                "jobtitle": "Pilot",
            }
        },
    ),
    "upserts by a unique property, with numbers, a flag and a list": Scenario(
        (
            upsert("x-1", 1, "x-1", by="external_id", email="X1@example.com", seats=12),
            upsert(
                "deal-1", 1, "d-1", by="external_id", type_="deals",
                dealname="Deal", dealstage="closedwon", pipeline="default", amount=1.50,
            ),
            upsert(
                "car-1", 1, "v-x", by="external_id", type_="2-123",
                seats=4e0, electric=True, colours=["red", "blue"],
            ),
        ),
        crm={
            ("contacts", "external_id", "x-1"): {"email": "x1@example.com", "seats": "12"},
            ("deals", "external_id", "d-1"): {"dealname": "Deal", "amount": "1.5"},
            ("2-123", "external_id", "v-x"): {
                "seats": "4",
                "electric": "true",
                "colours": "red;blue",
            },
        },
    ),
    "updates by record id and by a unique property": Scenario(
        (
            update("dan-1", 1, ID["dan"], jobtitle="Cook"),
            update("acme-1", 1, "acme", by="external_id", type_="companies", city="Graz"),
            update("house-1", 1, ID["house"], type_="0-420", hs_price=100),
            update("lease-1", 1, ID["lease"], type_="contracts", hs_title="Lease"),
        ),
        crm={
            ("contacts", "email", "dan@example.com"): {"jobtitle": "Cook"},
            ("companies", "external_id", "acme"): {"name": "Acme", "city": "Graz"},
            ("0-420", "hs_object_id", ID["house"]): {"hs_price": "100"},
            ("contracts", "external_id", "lease"): {"hs_title": "Lease"},
        },
    ),
    "updates of records that nobody knows": Scenario(
        (
            update("ghost-1", 1, "999", phone="1"),
            update("ghost-2", 1, "ghost", by="external_id", type_="tickets", content="-"),
            update("ghost-3", 1, "ghost@example.com", phone="1"),
        ),
        letters=dict.fromkeys(("ghost-1", "ghost-2", "ghost-3"), ("NOT_FOUND", ())),
    ),
    "an update whose upsert is on its way": Scenario(
        (update("late-2", 2, "v-late", by="external_id", type_="2-123", plate="P"),),
        later=(upsert("late-1", 1, "v-late", by="external_id", type_="2-123", name="Late"),),
        crm={("2-123", "external_id", "v-late"): {"plate": "P", "name": "Late"}},
    ),
    "bad values, each of which costs only itself": Scenario(
        (
            upsert("val-1", 1, "val@example.com", seats=2, firstname="Val"),
            upsert("val-2", 2, "val@example.com", seats="many", city="Rome"),
            upsert("val-3", 3, "val@example.com", plan="gold", lastname="Lee"),
            upsert("val-4", 4, "val@example.com", birthday="the 1st", initials="V1", zip="1"),
            update("dan-2", 2, ID["dan"], seats="2026-01-01", country="Italy"),
        ),
        crm={
            ("contacts", "email", "val@example.com"): {
                "seats": "2",
                "firstname": "Val",
                "city": "Rome",
                "plan": None,
                "lastname": "Lee",
                "birthday": None,
                "zip": "1",
            },
            ("contacts", "email", "dan@example.com"): {"seats": None, "country": "Italy"},
        },
        letters={
            "val-2": ("INVALID_INTEGER", ("seats",)),
            "val-3": ("INVALID_OPTION", ("plan",)),
            "val-4": ("INVALID_LONG", ("birthday", "initials")),
            "dan-2": ("INVALID_LONG", ("seats",)),
        },
    ),
    "properties that do not exist, or cannot be set": Scenario(
        (
            upsert("una-1", 1, "una@example.com", shoesize=40, firstname="Una"),
            upsert("una-2", 2, "una@example.com", days_to_close=4, lastname="Orr"),
            upsert("una-3", 3, "una@example.com", num_associated_deals=4, city="Lyon"),
        ),
        crm={
            ("contacts", "email", "una@example.com"): {
                "firstname": "Una",
                "lastname": "Orr",
                "city": "Lyon",
            }
        },
        letters={
            "una-1": ("PROPERTY_DOESNT_EXIST", ("shoesize",)),
            "una-2": ("READ_ONLY_VALUE", ("days_to_close",)),
            "una-3": ("READ_ONLY_VALUE", ("num_associated_deals",)),
        },
    ),
    "e-mail addresses that other contacts have": Scenario(
        (
            upsert("con-1", 1, "x-2", by="external_id", city="Oslo"),
            upsert("con-2", 2, "x-2", by="external_id", email="cy@example.com", phone="2"),
            update("con-3", 1, "c-cy", by="external_id", email="dan@example.com", phone="3"),
        ),
        crm={
            ("contacts", "external_id", "x-2"): {"city": "Oslo", "email": None, "phone": None},
            ("contacts", "external_id", "c-cy"): {"email": "cy@example.com", "phone": None},
        },
        letters={"con-2": ("CONFLICT", ()), "con-3": ("CONFLICT", ())},
    ),
    "a value that is cleared": Scenario(
        (update("dan-3", 3, ID["dan"], phone=None),),
        crm={("contacts", "email", "dan@example.com"): {"phone": None, "city": "Bonn"}},
    ),
    "an update of a record that was merged into another": Scenario(
        (update("eve-1", 1, ID["eve_before"], phone="5"),),
        crm={("contacts", "email", "eve@example.com"): {"phone": None}},
        letters={"eve-1": ("UNVOUCHED", ("phone",))},
    ),
    "archives of records known, unknown, revived, and set before": Scenario(
        (
            archive("fay-1", 1, "fay@example.com", by="email"),
            archive("gus-1", 1, ID["gus"]),
            archive("nil-1", 1, "nil@example.com", by="email"),
            archive("nil-2", 1, "998"),
            upsert("hal-1", 1, "hal@example.com", firstname="Hal"),
            archive("hal-2", 2, "hal@example.com", by="email"),
            upsert("hal-3", 3, "hal@example.com", phone="7"),
        ),
        later=(upsert("fay-0", 0, "fay@example.com", phone="6"),),
        crm={
            ("contacts", "email", "fay@example.com"): None,
            ("contacts", "email", "gus@example.com"): None,
            ("contacts", "email", "hal@example.com"): {"phone": "7"},
        },
    ),
    "more records than one call can take": Scenario(
        tuple(
            upsert(f"v-{n}", 1, f"v-{n}", by="external_id", type_="2-123", plate=f"P-{n}")
            for n in range(VEHICLES)
        ),
        crm={("2-123", "external_id", f"v-{n}"): {"plate": f"P-{n}"} for n in range(VEHICLES)},
    ),
    "stricter writes on 2026-09 paths": Scenario(
        (
            upsert("co-1", 1, "co-1", by="external_id", type_="companies", city="Oslo"),
            upsert(
                "co-2", 1, "co-2", by="external_id", type_="companies",
                name="Co", founded_on="2026-03-05T13:00:00Z",
            ),
        ),
        crm={
            ("companies", "external_id", "co-1"): None,
            ("companies", "external_id", "co-2"): {"name": "Co", "founded_on": "2026-03-05"},
        },
        letters={"co-1": ("MISSING_REQUIRED_PROPERTY", ())},
    ),
    "what HubSpot does not offer is not even tried": Scenario(
        (
            update("dan-4", 4, "dan@example.com", by="email", city="Rome"),
            update("dan-5", 5, ID["dan"], interests=";chess"),
        ),
        letters=dict.fromkeys(("dan-4", "dan-5"), ("MALFORMED_EVENT", ())),
    ),
}  # fmt: skip

WHOLE_EVENT = ()
# What a setting changes: where HubSpot says less, or means something else.
WITHOUT_EMAIL = {
    ("contacts", "external_id", "x-2"): {"phone": "2"},
    ("contacts", "external_id", "c-cy"): {"phone": "3"},
}
TAKEN_VALUE_CODES = {
    "item": "UNIQUE_VALUE_CONFLICT",
    "coordinates": "UNIQUE_VALUE_CONFLICT",
    "tokens": "UNIQUE_VALUE_CONFLICT",
    "in": "OBJECT_ALREADY_EXISTS",
}
EXCEPT = {
    ("contracts_writes", "off"): Scenario(
        crm={("contracts", "external_id", "lease"): {"hs_title": None}},
        letters={"lease-1": ("HTTP_405", WHOLE_EVENT)},
    ),
    ("email_taken_on_write", "CONFLICTING_UNIQUE_VALUE"): Scenario(
        # The property is named, so it is all that is refused.
        crm=WITHOUT_EMAIL,
        letters={
            "con-2": ("CONFLICTING_UNIQUE_VALUE", ("email",)),
            "con-3": ("CONFLICTING_UNIQUE_VALUE", ("email",)),
        },
    ),
    **{
        ("taken_value_form", form): Scenario(
            crm=WITHOUT_EMAIL, letters=dict.fromkeys(("con-2", "con-3"), (code, ("email",)))
        )
        for form, code in TAKEN_VALUE_CODES.items()
    },
    ("taken_value_form", "mixed"): Scenario(
        crm=WITHOUT_EMAIL,
        letters={
            "con-2": ("UNIQUE_VALUE_CONFLICT", ("email",)),
            "con-3": ("OBJECT_ALREADY_EXISTS", ("email",)),
        },
    ),
    ("email_upsert_omitted_properties", "reset"): Scenario(
        # Nobody can help it who does not hold the whole record: the second upsert by e-mail
        # resets what the first one set. A unique property of one's own as key avoids it.
        # So does what goes in a call of its own after a refusal.
        crm={
            ("contacts", "email", "b@old.example.com"): {"jobtitle": None},
            ("contacts", "email", "val@example.com"): dict.fromkeys(
                ("firstname", "city", "lastname", "zip")
            ),
        },
    ),
    ("merged_away_id_on_update", "not found"): Scenario(
        letters={"eve-1": ("NOT_FOUND", WHOLE_EVENT)},
    ),
    ("merged_away_id_on_update", "survivor"): Scenario(
        crm={("contacts", "email", "eve@example.com"): {"phone": "5"}},
        letters={"eve-1": None},
    ),
    ("number_error_code", "INVALID_DECIMAL"): Scenario(
        letters=dict.fromkeys(("val-2", "dan-2"), ("INVALID_DECIMAL", ("seats",))),
    ),
    ("number_error_code", "INVALID_NUMBER"): Scenario(
        letters=dict.fromkeys(("val-2", "dan-2"), ("INVALID_NUMBER", ("seats",))),
    ),
    ("value_error_shape", "no name"): Scenario(
        # Nobody says which property of val-3 is bad, so the event is refused whole.
        crm={("contacts", "email", "val@example.com"): {"lastname": None}},
        letters={"val-3": ("INVALID_OPTION", WHOLE_EVENT)},
    ),
    ("date_normalisation_2026_09", "off"): Scenario(
        crm={("companies", "external_id", "co-2"): {"founded_on": None}},
        letters={"co-2": ("INVALID_DATE", ("founded_on",))},
    ),
}


def expected(switch, setting):
    """Say what must come of all scenarios together under a setting."""
    parts = [*SCENARIOS.values(), EXCEPT.get((switch, setting), Scenario())]
    crm, letters = {}, {}
    for part in parts:
        letters |= part.letters
        for key, properties in part.crm.items():
            known = crm.get(key)
            crm[key] = properties if properties is None else {**(known or {}), **properties}
    return Scenario(crm=crm, letters={k: v for k, v in letters.items() if v is not None})
