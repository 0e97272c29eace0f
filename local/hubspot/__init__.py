"""A HubSpot account that lives in memory, and behaves as HubSpot does, also when it misbehaves.

Bytes and a moment in, bytes out: `HubSpot` has no socket, no clock and no global randomness, so a
seed repeats a run. What nobody outside HubSpot knows for sure is a switch (`switches.py`); what
goes wrong on purpose is a fault (`faults.py`). Of several threads one may write, others look.

Not imitated: single-record endpoints, search, associations (accepted on create and forgotten),
lists, imports, webhooks, pipelines, workflows; writing to the properties API; the delay between a
write and its being readable; restoring archived records; formatting of phone numbers, domains and
numbers; calculated values; checks of e-mail domains; portal validation rules other than `letters`;
users, teams and plan limits. `docs/emulator.md` has the whole list, and how sure each behaviour is.
"""

from local.hubspot.faults import Fault, storm
from local.hubspot.limits import UNLIMITED, Limits
from local.hubspot.machine import Call, HubSpot, Snapshot
from local.hubspot.portal import DEFAULT, Portal, load_portal
from local.hubspot.store import Reading
from local.hubspot.switches import SETTINGS, Switches
from local.hubspot.tokens import OAuthApp, Token
from local.hubspot.wire import Answer, Delivery, Request

__all__ = [
    "DEFAULT",
    "SETTINGS",
    "UNLIMITED",
    "Answer",
    "Call",
    "Delivery",
    "Fault",
    "HubSpot",
    "Limits",
    "OAuthApp",
    "Portal",
    "Reading",
    "Request",
    "Snapshot",
    "Switches",
    "Token",
    "load_portal",
    "storm",
]
