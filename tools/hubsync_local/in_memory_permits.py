"""Permits without a budget, and a budget in memory: stand-ins for tests and simulations."""

from collections.abc import Callable

from hubsync.core.budget import Budget
from hubsync.core.reply import Found, Reply, Usage
from hubsync.ports import NoPermit


class Unlimited:
    """Permits for an account without a limit."""

    async def take(self, *, seconds: float, urgent: bool = False) -> NoPermit | None:  # noqa: ARG002
        return None

    async def heard(self, reply: Reply | Found, *, in_doubt: bool = False) -> None: ...

    def note(self, usage: Usage) -> None: ...


def unlimited(_account: str) -> Unlimited:
    return Unlimited()


class MemoryBudgets:
    """The budgets of all accounts in memory: the twin of those in DynamoDB."""

    def __init__(self) -> None:
        self.budgets: dict[str, Budget] = {}

    async def update[T](self, account: str, change: Callable[[Budget], tuple[Budget, T]]) -> T:
        self.budgets[account], answer = change(self.of(account))
        return answer

    def of(self, account: str) -> Budget:
        return self.budgets.get(account, Budget())
