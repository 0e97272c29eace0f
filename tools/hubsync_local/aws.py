"""A local AWS: moto's server in a process of its own, holding what the template declares."""

import json
import secrets
import string
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import boto3
from botocore.config import Config

from hubsync_local.template.model import REGION, Queue, Secret, Table, Template
from hubsync_local.template.resources import GenerateSecretString

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

SERVER = Path(__file__).with_name("moto_patches.py")
# Nothing local needs credentials, but every client asks for some; never the developer's own.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
CONFIG = Config(
    connect_timeout=5,
    read_timeout=60,
    retries={"total_max_attempts": 1},
    max_pool_connections=32,
    proxies={},  # it is on this machine, whatever the shell says of proxies
)


@dataclass(frozen=True)
class Aws:
    """Clients of the AWS at `endpoint`; its DynamoDB may be another one."""

    endpoint: str
    dynamodb_endpoint: str | None = None

    @cached_property
    def sqs(self) -> "SQSClient":
        return self._session.client("sqs", endpoint_url=self.endpoint, config=CONFIG)

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        return self._session.client(
            "dynamodb", endpoint_url=self.dynamodb_endpoint or self.endpoint, config=CONFIG
        )

    @cached_property
    def secrets(self) -> "SecretsManagerClient":
        return self._session.client("secretsmanager", endpoint_url=self.endpoint, config=CONFIG)

    @cached_property
    def _session(self) -> boto3.Session:
        return boto3.Session(
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            region_name=REGION,
        )

    def build(self, template: Template) -> None:
        """Create the template's queues, tables and secrets with the template's own settings."""
        # A queue may redrive only to one that exists.
        for queue in sorted(
            template.queues.values(), key=lambda q: "RedrivePolicy" in q.attributes
        ):
            self._build_queue(queue)
        for table in template.tables.values():
            self.build_table(table)
        for secret in template.secrets.values():
            self._build_secret(secret)

    def _build_queue(self, queue: Queue) -> None:
        attributes = cast("dict[Any, str]", dict(queue.attributes))  # the stubs want literal names
        url = self.sqs.create_queue(QueueName=queue.name, Attributes=attributes)["QueueUrl"]
        assert url == queue.url, "functions were told another address"

    def build_table(self, table: Table) -> None:
        """Create one table with the template's own settings."""
        definition = cast("dict[str, Any]", dict(table.definition))
        self.dynamodb.create_table(TableName=table.name, **definition)

    def _build_secret(self, secret: Secret) -> None:
        value = secret.value if isinstance(secret.value, str) else generate(secret.value)
        self.secrets.create_secret(Name=secret.name, SecretString=value)

    def count_messages(self, queue: Queue) -> int:
        """Count a queue's messages, be they visible, in flight or delayed."""
        answer = self.sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["All"])
        counts = answer["Attributes"].items()
        return sum(int(n) for name, n in counts if name.startswith("ApproximateNumberOfMessages"))

    def create_secret(self, name: str) -> None:
        """Create a secret that signs: its value is valid base64 of 36 bytes."""
        value = generate(GenerateSecretString(PasswordLength=48, ExcludePunctuation=True))
        self.secrets.create_secret(Name=name, SecretString=value)

    def read_secret(self, name: str) -> str:
        """Return a secret's bare value: the text, or the member `secret` of a JSON object."""
        # Observed with moto 5.2.5: without a stage, an older version may be returned.
        answer = self.secrets.get_secret_value(SecretId=name, VersionStage="AWSCURRENT")
        return bare(answer["SecretString"])


def bare(value: str) -> str:
    """Return what signs, of a secret written as plain text or as `{"secret": ...}`."""
    try:
        parsed = json.loads(value)
    except ValueError:
        return value
    return str(parsed["secret"]) if isinstance(parsed, dict) and "secret" in parsed else value


def generate(how: GenerateSecretString) -> str:
    """Generate a secret as Secrets Manager does."""
    alphabet = string.ascii_letters + string.digits
    if not how.exclude_punctuation:
        alphabet += string.punctuation
    allowed = [letter for letter in alphabet if letter not in how.exclude_characters]
    password = "".join(secrets.choice(allowed) for _ in range(how.password_length))
    if how.generate_string_key is None:
        return password
    return json.dumps(
        {**json.loads(how.secret_string_template or "{}"), how.generate_string_key: password}
    )
