"""Object types: one canonical id for each, and the segment a path carries.

HubSpot addresses a type by name or by type id; the id always works (documented). A record that went
by both would have two ledger keys, so names become ids once, when they come in.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

DEFAULT: Final = "default"  # Stands for every type that has no setting of its own.
_TYPE_ID: Final = re.compile(r"(0|[1-9][0-9]{0,9})-(0|[1-9][0-9]{0,11})")

# Documented: "understanding the CRM", list of object type ids. Contracts have none published, so
# their name stands for the id.
STANDARD: Final = MappingProxyType(
    {
        "contacts": "0-1",
        "companies": "0-2",
        "deals": "0-3",
        "tickets": "0-5",
        "products": "0-7",
        "line_items": "0-8",
        "quotes": "0-14",
        "communications": "0-18",
        "feedback_submissions": "0-19",
        "tasks": "0-27",
        "notes": "0-46",
        "meetings": "0-47",
        "calls": "0-48",
        "emails": "0-49",
        "invoices": "0-53",
        "marketing_events": "0-54",
        "subscriptions": "0-69",
        "goals": "0-74",
        "goal_targets": "0-74",
        "discounts": "0-84",
        "fees": "0-85",
        "taxes": "0-86",
        "commerce_payments": "0-101",
        "users": "0-115",
        "postal_mail": "0-116",
        "orders": "0-123",
        "leads": "0-136",
        "carts": "0-142",
        "services": "0-162",
        "courses": "0-410",
        "listings": "0-420",
        "appointments": "0-421",
        "projects": "0-970",
        "contracts": "contracts",
    }
)
_NAMED_IN_PATHS: Final = MappingProxyType(
    {
        STANDARD[name]: name
        for name in (
            "contacts",
            "companies",
            "deals",
            "tickets",
            "products",
            "line_items",
            "contracts",
        )
    }
)
CONTACTS: Final = STANDARD["contacts"]


def canonical_type(name: str, custom: Mapping[str, str]) -> str | None:
    """Return the type id that a name or id stands for; None if nothing says which."""
    name = name.strip().lower()
    if _TYPE_ID.fullmatch(name):
        return name
    return STANDARD.get(name) or custom.get(name)


def path_segment(type_id: str) -> str:
    """Return what a path carries for a type: the name of the seven commonest, else the id."""
    return _NAMED_IN_PATHS.get(type_id, type_id)
