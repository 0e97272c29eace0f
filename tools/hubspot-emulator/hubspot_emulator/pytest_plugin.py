"""A pytest plugin: the fixture `hubspot_emulator`, a fresh HubSpot account on a socket of its own.

pytest finds it by itself where the package is installed. Any bearer token is accepted, nothing is
limited.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from hubspot_emulator import HubSpot
from hubspot_emulator.server import serve


@dataclass(frozen=True, slots=True)
class Emulator:
    url: str
    hubspot: HubSpot


@pytest.fixture
def hubspot_emulator() -> Iterator[Emulator]:
    hubspot = HubSpot(now=time.time)
    with serve(hubspot) as url:
        yield Emulator(url, hubspot)
