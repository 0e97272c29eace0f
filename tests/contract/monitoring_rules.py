"""What must hold for alarms, dashboard and metric filters. A rule yields what is wrong.

An alarm on a metric that nobody emits, or with dimensions that it does not have, never fires, and
nothing says so.
"""

import ast
import json
import re
from dataclasses import dataclass

from tests.contract.template_under_test import PROJECT

ALARM = "AWS::CloudWatch::Alarm"
NAMESPACE = "hubsync"
DAY_SECONDS, WEEK_SECONDS, HOUR_SECONDS = 86_400, 7 * 86_400, 3600
RUNBOOK = re.compile(r"Runbook: docs/operations\.md#([a-z]+)$")
ALARM_TITLE = re.compile(r"^### ([A-Z][A-Za-z]+)$", re.MULTILINE)
OPERATIONS = (PROJECT / "docs" / "operations.md").read_text("utf-8")


@dataclass(frozen=True)
class Metric:
    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]


# AWS's own metrics, with the dimensions they have (Documented).
SQS = ("ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible",
       "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed")  # fmt: skip
LAMBDA = ("Errors", "Throttles", "Duration", "Invocations", "ConcurrentExecutions")
HTTP_API = ("Count", "4xx", "5xx", "Latency", "IntegrationLatency")
THROTTLES = ("ReadThrottleEvents", "WriteThrottleEvents")
CAPACITY = ("ConsumedWriteCapacityUnits", "ConsumedReadCapacityUnits")
OF_TABLE = (*THROTTLES, *CAPACITY, "TransactionConflict")
OPERATIONS_CALLED = ("BatchGetItem", "GetItem", "PutItem", "Query", "Scan", "TransactWriteItems")


def of_aws(t):
    """Every metric of AWS's own that the stack's resources have."""
    for name, each in t.default.items():
        match each["Type"]:
            case "AWS::SQS::Queue":
                yield from _metrics("AWS/SQS", SQS, QueueName=f"${{{name}.QueueName}}")
            case "AWS::Serverless::Function":
                yield from _metrics("AWS/Lambda", LAMBDA, FunctionName=f"${{{name}}}")
            case "AWS::Serverless::HttpApi":
                yield from _metrics("AWS/ApiGateway", HTTP_API, ApiId=f"${{{name}}}")
            case "AWS::DynamoDB::Table":
                yield from _of_table(f"${{{name}}}", each["Properties"])


def _of_table(table, properties):
    yield from _metrics("AWS/DynamoDB", OF_TABLE, TableName=table)
    for operation in OPERATIONS_CALLED:
        names = ("SystemErrors", "ThrottledRequests", "SuccessfulRequestLatency")
        yield from _metrics("AWS/DynamoDB", names, TableName=table, Operation=operation)
    for index in properties.get("GlobalSecondaryIndexes", []):
        both = {"TableName": table, "GlobalSecondaryIndexName": index["IndexName"]}
        yield from _metrics("AWS/DynamoDB", (*THROTTLES, *CAPACITY), **both)


def _metrics(namespace, names, **dimensions):
    for name in names:
        yield Metric(namespace, name, frozenset(dimensions.items()))


def of_ours(t):
    """Every metric that the functions emit, and that filters make of their logs."""
    for name, service in t.service_names.items():
        yield from _metrics(NAMESPACE, emitted(name), service=service)
    for filtered, function in _filters(t):
        for made in filtered["MetricTransformations"]:
            assert made["Dimensions"] == [{"Key": "service", "Value": "$.service"}]
            service = t.service_names[function]
            yield from _metrics(made["MetricNamespace"], [made["MetricName"]], service=service)


def emitted(function):
    """Return the names of the metrics that a function's app adds, as they stand in its code."""
    tree = _app(function)
    calls = [node for node in ast.walk(tree) if _is_call(node, "add_metric")]
    named = {_text(call.args[0]) for call in calls}
    if None not in named:
        return named
    # A name that is no literal is a key of the table which the app goes through.
    keys = [
        _text(key) for node in ast.walk(tree) if isinstance(node, ast.Dict) for key in node.keys
    ]
    return {
        each
        for each in {*named, *keys}
        if each and re.fullmatch(r"([A-Z][a-z]+)+", each.replace("HubSpot", "Hubspot"))
    }


def _app(function):
    folder = function.removesuffix("Function").lower()
    return ast.parse((PROJECT / "functions" / folder / "app.py").read_text("utf-8"))


def _is_call(node, name):
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == name
    )


def _text(node):
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def alarmed(properties):
    """Yield each metric of an alarm, and the id of a metric query."""
    if "Metrics" not in properties:
        yield "", _metric_of(properties)
    for query in properties.get("Metrics", []):
        if "MetricStat" in query:
            yield query["Id"], _metric_of(query["MetricStat"]["Metric"])


def _metric_of(spoken):
    dimensions = frozenset((each["Name"], each["Value"]) for each in spoken.get("Dimensions", []))
    return Metric(spoken["Namespace"], spoken["MetricName"], dimensions)


def widgets(t):
    return json.loads(t.default["Dashboard"]["Properties"]["DashboardBody"])["widgets"]


def shown(widget):
    for row in widget["properties"].get("metrics", []):
        texts = [each for each in row if isinstance(each, str)]
        pairs = zip(texts[2::2], texts[3::2], strict=True)
        yield Metric(texts[0], texts[1], frozenset(pairs))


def every_metric_of_an_alarm_is_emitted_with_its_dimensions(t):
    known = {*of_aws(t), *of_ours(t)}
    for name, alarm in t.of_type(ALARM).items():
        for _, metric in alarmed(alarm["Properties"]):
            if metric not in known:
                yield f"{name}: {metric}"


