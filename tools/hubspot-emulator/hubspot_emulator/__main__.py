"""The HubSpot emulator as a process of the local stack. Usage: python __main__.py PORT."""

import sys
import time

from hubspot_emulator import HubSpot, Limits
from hubspot_emulator.server import listening_socket, server

if __name__ == "__main__":
    hubspot = HubSpot(now=time.time, limits=Limits())
    server(hubspot).run(sockets=[listening_socket(int(sys.argv[1]))])
