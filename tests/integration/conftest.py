"""A local AWS, one for all tests of a process; each builds what it needs under its own name."""

from pathlib import Path

import pytest

from hubsync_local import aws, dynoxide, processes
from tests.integration.ingest_client import IngestClient


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory):
    logs = tmp_path_factory.mktemp("local_aws")
    with processes.serving("aws", aws.SERVER, port=0, logs=logs) as server:
        server.wait_until_listening()
        yield aws.Aws(server.url)


@pytest.fixture(scope="session")
def dynoxide_url(tmp_path_factory):
    """The address of dynoxide, a second DynamoDB; skips where it is not installed."""
    if not dynoxide.PROGRAM.exists():
        pytest.skip("dynoxide is not installed: `make test` does so where npm has it")
    logs = tmp_path_factory.mktemp("dynoxide")
    with processes.serving("dynoxide", Path(dynoxide.__file__), port=0, logs=logs) as server:
        server.wait_until_listening()
        yield server.url


@pytest.fixture(scope="session")
def aws_with_dynoxide(local_aws, dynoxide_url):
    """The local AWS with dynoxide's DynamoDB in place of moto's."""
    return aws.Aws(local_aws.endpoint, dynamodb_endpoint=dynoxide_url)


@pytest.fixture(scope="session", params=["moto", "dynoxide"])
def either_dynamodb(request):
    """The local AWS, with one DynamoDB and with the other."""
    name = "local_aws" if request.param == "moto" else "aws_with_dynoxide"
    return request.getfixturevalue(name)


@pytest.fixture(scope="session")
def door(local_aws):
    return IngestClient(local_aws)
