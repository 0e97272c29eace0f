"""A HubSpot account that lives in memory, and behaves as HubSpot does, also when it misbehaves.

Bytes and a moment in, bytes out: `HubSpot` has no socket, no clock and no global randomness, so a
seed repeats a run. What nobody outside HubSpot knows for sure is a switch (`switches.py`); what
goes wrong on purpose is a fault (`faults.py`). Of several threads one may write, others look.

Not imitated: single-record endpoints, search, associations (accepted on create and forgotten),
lists, imports, webhooks, pipelines, workflows; writing to the properties API; the delay between a
write and its being readable; restoring archived records; formatting of phone numbers, domains and
numbers; calculated values; checks of e-mail domains; portal validation rules other than `letters`;
users, teams and plan limits. README.md has the whole list, and how sure each behaviour is.
"""

from hubspot_emulator.emulator import Call, HubSpot, Snapshot
from hubspot_emulator.faults import Fault, storm
from hubspot_emulator.http_messages import Answer, Delivery, Request
from hubspot_emulator.portal import DEFAULT, Portal, load_portal
from hubspot_emulator.rate_limits import UNLIMITED, Limits
from hubspot_emulator.store import Reading
from hubspot_emulator.switches import SETTINGS, Switches
from hubspot_emulator.tokens import OAuthApp, Token

__version__ = "0.1.0"

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
