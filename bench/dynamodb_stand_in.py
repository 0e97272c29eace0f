"""DynamoDB's API from a dict, in a process of its own, so that only the client's CPU is measured.

Answers BatchGetItem and TransactWriteItems of Puts, with the two conditions the ledger uses. moto
answers more and takes milliseconds for each record.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

type Item = dict[str, Any]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    items: ClassVar[dict[str, Item]] = {}

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        operation = self.headers["X-Amz-Target"].rpartition(".")[2]
        status, answer = getattr(self, operation)(body)
        payload = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def BatchGetItem(self, body: dict[str, Any]) -> tuple[int, Any]:  # noqa: N802 - DynamoDB's name
        ((table, request),) = body["RequestItems"].items()
        keys = (key["pk"]["S"] for key in request["Keys"])
        found = [self.items[key] for key in keys if key in self.items]
        return 200, {"Responses": {table: found}, "UnprocessedKeys": {}}

    def TransactWriteItems(self, body: dict[str, Any]) -> tuple[int, Any]:  # noqa: N802
        puts = [action["Put"] for action in body["TransactItems"]]
        reasons = [{"Code": "None" if _holds(put, self.items) else FAILED} for put in puts]
        if any(reason["Code"] == FAILED for reason in reasons):
            kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException"
            return 400, {"__type": kind, "CancellationReasons": reasons}
        self.items.update((put["Item"]["pk"]["S"], put["Item"]) for put in puts)
        return 200, {}

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


FAILED = "ConditionalCheckFailed"


def _holds(put: dict[str, Any], items: dict[str, Item]) -> bool:
    item = items.get(put["Item"]["pk"]["S"])
    if put["ConditionExpression"].startswith("attribute_not_exists"):
        return item is None
    return item is not None and item["rev"] == put["ExpressionAttributeValues"][":rev"]


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
