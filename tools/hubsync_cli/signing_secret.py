"""Where the command finds the secret that signs: the running local stack, or Secrets Manager."""

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from rich.markup import escape

from hubsync_cli.console import fail
from hubsync_local.aws import bare
from hubsync_local.stack_file import running_stack


def find_secret(source: str, secret_name: str | None) -> str:
    """Return the secret named, else that of the source in the running local stack."""
    return _remote_secret(secret_name) if secret_name else _local_secret(source)


def _remote_secret(name: str) -> str:
    """Read from Secrets Manager, with the operator's own credentials and region."""
    try:
        client = boto3.client("secretsmanager")
        answer = client.get_secret_value(SecretId=name, VersionStage="AWSCURRENT")
    except (BotoCoreError, ClientError) as error:
        fail(f"secret {escape(repr(name))} cannot be read: {escape(str(error))}")
    return bare(answer["SecretString"])


def _local_secret(source: str) -> str:
    ready = running_stack()
    if ready is None:
        fail("no local stack is running: start one with `hubsync local`, or give --secret-name")
    known = ready["sources"]
    if source not in known:
        names = ", ".join(sorted(known))
        fail(f"the local stack has no source {escape(repr(source))}; it has {names}")
    return str(known[source]["secret"])
