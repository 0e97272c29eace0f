"""DynamoDB's batches with bodies that are made and read here, through botocore all the same.

For each attribute of each item botocore looks up its shape, on the way out and on the way in, and
asks a JMESPath for the names of the tables: a third of the CPU of a call with a hundred items. Its
events let a body be put in the place of its own, and be taken out. Credentials, signatures,
connections, retries and errors stay with botocore, and so does the token by which a transaction
that was sent twice is made once.
"""

from contextlib import suppress
from contextvars import ContextVar
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import from_json

from hubsync.core.compact import compact

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_READ, _WRITE = "dynamodb.BatchGetItem", "dynamodb.TransactWriteItems"
_KEY: Final = {"pk": {"S": "stands for all keys"}}
# What the call that is being made sends; botocore's hooks run within the call.
_members: ContextVar[dict[str, Any] | None] = ContextVar("members", default=None)


class Wire:
    """BatchGetItem and TransactWriteItems, with values as they are in JSON: binary ones as base64.

    Both raise what botocore raises.
    """

    def __init__(self, dynamodb: "DynamoDBClient") -> None:
        self._dynamodb = dynamodb
        events = dynamodb.meta.events
        events.register(f"before-call.{_READ}", _put_in, unique_id="hubsync-read")
        events.register(f"before-call.{_WRITE}", _put_in, unique_id="hubsync-write")
        events.register(f"before-parse.{_READ}", _take_out, unique_id="hubsync-answer")

    def batch_get_item(self, table: str, keys: list[dict[str, Any]]) -> dict[str, Any]:
        """Return the answer as DynamoDB sends it."""
        token = _members.set({"RequestItems": {table: {"Keys": keys}}})
        try:
            answer: Any = self._dynamodb.batch_get_item(RequestItems={table: {"Keys": [_KEY]}})
        finally:
            _members.reset(token)
        return dict(answer)

    def transact_write_items(self, table: str, puts: list[dict[str, Any]]) -> None:
        token = _members.set({"TransactItems": puts})
        try:
            self._dynamodb.transact_write_items(
                TransactItems=[{"Put": {"TableName": table, "Item": _KEY}}]
            )
        finally:
            _members.reset(token)


def _put_in(params: dict[str, Any], **_given: object) -> None:
    """Put our members in the place of those that botocore has made a body of."""
    members = _members.get()
    if members is not None:
        params["body"] = compact(from_json(params["body"]) | members)


def _take_out(
    response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_given: object
) -> None:
    """Read an answer's body, and leave nothing of it to botocore but what is wrong with it."""
    if _members.get() is None or response_dict["status_code"] != HTTPStatus.OK:
        return
    with suppress(ValueError):
        customized_response_dict.update(from_json(response_dict["body"]))
        response_dict["body"] = b"{}"
