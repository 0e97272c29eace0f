"""The emulator on the bench's own server: it judges every value, and its records are the CRM."""

import time

from hubspot_emulator import HubSpot, Request
from hubspot_emulator.control_api import control
from hubsync_bench.stand_ins import http_server


class Emulator:
    def __init__(self) -> None:
        self._hubspot = HubSpot(now=time.time)

    def answer(self, request: http_server.Request) -> http_server.Answer:
        asked = Request(request.method, request.path, request.headers, request.body)
        answer = control(self._hubspot, asked) or self._hubspot.handle(asked)
        headers = dict(answer.headers)
        kind = headers.pop("Content-Type", "text/plain")
        return http_server.Answer(answer.status, answer.body, kind, headers)


if __name__ == "__main__":
    http_server.serve(Emulator().answer)
