"""boto3's clients, made once: a second client on the same session is ten times cheaper."""

from functools import cache
from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools.utilities.parameters import SecretsProvider
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

# Short timeouts, since the caller waits; boto3 would take 60 s. Even so a call may take 24 s, being
# tried three times, and many follow each other, so what awaits them has an end of its own.
# Parameters are not validated: our types and tests do that, and for a ledger write it cost as much
# as all the rest.
CONFIG = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 3},
    tcp_keepalive=True,
    max_pool_connections=32,
    parameter_validation=False,
)


@cache
def _session() -> boto3.session.Session:
    return boto3.session.Session()


@cache
def sqs() -> "SQSClient":
    return _session().client("sqs", config=CONFIG)


@cache
def dynamodb() -> "DynamoDBClient":
    return _session().client("dynamodb", config=CONFIG)


@cache
def secretsmanager() -> "SecretsManagerClient":
    return _session().client("secretsmanager", config=CONFIG)


@cache
def secrets_provider() -> SecretsProvider:
    return SecretsProvider(boto3_client=secretsmanager())
