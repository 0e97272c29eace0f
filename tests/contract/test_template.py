"""template.yaml fits the code: its settings are read, and its numbers relate as the limits do."""

import ast
from pathlib import Path

import pytest

from hubsync.core.backoff import backoff_seconds
from hubsync.core.keys import read_key
from hubsync.core.limits import (
    BACKOFF_SECONDS_MAX,
    DELAY_SECONDS_MAX,
    LEASE_MARGIN_SECONDS,
    SEND_SECONDS_LEFT_MIN,
    TRIES_MAX,
)
from hubsync.core.schemes import STANDARD_WEBHOOKS
from hubsync.core.source import load_sources
from hubsync.settings import ConsumerSettings, IngestSettings, WriterSettings, load
from local.aws import bare, generate
from local.cloudformation import parse
from local.template import read_template

PROJECT = Path(__file__).parents[2]
TEMPLATE = read_template(PROJECT / "template.yaml", aws="http://127.0.0.1:3002")
DOCUMENT = parse((PROJECT / "template.yaml").read_text("utf-8"))
RESOURCES = DOCUMENT["Resources"]
CONSUMER = TEMPLATE.functions["ConsumerFunction"]
INGEST = TEMPLATE.functions["IngestFunction"]
CHANGES = TEMPLATE.queues["ChangeQueue"].attributes
DEAD_LETTERS = TEMPLATE.queues["DeadLetterQueue"].attributes
MODELS = {
    "IngestFunction": IngestSettings,
    "ConsumerFunction": ConsumerSettings,
    "SweepFunction": WriterSettings,
    "AuditFunction": WriterSettings,
}
OF_POWERTOOLS = frozenset(
    {"POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_LOG_LEVEL", "POWERTOOLS_SERVICE_NAME"}
)


def names(model):
    return {field.alias for field in model.model_fields.values()}


def statements(name):
    """What the policies of a function say, as the template has it."""
    for policy in RESOURCES[name]["Properties"]["Policies"]:
        yield from policy["Statement"]


def listed(value):
    return value if isinstance(value, list) else [value]


# Settings


def test_every_function_has_its_model():
    assert set(TEMPLATE.functions) == set(MODELS)


def test_every_variable_is_read_by_the_settings_or_by_powertools():
    declared = {name for function in TEMPLATE.functions.values() for name in function.environment}
    read = {name for model in MODELS.values() for name in names(model)}
    assert declared - read - OF_POWERTOOLS == set()
    assert read - declared == set()


@pytest.mark.parametrize("name", MODELS)
def test_a_functions_variables_are_all_that_its_settings_ask_for(name):
    environment = TEMPLATE.functions[name].environment
    assert names(MODELS[name]) <= set(environment)
    assert load(MODELS[name], environment)


def test_the_templates_defaults_are_the_settings_own():
    required = {name: CONSUMER.environment[name] for name in names(ConsumerSettings)
                if ConsumerSettings.model_fields[field_of(name)].is_required()}  # fmt: skip
    assert load(ConsumerSettings, required) == load(ConsumerSettings, CONSUMER.environment)


def field_of(alias):
    (name,) = (n for n, field in ConsumerSettings.model_fields.items() if field.alias == alias)
    return name


# Numbers


def test_a_message_stays_hidden_six_times_as_long_as_its_invocation_and_the_window():
    (trigger,) = CONSUMER.triggers
    assert trigger.queue == "ChangeQueue"
    visibility = 6 * CONSUMER.timeout_seconds + trigger.window_seconds
    assert int(CHANGES["VisibilityTimeout"]) == visibility


def test_the_consumer_reports_which_messages_failed():
    assert CONSUMER.triggers[0].reports_failures


def test_a_dead_letter_outlives_the_queue_it_came_from():
    # Documented: it keeps the time at which it was first enqueued.
    assert int(DEAD_LETTERS["MessageRetentionPeriod"]) > int(CHANGES["MessageRetentionPeriod"])


def max_receives():
    return int(parse(CHANGES["RedrivePolicy"])["maxReceiveCount"])


def test_the_consumer_gives_up_before_the_queue_does():
    assert max_receives() > TRIES_MAX


def test_a_crash_loop_ends_in_the_dead_letter_queue_before_retention_deletes_the_message():
    seconds = max_receives() * int(CHANGES["VisibilityTimeout"])
    assert seconds < int(CHANGES["MessageRetentionPeriod"])


def test_retries_outlast_an_outage_of_48_hours_and_end_before_retention():
    shortest = sum(backoff_seconds(tries, luck=1.0) for tries in range(TRIES_MAX))
    longest = sum(backoff_seconds(tries, luck=0.0) for tries in range(TRIES_MAX))
    busy = TRIES_MAX * CONSUMER.timeout_seconds
    assert shortest > 48 * 3600
    assert longest + busy < int(CHANGES["MessageRetentionPeriod"])
    assert BACKOFF_SECONDS_MAX <= DELAY_SECONDS_MAX


def test_an_invocation_has_time_for_a_call_and_more():
    writers = [f for name, f in TEMPLATE.functions.items() if name != "IngestFunction"]
    for function in writers:
        assert function.timeout_seconds >= 2 * SEND_SECONDS_LEFT_MIN + LEASE_MARGIN_SECONDS


def test_ingest_ends_before_the_gateway_stops_waiting():
    assert INGEST.timeout_seconds < 30  # Documented: an HTTP API's integration timeout.


# What a function finds, and what it may do


@pytest.mark.parametrize("function", TEMPLATE.functions.values(), ids=lambda f: f.name)
def test_a_handler_is_a_function_of_its_app(function):
    module, _, handler = function.handler.partition(".")
    tree = ast.parse((function.code / f"{module}.py").read_text("utf-8"))
    assert handler in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_source_finds_its_secret_where_it_may_read():
    prefix = load(IngestSettings, INGEST.environment).secrets_prefix
    secrets = {secret.name for secret in TEMPLATE.secrets.values()}
    for source in load_sources(INGEST.code / "sources").values():
        assert prefix + source.signature.secret in secrets
        assert source.account in load(ConsumerSettings, CONSUMER.environment).token_secrets


def test_the_generated_webhook_secret_is_a_valid_one():
    assert read_key(STANDARD_WEBHOOKS, bare(generate(TEMPLATE.secrets["WebhookSecret"].value)))


def test_the_token_secret_of_the_one_account_is_the_stacks_own():
    settings = load(ConsumerSettings, CONSUMER.environment)
    assert settings.token_secrets == {"main": TEMPLATE.secrets["HubSpotTokenSecret"].name}


@pytest.mark.parametrize("name", MODELS)
def test_no_function_may_do_more_than_is_named(name):
    for statement in statements(name):
        assert not any("*" in action for action in listed(statement["Action"]))
        assert "*" not in listed(statement["Resource"])


def test_ingest_may_send_and_read_webhook_secrets_and_nothing_else():
    actions = {
        action
        for statement in statements("IngestFunction")
        for action in listed(statement["Action"])
    }
    assert actions == {"sqs:SendMessage", "secretsmanager:GetSecretValue"}


def test_what_holds_state_survives_the_stack():
    lasting = ("AWS::SQS::Queue", "AWS::DynamoDB::Table", "AWS::SecretsManager::Secret")
    for name, resource in RESOURCES.items():
        if resource["Type"] in lasting:
            policies = (resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy"))
            assert policies == ("Retain", "Retain"), name


def test_the_ledger_can_be_restored_to_any_moment():
    table = RESOURCES["StateTable"]["Properties"]
    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert "TimeToLiveSpecification" not in table  # A deleted item makes an old event look new.