def every_metric_of_the_dashboard_is_emitted_with_its_dimensions(t):
    known = {*of_aws(t), *of_ours(t)}
    for widget in widgets(t):
        for metric in shown(widget):
            if metric not in known:
                yield f"{widget['properties']['title']}: {metric}"


def every_expression_is_of_its_alarms_own_metrics(t):
    for name, alarm in t.of_type(ALARM).items():
        queries = alarm["Properties"].get("Metrics", [])
        ids = {id_ for id_, _ in alarmed(alarm["Properties"])} - {""}
        expressions = [each["Expression"] for each in queries if "Expression" in each]
        used = {word for text in expressions for word in re.findall(r"\b[a-z]\w*", text)}
        returned = [each["Id"] for each in queries if each.get("ReturnData", True)]
        if queries and (used != ids or len(returned) != 1):
            yield f"{name}: {expressions} of {sorted(ids)}"


def the_dashboard_shows_what_an_operator_asks_first(t):
    metrics = {metric.name for widget in widgets(t) for metric in shown(widget)}
    asked = {
        *("EventsAccepted", "EventsWritten", "EventsSuperseded", "EventsDeadLettered"),
        *("EventsRetried", "HubSpotCalls", "HubSpotThrottled", "WriteLatency", "LeaseConflicts"),
        *("ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"),
    }
    yield from sorted(asked - metrics)


def the_dashboard_shows_every_alarm(t):
    listed = {arn for widget in widgets(t) for arn in widget["properties"].get("alarms", [])}
    arns = {f"${{{name}.Arn}}" for name in t.of_type(ALARM)}
    yield from sorted(listed ^ arns)


def every_alarm_says_what_to_do_and_where_that_is_written(t):
    titles = set(ALARM_TITLE.findall(OPERATIONS))
    alarms = t.of_type(ALARM)
    yield from (f"no alarm {title}" for title in sorted(titles - set(alarms)))
    yield from (f"no runbook {name}" for name in sorted(set(alarms) - titles))
    for name, alarm in alarms.items():
        found = RUNBOOK.search(alarm["Properties"].get("AlarmDescription", ""))
        if found is None or found[1] != name.lower():
            yield f"{name} does not name its runbook"


def every_alarm_tells_somebody_when_it_begins_and_when_it_ends(t):
    for name, alarm in t.of_type(ALARM).items():
        for actions in ("AlarmActions", "OKActions"):
            if alarm["Properties"].get(actions) != ["${AlarmTopic}"]:
                yield f"{name}: {actions}"


def silence_alarms_where_something_must_happen_and_nowhere_else(t):
    """No data is what a schedule that stands still looks like, and a quiet night for the rest."""
    for name, alarm in t.of_type(ALARM).items():
        properties = alarm["Properties"]
        too_little = properties["ComparisonOperator"].startswith("LessThan")
        if properties.get("TreatMissingData") != ("breaching" if too_little else "notBreaching"):
            yield name


def no_alarm_looks_back_further_than_cloudwatch_does(t):
    for name, alarm in t.of_type(ALARM).items():
        properties = alarm["Properties"]
        stats = [
            each["MetricStat"] for each in properties.get("Metrics", []) if "MetricStat" in each
        ]
        for period in {each["Period"] for each in stats or [properties]}:
            most = WEEK_SECONDS if period >= HOUR_SECONDS else DAY_SECONDS
            if period * properties["EvaluationPeriods"] > most:
                yield name


def a_schedule_runs_within_the_time_after_which_its_alarm_fires(t):
    for name, function in t.template.functions.items():
        for schedule in function.schedules:
            alarm = t.default[f"{name.removesuffix('Function')}StandsStill"]["Properties"]
            (period,) = {e["MetricStat"]["Period"] for e in alarm["Metrics"] if "MetricStat" in e}
            if period * alarm["EvaluationPeriods"] < 2 * schedule.every_seconds:
                yield name


def every_filter_looks_for_a_line_that_its_function_logs(t):
    for properties, function in _filters(t):
        pattern = properties["FilterPattern"]
        (fact,) = re.findall(r'\$\.message = "(\w+)"', pattern)
        fields = set(re.findall(r"\$\.(\w+)", pattern)) - {"message"}
        logged = [
            {keyword.arg for keyword in node.keywords}
            for node in ast.walk(_app(function))
            if isinstance(node, ast.Call) and node.args and _text(node.args[0]) == fact
        ]
        if not logged or not all(fields <= each for each in logged):
            yield f"{fact} with {sorted(fields)}"


def _filters(t):
    """Yield each metric filter, and the function whose log it reads."""
    groups = {
        each["Properties"].get("LoggingConfig", {}).get("LogGroup"): name
        for name, each in t.of_type("AWS::Serverless::Function").items()
    }
    for each in t.of_type("AWS::Logs::MetricFilter").values():
        yield each["Properties"], groups[each["Properties"]["LogGroupName"]]


RULES = (
    every_metric_of_an_alarm_is_emitted_with_its_dimensions,
    every_metric_of_the_dashboard_is_emitted_with_its_dimensions,
    every_expression_is_of_its_alarms_own_metrics,
    the_dashboard_shows_what_an_operator_asks_first,
    the_dashboard_shows_every_alarm,
    every_alarm_says_what_to_do_and_where_that_is_written,
    every_alarm_tells_somebody_when_it_begins_and_when_it_ends,
    silence_alarms_where_something_must_happen_and_nowhere_else,
    no_alarm_looks_back_further_than_cloudwatch_does,
    a_schedule_runs_within_the_time_after_which_its_alarm_fires,
    every_filter_looks_for_a_line_that_its_function_logs,
)
