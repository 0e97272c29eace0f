"""The ingest function in a process of its own, with a source for each scheme."""

import base64
import shutil
import socket
import time
import uuid
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from hubsync_local.lambda_runtime import Runtime, lambda_environment
from hubsync_local.template.reader import read_template
from tests.signed_requests import HMACS, NAMED, Sent, forged, genuine, secrets_of, signed_bytes

PROJECT = Path(__file__).parents[2]
SEED = 20_261_121
FORGERIES = 2_000
HOST = "https://hooks.example.com"
# Nothing to enqueue, so that it is signatures that are tested here, and not SQS.
BODY = b"[" + b" " * 40 + b"]"
# An unsigned request may cost 5 ms of CPU.
CPU_SECONDS_MAX = 0.005
MEASURED = """
import time
from app import handler as answer

def handler(event, context):
    begun = time.process_time()
    answered = answer(event, context)
    return {"cpu": time.process_time() - begun, "status": answered["statusCode"],
            "body": answered["body"]}
"""


def file_name(name):
    return name.replace(" ", "-")


def declared(name):
    """Write a source's file."""
    lines = ['account = "main"', "[signature]", f'secret = "webhooks/{file_name(name)}"']
    if name not in HMACS:
        scheme = name.removesuffix(" v1a").removesuffix(" of svix")
        return "\n".join([*lines, f'scheme = "{scheme}"'])
    scheme = HMACS[name]
    said = {
        "scheme": "hmac",
        "header": scheme.header,
        "algorithm": scheme.algorithm,
        "encoding": scheme.encoding,
        "secret_encoding": scheme.secret_encoding,
        "signed": scheme.signed,
        "timestamp_header": scheme.timestamp_header,
        "timestamp_unit": scheme.timestamp_unit if "{timestamp}" in scheme.signed else "",
        "id_header": scheme.id_header,
    }
    if scheme.timestamp_item:
        said |= {"item": scheme.prefix.rstrip("="), "timestamp_item": scheme.timestamp_item[:-1]}
    else:
        said["prefix"] = scheme.prefix
    return "\n".join([*lines, *(f'{option} = "{text}"' for option, text in said.items() if text)])


