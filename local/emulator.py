"""The HubSpot emulator as a process of the local stack. Usage: python emulator.py PORT."""

import sys
import time

from local.hubspot import HubSpot, Limits
from local.hubspot_http import listening_socket, server

if __name__ == "__main__":
    hubspot = HubSpot(now=time.time, limits=Limits())
    server(hubspot).run(sockets=[listening_socket(int(sys.argv[1]))])
