"""A local AWS, one for all tests of a process; each builds what it needs under its own name."""

import pytest

from local import aws, children
from tests.integration.door import Door


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory):
    logs = tmp_path_factory.mktemp("local_aws")
    with children.serving("aws", aws.SERVER, port=0, logs=logs) as server:
        server.wait_until_listening()
        yield aws.Aws(server.url)


@pytest.fixture(scope="session")
def door(local_aws):
    return Door(local_aws)