@pytest.fixture(scope="module")
def code(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ingest")
    shutil.copy(PROJECT / "functions" / "ingest" / "app.py", folder)
    (folder / "measured.py").write_text(MEASURED)
    (folder / "sources").mkdir()
    for name in NAMED:
        (folder / "sources" / f"{file_name(name)}.toml").write_text(declared(name))
    return folder


@contextmanager
def running(code, aws_url, *, prefix="none/"):
    """Run the function against an AWS, as the template has it."""
    function = read_template(PROJECT / "template.yaml", aws=aws_url).functions["IngestFunction"]
    function = replace(function, code=code, handler="measured.handler")
    ours = {"WEBHOOK_SECRETS_PREFIX": prefix}
    environment = {**function.environment, **lambda_environment(function, aws=aws_url), **ours}
    runtime = Runtime(function, environment, log=code / "function.log")
    try:
        yield lambda name, sent: runtime.invoke(event_of(name, sent)).value
    finally:
        runtime.close()


class Upstream:
    """Upstream systems with secrets of their own."""

    def __init__(self, aws):
        self._aws = aws
        self.prefix = f"{uuid.uuid4()}/"

    def create(self, name, secret):
        secret_name = f"{self.prefix}webhooks/{file_name(name)}"
        self._aws.secrets.create_secret(Name=secret_name, SecretString=secret)

    def put(self, name, secret):
        secret_name = f"{self.prefix}webhooks/{file_name(name)}"
        self._aws.secrets.put_secret_value(SecretId=secret_name, SecretString=secret)


@pytest.fixture
def upstream(local_aws):
    return Upstream(local_aws)


@pytest.fixture(scope="module")
def post(local_aws, code):
    """Posts to a function whose every source has its secret."""
    upstream = Upstream(local_aws)
    for name in NAMED:
        upstream.create(name, secrets_of(name)[0])
    with running(code, local_aws.endpoint, prefix=upstream.prefix) as post:
        yield post


def url_of(name, query="a=%3A&b=%28c%29"):
    return f"{HOST}/webhooks/{file_name(name)}?{query}"


def event_of(name, sent):
    return {
        "version": "2.0",
        "rawPath": f"/webhooks/{file_name(name)}",
        "rawQueryString": sent.url.partition("?")[2],
        "pathParameters": {"source": file_name(name)},
        "headers": {"content-type": "application/json"} | sent.headers,
        "requestContext": {
            "domainName": HOST.removeprefix("https://"),
            "http": {"method": "POST", "path": f"/webhooks/{file_name(name)}"},
            "requestId": "r-1",
            "stage": "$default",
        },
        "body": base64.b64encode(sent.body).decode(),
        "isBase64Encoded": True,
    }


def a_request(name, *, body=BODY, second=None, secret=None):
    second = int(time.time()) if second is None else second
    return genuine(name, body, second=second, url=url_of(name), secret=secret)


def test_of_2_000_forgeries_none_is_accepted_whose_signed_bytes_differ(post):
    random = Random(SEED)
    told = Counter()
    for number in range(FORGERIES):
        name = random.choice(list(NAMED))
        original = a_request(name)
        sent = forged(random, original)
        if not sent.url.startswith(url_of(name, "")):
            sent = replace(sent, url=original.url)  # API Gateway routes by host and path.
        same = signed_bytes(name, sent) == signed_bytes(name, original)
        status = post(name, sent)["status"]
        # HubSpot puts nothing between url and body: what moves over leaves no JSON behind.
        accepted = status in {202, 400} if name == "hubspot-v3" else status == 202
        assert (same and accepted) or status == 401, (SEED, number, name, sent, status)
        told[same, status] += 1
    assert min(told[False, 401], told[True, 401], told[True, 202]) > 100, told


def test_every_reason_to_refuse_a_signature_gets_the_same_answer(post):
    now = int(time.time())
    signed = a_request("slack")
    refused = [
        replace(signed, headers={}),
        replace(signed, body=signed.body + b" "),
        a_request("slack", second=now - 1_000),
        a_request("slack", second=now + 1_000),
        a_request("slack", secret="another"),
    ]
    answers = [post("slack", sent) for sent in refused]
    assert {(answer["status"], answer["body"]) for answer in answers} == {(401, answers[0]["body"])}


@pytest.fixture
def nobody():
    """An address where AWS is not; `calls` tells whether somebody called nevertheless."""

    class Nobody:
        def __init__(self, listener):
            self._listener = listener
            self.url = "http://{}:{}".format(*listener.getsockname())

        def was_called(self):
            try:
                self._listener.accept()
            except BlockingIOError:
                return False
            return True

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        yield Nobody(listener)


def test_an_unsigned_request_costs_no_call_and_little_cpu(code, nobody):
    with running(code, nobody.url) as post:
        for name in NAMED:
            signed, header = a_request(name), NAMED[name].header
            unsigned = [
                Sent({}, BODY.ljust(1_000_000), signed.url),
                replace(signed, headers=signed.headers | {header: ""}),
                replace(signed, headers=signed.headers | {header: "v1,AAAA t=1,v1=" * 200}),
            ]
            if NAMED[name].timestamp_header:
                unsigned.append(a_request(name, second=10**9))
            for sent in unsigned:
                answers = [post(name, sent) for _ in range(3)]
                assert {answer["status"] for answer in answers} == {401}
                assert min(answer["cpu"] for answer in answers) < CPU_SECONDS_MAX
    assert not nobody.was_called()


def test_without_a_secret_nobody_gets_in_and_senders_are_asked_to_wait(local_aws, code, upstream):
    upstream.create("slack", " \n")
    upstream.create("shopify", '{"secret": ""}')
    upstream.create("hubspot-v3", '{"other": "x"}')
    with running(code, local_aws.endpoint, prefix=upstream.prefix) as post:
        for name in ("github", "slack", "shopify", "hubspot-v3"):
            assert post(name, a_request(name))["status"] == 503


def test_during_a_rotation_the_current_and_the_previous_secret_are_accepted(
    local_aws, code, upstream
):
    _, private = secrets_of("standard-webhooks v1a")
    public, _ = secrets_of("standard-webhooks v1a")
    first, third = (base64.b64encode(bytes([n] * 32)).decode() for n in (1, 3))
    # The second one is of another kind, where the scheme knows one.
    other = base64.b64encode(bytes([2] * 32)).decode()
    seconds = {
        "standard-webhooks": (public, private),
        "standard-webhooks of svix": (other, other),
        "hmac in a list": (other, other),
    }

    def statuses(post, name, secrets):
        return [post(name, a_request(name, secret=secret))["status"] for secret in secrets]

    names = [name for name in NAMED if not name.endswith("v1a")]
    told = {}
    with running(code, local_aws.endpoint, prefix=upstream.prefix) as post:
        for name in names:
            stored, second = seconds.get(name, ("a second secret", "a second secret"))
            upstream.create(name, first)
            before = statuses(post, name, [first])
            upstream.put(name, stored)
            told[name] = (before, statuses(post, name, [second, first]))
    with running(code, local_aws.endpoint, prefix=upstream.prefix) as post:
        for name in names:
            _, second = seconds.get(name, ("", "a second secret"))
            upstream.put(name, third)
            told[name] += (statuses(post, name, [third, second, first]),)
    assert told == dict.fromkeys(names, ([202], [202, 202], [202, 202, 401]))
