"""AWS from dicts: DynamoDB's items with their conditions, secrets, and queues that take everything.

moto answers more, and takes milliseconds for each record. What is not imitated is refused, so that
a call nobody thought of is an error and not a figure that is too good.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from decimal import Decimal
from http import HTTPStatus
from math import ceil
from typing import Any

from hubsync_bench.stand_ins.http_server import Answer, Request, serve

TOKEN = "token"  # noqa: S105 - of nobody's
WEBHOOK_SECRET = "whsec_" + b64encode(b"bench " * 5).decode()
FAILED = "ConditionalCheckFailed"
ITEMS_MAX = 100  # Documented: of one call, and no two of them the same.

type Members = dict[str, Any]
type Item = dict[str, Any]


class Refused(Exception):
    """An error as AWS words it."""

    def __init__(self, kind: str, members: Members | None = None) -> None:
        super().__init__(kind)
        self.body = {"__type": f"com.amazonaws#{kind}", **(members or {})}


class Tables:
    """Tables that exist as soon as they are named; each has the key `pk`, a string."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], Item] = {}
        self.read_units = self.write_units = 0.0

    def batch_get_item(self, asked: Members) -> Members:
        found: dict[str, list[Item]] = {}
        for table, request in asked["RequestItems"].items():
            keys = [(table, key["pk"]["S"]) for key in request["Keys"]]
            if len(keys) > ITEMS_MAX or len(set(keys)) < len(keys):
                raise Refused("ValidationException")
            found[table] = [self.items[key] for key in keys if key in self.items]
            # Half a unit for 4 KB, as long as nobody asks for consistent reads.
            self.read_units += (
                sum(ceil(item_bytes(self.items.get(key, {})) / 4096) or 1 for key in keys) / 2
            )
        return {"Responses": found, "UnprocessedKeys": {}}

    def transact_write_items(self, asked: Members) -> Members:
        """Put all, or none and say whose condition failed."""
        puts = [action["Put"] for action in asked["TransactItems"]]
        if len(puts) > ITEMS_MAX or len({_key(put) for put in puts}) < len(puts):
            raise Refused("ValidationException")
        reasons = [{"Code": "None" if self._may(put) else FAILED} for put in puts]
        if {"Code": FAILED} in reasons:
            raise Refused("TransactionCanceledException", {"CancellationReasons": reasons})
        self.items.update((_key(put), put["Item"]) for put in puts)
        self.write_units += 2 * sum(_write_units(put) for put in puts)
        return {}

    def get_item(self, asked: Members) -> Members:
        item = self.items.get((asked["TableName"], asked["Key"]["pk"]["S"]))
        self.read_units += 1 if asked.get("ConsistentRead") else 0.5  # of an item below 4 KB
        return {} if item is None else {"Item": item}

    def put_item(self, asked: Members) -> Members:
        if not self._may(asked):
            there = self.items.get(_key(asked))
            raise Refused(f"{FAILED}Exception", {"Item": there} if there else None)
        self.items[_key(asked)] = asked["Item"]
        self.write_units += _write_units(asked)
        return {}

    def metered(self, _asked: Members) -> Members:
        """Return what DynamoDB would bill so far; conditions that failed are left out."""
        return {"read_units": self.read_units, "write_units": self.write_units}

    def _may(self, put: Members) -> bool:
        condition = put.get("ConditionExpression")
        return condition is None or holds(condition, put, self.items.get(_key(put)))


def item_bytes(item: Item) -> int:
    """Return the size by which DynamoDB bills an item."""
    return sum(
        len(name) + _value_bytes(kind, value)
        for name, typed in item.items()
        for kind, value in typed.items()
    )


def _value_bytes(kind: str, value: Any) -> int:  # noqa: ANN401 - by its kind
    match kind:
        case "S":
            return len(value.encode())
        case "B":
            return len(b64decode(value))
        case "N":
            return len(value) // 2 + 2  # Documented: about a byte for two digits, and one.
        case _:
            return 1


def _write_units(put: Members) -> int:
    return ceil(item_bytes(put["Item"]) / 1024)


def _key(put: Members) -> tuple[str, str]:
    return put["TableName"], put["Item"]["pk"]["S"]


def holds(condition: str, put: Members, item: Item | None) -> bool:
    """Whether a condition of equalities and absence holds of what is there."""
    return all(_clause_holds(clause, put, item or {}) for clause in condition.split(" AND "))


def _clause_holds(clause: str, put: Members, item: Item) -> bool:
    if clause == "attribute_not_exists(pk)":
        return not item
    name, equals, value = clause.partition(" = ")
    if not equals or not value.startswith(":"):
        raise Refused("ValidationException", {"message": f"{clause!r} is not imitated"})
    name = put.get("ExpressionAttributeNames", {}).get(name, name)
    there, wanted = item.get(name), put["ExpressionAttributeValues"][value]
    return there is not None and _value(there) == _value(wanted)


def _value(typed: Members) -> tuple[str, object]:
    ((kind, value),) = typed.items()
    return kind, Decimal(value) if kind == "N" else value


def secret(asked: Members) -> Members:
    """Return HubSpot's token or the webhook secret; there is no previous one."""
    if asked.get("VersionStage") == "AWSPREVIOUS":
        raise Refused("ResourceNotFoundException")
    hubspot = "hubspot" in asked["SecretId"]
    return {"Name": asked["SecretId"], "SecretString": TOKEN if hubspot else WEBHOOK_SECRET}


def taken(asked: Members) -> Members:
    """Confirm every entry of a batch."""
    entries = [
        {"Id": e["Id"], "MessageId": e["Id"], "MD5OfMessageBody": ""} for e in asked["Entries"]
    ]
    return {"Successful": entries, "Failed": []}


def unknown(_asked: Members) -> Members:
    raise Refused("UnknownOperationException")


def actions() -> dict[str, Callable[[Members], Members]]:
    tables = Tables()
    return {
        "BatchGetItem": tables.batch_get_item,
        "TransactWriteItems": tables.transact_write_items,
        "GetItem": tables.get_item,
        "PutItem": tables.put_item,
        "GetSecretValue": secret,
        "SendMessageBatch": taken,
        "ChangeMessageVisibilityBatch": taken,
        "Metered": tables.metered,
    }


class Aws:
    def __init__(self) -> None:
        self._actions = actions()

    def answer(self, request: Request) -> Answer:
        name = request.headers["x-amz-target"].rpartition(".")[2]
        try:
            action = self._actions.get(name, unknown)
            status, body = HTTPStatus.OK, action(json.loads(request.body))
        except Refused as refused:
            status, body = HTTPStatus.BAD_REQUEST, refused.body
        return Answer(status, json.dumps(body).encode(), "application/x-amz-json-1.0")


if __name__ == "__main__":
    serve(Aws().answer)
