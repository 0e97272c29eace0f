"""A HubSpot account that lives in memory, and behaves as HubSpot does, also when it misbehaves."""

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
