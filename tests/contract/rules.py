"""What must hold in a template and no tool looks for. A rule yields what is wrong, or nothing."""

import ast
import json
import re

from hubsync.core.backoff import backoff_seconds
from hubsync.core.limits import (
    BACKOFF_SECONDS_MAX,
    CALL_SECONDS_MAX,
    DELAY_SECONDS_MAX,
    LEASE_MARGIN_SECONDS,
    SEND_SECONDS_LEFT_MIN,
    TRIES_MAX,
)
from hubsync.core.payloads.source import load_sources
from hubsync.core.signatures.keys import read_key
from hubsync.core.signatures.schemes import STANDARD_WEBHOOKS
from hubsync.edge.ledger import WATCHED_INDEX
from hubsync.errors import Misconfigured
from hubsync.settings import IngestSettings, load
from hubsync.writer_settings import ConsumerSettings, WriterSettings
from hubsync_local.aws import bare, generate
from hubsync_local.template.intrinsics import parse
from tests.contract.template_under_test import PROJECT

GATEWAY_SECONDS = 30  # Documented: an HTTP API's integration timeout.
MODELS = {
    "IngestFunction": IngestSettings,
    "ConsumerFunction": ConsumerSettings,
    "SweepFunction": WriterSettings,
    "AuditFunction": WriterSettings,
}
OF_LIBRARIES = frozenset(
    {"POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_LOG_LEVEL", "POWERTOOLS_SERVICE_NAME"}
    | {"PYDANTIC_DISABLE_PLUGINS"}
)
FUNCTION = "AWS::Serverless::Function"
QUEUE = "AWS::SQS::Queue"
TABLE = "AWS::DynamoDB::Table"
SECRET = "AWS::SecretsManager::Secret"
LAYER = "AWS::Serverless::LayerVersion"


# Numbers


def visibility_is_six_times_the_consumers_timeout_and_the_window(t):
    function, trigger = _consumer(t)
    expected = 6 * function.timeout_seconds + trigger.window_seconds
    if _visibility(t) != expected:
        yield f"it is not {expected}"


def the_consumer_reports_which_messages_failed(t):
    if not _consumer(t)[1].reports_failures:
        yield "without ReportBatchItemFailures one open event returns the whole batch"


def a_dead_letter_outlives_the_queue_it_came_from(t):
    # Documented: it keeps the time at which it was first enqueued.
    if _retention(t, "DeadLetterQueue") <= _retention(t, "ChangeQueue"):
        yield "it is deleted before anybody sees it"


def the_consumer_gives_up_before_the_queue_does(t):
    if _max_receives(t) <= TRIES_MAX:
        yield f"maxReceiveCount is not above {TRIES_MAX} tries"


def a_crash_loop_ends_in_the_dead_letter_queue_before_retention_deletes_the_message(t):
    seconds = _max_receives(t) * _visibility(t)
    if seconds >= _retention(t, "ChangeQueue"):
        yield f"it lasts {seconds} s"


def retries_outlast_an_outage_of_48_hours_and_end_before_retention(t):
    shortest = sum(backoff_seconds(tries, luck=1.0) for tries in range(TRIES_MAX))
    longest = sum(backoff_seconds(tries, luck=0.0) for tries in range(TRIES_MAX))
    busy = TRIES_MAX * _consumer(t)[0].timeout_seconds
    if shortest <= 48 * 3600 or BACKOFF_SECONDS_MAX > DELAY_SECONDS_MAX:
        yield "retries end within an outage"
    if longest + busy >= _retention(t, "ChangeQueue"):
        yield "retention ends before retries do"


def an_invocation_has_time_for_a_call_and_more(t):
    for name, function in t.template.functions.items():
        least = 2 * SEND_SECONDS_LEFT_MIN + LEASE_MARGIN_SECONDS
        if name != "IngestFunction" and function.timeout_seconds < least:
            yield f"{name} has less than {least} s"


def ingest_ends_before_the_gateway_stops_waiting(t):
    if t.template.functions["IngestFunction"].timeout_seconds >= GATEWAY_SECONDS:
        yield "the sender hears of a failure where there is none"


def what_is_reserved_is_enough_for_all_consumers_at_once(t):
    for resources in (t.default, t.everything):
        most = _queue_event(resources)["ScalingConfig"]["MaximumConcurrency"]
        reserved = _properties(resources, "ConsumerFunction").get("ReservedConcurrentExecutions")
        if reserved is not None and int(reserved) < int(most):
            yield f"{reserved} are reserved for {most}"


def the_slow_consumer_alarm_is_between_the_last_call_and_the_timeout(t):
    timeout = _consumer(t)[0].timeout_seconds
    longest = timeout - SEND_SECONDS_LEFT_MIN + CALL_SECONDS_MAX
    threshold = int(_properties(t.default, "ConsumerIsSlow")["Threshold"])
    if not longest * 1000 <= threshold < timeout * 1000:
        yield f"{threshold} ms, where a call may end at {longest} s and the timeout is {timeout} s"


