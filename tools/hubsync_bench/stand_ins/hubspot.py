"""HubSpot's batch upsert from a template: takes everything, where the emulator judges.

An answer shows what a real one does, so that reading it costs what it would.
"""

import json
from itertools import count
from typing import Any

from hubsync_bench.stand_ins.http_server import Answer, Request, serve

MOMENT = "2026-11-21T12:00:00.000Z"
RESULT = (
    '{"id":"%d","properties":%s,"createdAt":"' + MOMENT + '","updatedAt":"' + MOMENT + '",'
    '"archived":false,"url":"https://app.hubspot.com/contacts/10000001/record/0-1/%d","new":true}'
)
BODY = (
    '{"status":"COMPLETE","results":[%s],"startedAt":"'
    + MOMENT
    + '","completedAt":"'
    + MOMENT
    + '"}'
)
IDS = count(171500000001)


def answer(request: Request) -> Answer:
    if not request.path.endswith("/batch/upsert"):
        return Answer(404, b"{}")
    results = ",".join(map(_result, json.loads(request.body)["inputs"]))
    return Answer(200, (BODY % results).encode())


def _result(given: dict[str, Any]) -> str:
    id_ = next(IDS)
    shown = given["properties"] | {given["idProperty"]: given["id"].lower()}
    return RESULT % (id_, json.dumps(shown, separators=(",", ":")), id_)


if __name__ == "__main__":
    serve(answer)
