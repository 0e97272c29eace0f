"""AWS's clients, made once: a second client on the same session is ten times cheaper.

botocore's own, since boto3 adds nothing to them but the time its import takes at a cold start.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, cast

from botocore.config import Config
from botocore.session import Session

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

# Short timeouts, since the caller waits; botocore would take 60 s. Even so a call may take 24 s,
# being tried three times, and many follow each other, so what awaits them has an end of its own.
# Parameters are not validated: our types and tests do that, and for a ledger write it cost as much
# as all the rest. With a name given, botocore does not make its own, which it does twice for a call
# and in a fifth of its time.
CONFIG = Config(
    user_agent="hubsync",
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 3},
    tcp_keepalive=True,
    max_pool_connections=32,
    parameter_validation=False,
)
# `hubsync.edge.sqs` sends again by itself, and ingest must have time left for an answer, so a call
# takes at most 15 s.
SQS_CONFIG = CONFIG.merge(Config(retries={"mode": "standard", "total_max_attempts": 2}))


FAILURES_MAX: Final = 1_000  # Of one invocation; what comes first tells the cause.
_CANCELLED: Final = "TransactionCanceledException"
# Answers that say how things stand, and are no failure of a call. A secret that was never rotated
# has no previous version; a table that is not there is deleted.
_EXPECTED: Final = frozenset(
    {
        ("PutItem", "ConditionalCheckFailedException"),
        ("GetSecretValue", "ResourceNotFoundException"),
    }
)
# What cancels a transaction as it is meant to; any other reason is a failure.
_CONFLICTS: Final = frozenset({"None", "ConditionalCheckFailed", "TransactionConflict"})


class Failures:
    """Calls to AWS that failed, by operation and error code, until somebody takes them.

    Without them a missing right, a disabled key and a deleted table all look alike. Operation and
    code hold no value and no secret. Calls run in threads, and appending to a deque is atomic.
    """

    def __init__(self) -> None:
        self._failed: deque[tuple[str, str]] = deque(maxlen=FAILURES_MAX)

    def watch(self, client: Any) -> None:  # noqa: ANN401 - any client of botocore
        """Count the failures of a client's calls from now on."""
        events = client.meta.events
        events.register("after-call", self._answered, unique_id="hubsync-failures")
        events.register("after-call-error", self._raised, unique_id="hubsync-errors")

    def take(self) -> Mapping[tuple[str, str], int]:
        """Return what was counted, and begin anew."""
        return Counter(self._failed.popleft() for _ in range(len(self._failed)))

    def _answered(self, http_response: Any, parsed: Any, model: Any, **_given: object) -> None:  # noqa: ANN401
        self.answered(http_response.status_code, model.name, parsed)

    def answered(self, status: int, operation: str, parsed: object) -> None:
        """Count what an answer says of failures: of the call, or of entries within it."""
        said = parsed if isinstance(parsed, Mapping) else {}
        if status >= HTTPStatus.MULTIPLE_CHOICES:
            self._count_error(operation, _code(said), said.get("CancellationReasons") or ())
        for entry in said.get("Failed", ()):
            self._count(operation, str(entry.get("Code")))

    def _count_error(self, operation: str, code: str, reasons: Iterable[Any]) -> None:
        codes = {str(reason.get("Code")) for reason in reasons} if code == _CANCELLED else {code}
        for each in codes - _CONFLICTS:
            self._count(operation, each)

    def _raised(self, exception: Exception, event_name: str = "", **_given: object) -> None:
        self._count(event_name.rpartition(".")[2], type(exception).__name__)

    def _count(self, operation: str, code: str) -> None:
        if (operation, code) not in _EXPECTED:
            self._failed.append((operation, code))


def _code(parsed: object) -> str:
    error = parsed.get("Error") if isinstance(parsed, Mapping) else None
    return str(error.get("Code") or "Unknown") if isinstance(error, Mapping) else "Unknown"


FAILURES: Final = Failures()


def log_failures(warn: Callable[..., None]) -> None:
    """Log each cause of this invocation once: what failed, with which code, how often."""
    for (operation, code), count in FAILURES.take().items():
        warn("aws_call_failed", operation=operation, error_code=code, count=count)


@cache
def sqs() -> "SQSClient":
    return cast("SQSClient", _client("sqs", SQS_CONFIG))


@cache
def dynamodb() -> "DynamoDBClient":
    return cast("DynamoDBClient", _client("dynamodb"))


@cache
def secretsmanager() -> "SecretsManagerClient":
    return cast("SecretsManagerClient", _client("secretsmanager"))


def _client(service: str, config: Config = CONFIG) -> Any:  # noqa: ANN401 - botocore makes its clients at run time
    client = _session().create_client(service, config=config)
    FAILURES.watch(client)
    return client


@cache
def _session() -> Session:
    return Session()
