"""A local AWS, one for all tests of a process; each builds what it needs under its own name."""

import pytest

from local import aws, children


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory):
    log = tmp_path_factory.mktemp("local_aws") / "aws.log"
    port = children.free_port(0)
    server = aws.start(port, log=log)
    try:
        children.wait_for_port(server, port, name="local AWS", log=log)
        yield aws.Aws(f"http://127.0.0.1:{port}")
    finally:
        children.stop(server)