# Settings


def every_variable_is_read_and_every_one_read_is_declared(t):
    declared = {name for environment in t.environments.values() for name in environment}
    read = {name for model in MODELS.values() for name in _names(model)}
    yield from sorted(declared - read - OF_LIBRARIES)
    yield from sorted(read - declared)


def every_function_has_the_variables_that_its_settings_ask_for(t):
    if set(t.environments) != set(MODELS):
        yield f"functions are {sorted(t.environments)}"
    for name, environment in t.environments.items():
        for variable in sorted(_names(MODELS[name]) - set(environment)):
            yield f"{name} lacks {variable}"
        try:
            load(MODELS[name], environment)
        except Misconfigured as error:
            yield f"{name}: {error}"


def the_templates_defaults_are_the_settings_own(t):
    environment = t.environments["ConsumerFunction"]
    required = {
        field.alias: environment[field.alias]
        for field in ConsumerSettings.model_fields.values()
        if field.is_required() and field.alias in environment
    }
    try:
        ours, theirs = load(ConsumerSettings, required), load(ConsumerSettings, environment)
    except Misconfigured as error:
        yield str(error)
    else:
        yield from (name for name, value in ours if value != getattr(theirs, name))


def every_function_logs_json_with_the_facts_that_are_searched_for(t):
    logging = t.document["Globals"]["Function"]["LoggingConfig"]
    if (logging["LogFormat"], logging["ApplicationLogLevel"]) != ("JSON", "INFO"):
        yield "filters and queries look at fields of lines of level INFO"
    if not all(each["POWERTOOLS_LOG_LEVEL"] == "INFO" for each in t.environments.values()):
        yield "POWERTOOLS_LOG_LEVEL"


def two_stacks_in_one_account_have_metrics_of_their_own(t):
    yield from (name for name in t.service_names.values() if "${AWS::StackName}" not in name)


# What a function finds, and what it may do


def every_handler_is_a_function_of_its_app(t):
    for function in t.template.functions.values():
        module, _, handler = function.handler.partition(".")
        path = function.code / f"{module}.py"
        tree = ast.parse(path.read_text("utf-8") if path.exists() else "")
        if handler not in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}:
            yield f"{function.name}: {function.handler}"


def every_source_finds_its_secret_and_its_account(t):
    prefix = t.environments["IngestFunction"]["WEBHOOK_SECRETS_PREFIX"]
    secrets = {secret.name for secret in t.template.secrets.values()}
    accounts = json.loads(t.environments["ConsumerFunction"]["HUBSPOT_TOKEN_SECRETS"])
    for name, source in load_sources(PROJECT / "functions" / "ingest" / "sources").items():
        if prefix + source.signature.secret not in secrets:
            yield f"{name}: no secret {prefix}{source.signature.secret}"
        if source.account not in accounts:
            yield f"{name}: no account {source.account}"
    if accounts != {"main": t.template.secrets["HubSpotTokenSecret"].name}:
        yield "the one account's token is not the stack's own secret"


def the_generated_webhook_secret_is_a_valid_one(t):
    try:
        read_key(STANDARD_WEBHOOKS, bare(generate(t.template.secrets["WebhookSecret"].value)))
    except Misconfigured as error:
        yield str(error)


SECRETS = (
    "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}"
    ":secret:${AWS::StackName}/"
)
CHANGES, DEAD_LETTERS = "${ChangeQueue.Arn}", "${DeadLetterQueue.Arn}"
LEDGER = "${StateTable.Arn}"
TOKENS = {
    ("secretsmanager:GetSecretValue", f"{SECRETS}hubspot/*"),
    ("secretsmanager:PutSecretValue", f"{SECRETS}hubspot/*"),  # OAuth renewals
}
ENTRIES = {(f"dynamodb:{name}", LEDGER) for name in ("BatchGetItem", "GetItem", "PutItem")}
# What each function calls, as IAM has it: a transaction of puts is PutItem, a batch its single.
ALLOWED = {
    "IngestFunction": {
        ("sqs:SendMessage", CHANGES),
        ("sqs:SendMessage", DEAD_LETTERS),
        ("secretsmanager:GetSecretValue", f"{SECRETS}webhooks/*"),
    },
    "ConsumerFunction": {
        ("sqs:SendMessage", CHANGES),
        ("sqs:ChangeMessageVisibility", CHANGES),
        ("sqs:SendMessage", DEAD_LETTERS),
        *ENTRIES,
        *TOKENS,
    },
    "SweepFunction": {*ENTRIES, *TOKENS, ("dynamodb:Scan", LEDGER)},
    "AuditFunction": {*ENTRIES, *TOKENS, ("dynamodb:Query", f"{LEDGER}/index/{WATCHED_INDEX}")},
}
# The calls in the code that need them; `get` is Powertools' GetSecretValue.
CALLS = {
    "send_message_batch": "sqs:SendMessage",
    "change_message_visibility_batch": "sqs:ChangeMessageVisibility",
    "batch_get_item": "dynamodb:BatchGetItem",
    "get_item": "dynamodb:GetItem",
    "put_item": "dynamodb:PutItem",
    "transact_write_items": "dynamodb:PutItem",
    "scan": "dynamodb:Scan",
    "query": "dynamodb:Query",
    "get_secret_value": "secretsmanager:GetSecretValue",
    "put_secret_value": "secretsmanager:PutSecretValue",
}


