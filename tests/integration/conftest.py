"""A local AWS, one for all tests of a process; each builds what it needs under its own name."""

import pytest

from local import aws, children


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory):
    logs = tmp_path_factory.mktemp("local_aws")
    with children.serving("aws", aws.SERVER, port=0, logs=logs) as server:
        server.wait_until_listening()
        yield aws.Aws(server.url)
