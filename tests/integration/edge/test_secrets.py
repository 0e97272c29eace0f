"""Secrets of Secrets Manager in all their forms, and through a rotation."""

import json
import uuid

import boto3
import pytest
from botocore.config import Config

from hubsync.edge.secrets import PREVIOUS, Secrets, access_token, webhook_secrets
from hubsync.errors import Misconfigured
from hubsync_local import processes


class Clock:
    seconds = 1_000.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def secrets(local_aws, clock):
    return Secrets(local_aws.secrets, monotonic=clock)


@pytest.fixture
def secret(local_aws):
    """Makes secrets under names of their own; `put` gives one another value."""

    class Vault:
        def make(self, value):
            self.name = f"tests/{uuid.uuid4()}"
            local_aws.secrets.create_secret(Name=self.name, SecretString=value)
            return self.name

        def put(self, value):
            local_aws.secrets.put_secret_value(SecretId=self.name, SecretString=value)

    return Vault()


@pytest.mark.parametrize(
    "text",
    [
        "pat-na1-x",
        " pat-na1-x\n",
        '{"access_token": "pat-na1-x"}',
        '{"access_token":"pat-na1-x","expires_at":5}',
    ],
)
def test_a_token_is_plain_text_or_a_field_of_json(secrets, secret, text):
    assert access_token(secrets, secret.make(text)) == "pat-na1-x"


@pytest.mark.parametrize(
    "text",
    ["{}", '{"access_token": 5}', '{"access_token": null}', '{"access', "t\u00f6ken", "a\nb", " "],
)
def test_what_holds_no_token_is_the_operators_mistake(secrets, secret, text):
    name = secret.make(text)
    with pytest.raises(Misconfigured, match=name):
        access_token(secrets, name)


@pytest.mark.parametrize("form", ["{}", '{{"secret": "{}"}}'], ids=["plain", "JSON"])
def test_before_a_rotation_one_secret_is_in_force(secrets, secret, form):
    name = secret.make("old" if form == "{}" else json.dumps({"secret": "old"}))
    assert webhook_secrets(secrets, name) == ["old"]


def test_during_a_rotation_both_secrets_are_in_force_the_new_one_first(secrets, secret):
    name = secret.make("old")
    secret.put('{"secret": "new"}')
    assert webhook_secrets(secrets, name) == ["new", "old"]
    assert secrets.get(name, PREVIOUS) == "old"


def test_after_two_rotations_the_old_secret_is_not_in_force(secrets, secret):
    name = secret.make("old")
    secret.put("new")
    secret.put("newer")
    assert webhook_secrets(secrets, name) == ["newer", "new"]


def test_a_token_is_the_current_one_alone(secrets, secret):
    name = secret.make("old")
    secret.put("new")
    assert access_token(secrets, name) == "new"


def test_a_secret_that_is_not_there_is_named(secrets):
    for read in (webhook_secrets, access_token):
        with pytest.raises(Misconfigured, match="tests/nowhere"):
            read(secrets, "tests/nowhere")


def test_a_secret_is_believed_for_five_minutes(secrets, secret, clock):
    name = secret.make("old")
    assert secrets.get(name) == "old"
    secret.put("new")
    clock.seconds += 300
    assert secrets.known(name)
    assert secrets.get(name) == "old"
    clock.seconds += 1
    assert not secrets.known(name)
    assert secrets.get(name) == "new"


def test_whoever_doubts_a_secret_may_ask_again_but_not_twice_in_30_seconds(secrets, secret, clock):
    name = secret.make("old")
    assert secrets.get(name) == "old"
    secret.put("new")
    assert secrets.get(name, fresh=True) == "new"
    secret.put("newer")
    clock.seconds += 30
    assert secrets.get(name, fresh=True) == "new"
    clock.seconds += 1
    assert secrets.get(name, fresh=True) == "newer"
    assert secrets.get(name) == "newer"


def test_that_a_secret_is_not_there_is_remembered_no_longer_than_a_secret(
    secrets, local_aws, clock
):
    name = f"tests/{uuid.uuid4()}"
    assert secrets.get(name) is None
    local_aws.secrets.create_secret(Name=name, SecretString="made")
    assert secrets.get(name) is None
    clock.seconds += 301
    assert secrets.get(name) == "made"


def test_where_nobody_answers_the_secret_is_named():
    client = boto3.client(
        "secretsmanager",
        endpoint_url=f"http://127.0.0.1:{processes.free_port(0)}",
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(retries={"total_max_attempts": 1}),
    )
    secrets = Secrets(client, monotonic=lambda: 0.0)
    with pytest.raises(Misconfigured, match="tests/x cannot be read"):
        secrets.get("tests/x")