def every_function_may_do_what_it_calls_and_nothing_else(t):
    for name, allowed in ALLOWED.items():
        granted = set(_grants(t.default, name))
        yield from (f"{name} lacks {each}" for each in sorted(allowed - granted))
        yield from (f"{name} needs no {each}" for each in sorted(granted - allowed))


def with_a_key_of_ones_own_every_function_may_use_that_and_nothing_more(t):
    arn = "arn:aws:kms:us-east-1:123456789012:key/ours"
    key_use = {("kms:Decrypt", arn), ("kms:GenerateDataKey", arn)}
    for name, allowed in ALLOWED.items():
        if set(_grants(t.everything, name)) != allowed | key_use:
            yield name


# What is kept


def what_holds_state_survives_the_stack(t):
    for name, resource in t.default.items():
        if resource["Type"] in (QUEUE, TABLE, SECRET):
            policies = (resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy"))
            if policies != ("Retain", "Retain"):
                yield name


def the_ledger_can_be_restored_and_never_forgets(t):
    table = _properties(t.default, "StateTable")
    if table.get("PointInTimeRecoverySpecification") != {"PointInTimeRecoveryEnabled": True}:
        yield "no point-in-time recovery"
    if "TimeToLiveSpecification" in table:
        yield "a deleted item makes an old event look new"


def the_index_of_watched_records_is_as_the_audit_asks_it(t):
    table = _properties(t.default, "StateTable")
    found = [
        [each["KeySchema"], each["Projection"]]
        for each in table.get("GlobalSecondaryIndexes", [])
        if each["IndexName"] == WATCHED_INDEX
    ]
    keys = [
        {"AttributeName": "watching", "KeyType": "HASH"},
        {"AttributeName": "watched_until", "KeyType": "RANGE"},
    ]
    # An id too long for the key stands in `record` alone.
    projection = {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["record"]}
    if found != [[keys, projection]]:
        yield f"{WATCHED_INDEX}: {found}"


def what_may_hold_personal_data_is_encrypted_by_the_key_that_was_chosen(t):
    for name, each in t.of_type(QUEUE).items():
        if each["Properties"].get("SqsManagedSseEnabled") is not True:
            yield name
    if (
        _properties(t.default, "StateTable").get("SSESpecification", {}).get("SSEEnabled")
        is not True
    ):
        yield "StateTable"
    ours = "arn:aws:kms:us-east-1:123456789012:key/ours"
    for name, each in t.everything.items():
        properties = each.get("Properties", {})
        keys = {
            QUEUE: properties.get("KmsMasterKeyId"),
            TABLE: properties.get("SSESpecification", {}).get("KMSMasterKeyId"),
            SECRET: properties.get("KmsKeyId"),
        }
        if keys.get(each["Type"], ours) != ours:
            yield f"{name}, with a key of one's own"


def queues_are_reached_over_tls_alone(t):
    (policy,) = t.of_type("AWS::SQS::QueuePolicy").values()
    queues = {f"${{{name}}}" for name in t.of_type(QUEUE)}
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    insecure = statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
    if (
        set(policy["Properties"]["Queues"]) != queues
        or statement["Effect"] != "Deny"
        or not insecure
    ):
        yield "QueuesOverTls"


def every_function_has_a_log_group_of_its_own_that_forgets(t):
    groups = t.of_type("AWS::Logs::LogGroup")
    yield from (
        name for name, each in groups.items() if "RetentionInDays" not in each["Properties"]
    )
    used = [
        each["Properties"].get("LoggingConfig", {}).get("LogGroup")
        for each in t.of_type(FUNCTION).values()
    ]
    if len(set(used)) < len(used) or not set(used) <= {f"${{{name}}}" for name in groups}:
        yield f"functions log to {used}"


# How a new version takes over


def what_is_deployed_is_published(t):
    """Else the alias goes on with the old code, or with the old environment."""
    for name, each in t.of_type(FUNCTION).items():
        properties = each["Properties"]
        if "AutoPublishAlias" not in properties:
            continue
        if properties.get("AutoPublishAliasAllProperties") is not True:
            yield f"{name}: a change of properties alone is not published"
        if not properties.get("Description", "").endswith("release=development"):
            yield f"{name}: a change of parameters alone is not published"
    for name, each in t.of_type(LAYER).items():
        if each["Properties"].get("PublishLambdaVersion") is not True:
            yield f"{name}: a change of the layer alone is not published"


def a_gradual_deployment_rolls_back_when_its_own_function_fails(t):
    for name, each in t.of_type(FUNCTION, t.everything).items():
        alarms = each["Properties"].get("DeploymentPreference", {}).get("Alarms")
        own = f"${{{name.removesuffix('Function')}Fails}}"
        if alarms is not None and own not in alarms:
            yield name
    for name in ("IngestFunction", "ConsumerFunction"):
        if "AutoPublishAlias" not in _properties(t.default, name):
            yield f"{name} has no alias"


def an_alarm_that_stands_does_not_keep_a_repair_from_being_deployed_at_once(t):
    for name, each in t.of_type(FUNCTION).items():
        if each["Properties"].get("DeploymentPreference", {}).get("Alarms"):
            yield name


def _consumer(t):
    function = t.template.functions["ConsumerFunction"]
    (trigger,) = function.triggers
    assert trigger.queue == "ChangeQueue"
    return function, trigger


def _queue_event(resources):
    """What the consumer's event says of its queue."""
    return _properties(resources, "ConsumerFunction")["Events"]["Changes"]["Properties"]


def _queue(t, name):
    return t.template.queues[name].attributes


def _visibility(t):
    return int(_queue(t, "ChangeQueue").get("VisibilityTimeout", 30))  # Documented: the default.


def _retention(t, name):
    return int(_queue(t, name).get("MessageRetentionPeriod", 4 * 24 * 3600))


def _max_receives(t):
    return int(parse(_queue(t, "ChangeQueue")["RedrivePolicy"])["maxReceiveCount"])


def _properties(resources, name):
    return resources[name]["Properties"]


def _names(model):
    return {field.alias for field in model.model_fields.values()}


def _grants(resources, name):
    """Yield each (action, resource) that the policies of a function allow."""
    for policy in _properties(resources, name)["Policies"]:
        for statement in policy["Statement"]:
            assert statement["Effect"] == "Allow"
            for action in _listed(statement["Action"]):
                for resource in _listed(statement["Resource"]):
                    yield action, resource


def _listed(value):
    return value if isinstance(value, list) else [value]


def calls_in(package):
    """Return the AWS calls that the package's edge makes, by boto3's names."""
    known = re.compile(r"^(send|receive|delete|change|batch|get|put|update|transact|query|scan)_?")
    found = set()
    for path in (package / "edge").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                owner = ast.unparse(node.func.value)
                is_client = re.search(r"(sqs|dynamodb|secretsmanager|wire)$", owner)
                if is_client and known.match(node.func.attr):
                    found.add(node.func.attr)
    return found


RULES = (
    visibility_is_six_times_the_consumers_timeout_and_the_window,
    the_consumer_reports_which_messages_failed,
    a_dead_letter_outlives_the_queue_it_came_from,
    the_consumer_gives_up_before_the_queue_does,
    a_crash_loop_ends_in_the_dead_letter_queue_before_retention_deletes_the_message,
    retries_outlast_an_outage_of_48_hours_and_end_before_retention,
    an_invocation_has_time_for_a_call_and_more,
    ingest_ends_before_the_gateway_stops_waiting,
    what_is_reserved_is_enough_for_all_consumers_at_once,
    the_slow_consumer_alarm_is_between_the_last_call_and_the_timeout,
    every_variable_is_read_and_every_one_read_is_declared,
    every_function_has_the_variables_that_its_settings_ask_for,
    the_templates_defaults_are_the_settings_own,
    every_function_logs_json_with_the_facts_that_are_searched_for,
    two_stacks_in_one_account_have_metrics_of_their_own,
    every_handler_is_a_function_of_its_app,
    every_source_finds_its_secret_and_its_account,
    the_generated_webhook_secret_is_a_valid_one,
    every_function_may_do_what_it_calls_and_nothing_else,
    with_a_key_of_ones_own_every_function_may_use_that_and_nothing_more,
    what_holds_state_survives_the_stack,
    the_ledger_can_be_restored_and_never_forgets,
    the_index_of_watched_records_is_as_the_audit_asks_it,
    what_may_hold_personal_data_is_encrypted_by_the_key_that_was_chosen,
    queues_are_reached_over_tls_alone,
    every_function_has_a_log_group_of_its_own_that_forgets,
    what_is_deployed_is_published,
    a_gradual_deployment_rolls_back_when_its_own_function_fails,
    an_alarm_that_stands_does_not_keep_a_repair_from_being_deployed_at_once,
)
