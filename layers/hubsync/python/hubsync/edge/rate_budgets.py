"""The rate budgets in DynamoDB: one item for each account, changed by compare and swap."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from hubsync.core.hubspot.rate_budget import Budget
from hubsync.errors import Unanswered

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TRIES_MAX: Final = 20  # Each loser has seen the winner's budget, so every round lets one through.
_PAUSE_SECONDS_MAX: Final = 0.05


class DynamoBudgets:
    """Budgets as all consumers share them.

    A change is worked out on the budget last seen, and written if that still stands; if not, the
    answer brings the one that does, and the change is worked out anew.
    """

    def __init__(self, dynamodb: "DynamoDBClient", table: str, *, random: Random) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._random = random
        self._seen: dict[str, Budget | None] = {}

    async def update[T](self, account: str, change: Callable[[Budget], tuple[Budget, T]]) -> T:
        for _ in range(TRIES_MAX):
            seen = self._seen.get(account)
            after, answer = change(seen or Budget())
            if after == seen:
                # Nothing to write; but what was seen may be long past.
                after, answer = change(await self._read(account))
                seen = self._seen[account]
                if after == seen:
                    return answer
            if await asyncio.to_thread(self._swap, account, seen, after):
                return answer
            await asyncio.sleep(self._random.uniform(0, _PAUSE_SECONDS_MAX))
        raise Unanswered("the budget is contended")

    async def _read(self, account: str) -> Budget:
        self._seen[account] = await asyncio.to_thread(self._get, account)
        return self._seen[account] or Budget()

    def _get(self, account: str) -> Budget | None:
        try:
            answer = self._dynamodb.get_item(
                TableName=self._table, Key=_key(account), ConsistentRead=True
            )
        except (BotoCoreError, ClientError) as error:
            raise Unanswered("the budget could not be read") from error
        item = answer.get("Item")
        return None if item is None else _budget(item)

    def _swap(self, account: str, seen: Budget | None, after: Budget) -> bool:
        """Write the budget if the one seen still stands; remember the one that does."""
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item=_key(account) | _fields(after),
                **_condition(seen),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException as error:
            item = error.response.get("Item")
            self._seen[account] = _budget(item) if item else None
            return False
        except (BotoCoreError, ClientError) as error:
            raise Unanswered("the budget could not be written") from error
        self._seen[account] = after
        return True


def _key(account: str) -> dict[str, Any]:
    return {"pk": {"S": f"budget#{account}"}}


def _fields(budget: Budget) -> dict[str, Any]:
    return {
        "next_at": {"N": str(budget.next_at)},
        "share": {"N": repr(budget.share)},
        "broken": {"BOOL": budget.broken},
        "paused_until": {"N": str(budget.paused_until)},
    }


def _budget(item: Any) -> Budget:  # noqa: ANN401 - DynamoDB's own shape
    return Budget(
        next_at=int(item["next_at"]["N"]),
        share=float(item["share"]["N"]),
        broken=item["broken"]["BOOL"],
        paused_until=int(item["paused_until"]["N"]),
    )


def _condition(seen: Budget | None) -> dict[str, Any]:
    if seen is None:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    fields = _fields(seen)
    return {
        "ConditionExpression": " AND ".join(f"#{name} = :{name}" for name in fields),
        "ExpressionAttributeNames": {f"#{name}": name for name in fields},  # some are reserved
        "ExpressionAttributeValues": {f":{name}": value for name, value in fields.items()},
    }
