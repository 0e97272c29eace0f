"""AWS's clients, made once: a second client on the same session is ten times cheaper.

botocore's own, since boto3 adds nothing to them but the time its import takes at a cold start.
"""

from functools import cache
from typing import TYPE_CHECKING, cast

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


@cache
def sqs() -> "SQSClient":
    return cast("SQSClient", _client("sqs"))


@cache
def dynamodb() -> "DynamoDBClient":
    return cast("DynamoDBClient", _client("dynamodb"))


@cache
def secretsmanager() -> "SecretsManagerClient":
    return cast("SecretsManagerClient", _client("secretsmanager"))


def _client(service: str) -> object:
    return _session().create_client(service, config=CONFIG)


@cache
def _session() -> Session:
    return Session()
