"""template.yaml as typed values: what the local stack has to build, and with which settings.

The same file that is deployed is read here, so the two cannot drift. Physical names are given by
this module alone (`<stack>-<logical id>`), and depend on nothing but the template, the stack's name
and the address of the local AWS.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from hubsync_local.template import resources
from hubsync_local.template.intrinsics import Scope, TemplateError, Tree, parse, text
from hubsync_local.template.model import (
    ACCOUNT,
    REGION,
    Function,
    Queue,
    Route,
    Schedule,
    Secret,
    Table,
    Template,
    Trigger,
    arn,
)

# Types that need nothing on one machine: what they guard or show is AWS's own.
IGNORED_TYPES = frozenset(
    {
        "AWS::CloudWatch::Alarm",
        "AWS::CloudWatch::Dashboard",
        "AWS::Logs::LogGroup",
        "AWS::Logs::MetricFilter",
        "AWS::SNS::Subscription",
        "AWS::SNS::Topic",
        "AWS::SQS::QueuePolicy",
        "AWS::Serverless::HttpApi",
    }
)
RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
UNIT_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}


def read_template(
    path: Path,
    *,
    aws: str,
    stack: str = "hubsync",
    parameters: Mapping[str, str] | None = None,
) -> Template:
    """Read the template as it stands for a local AWS at address `aws`; raise TemplateError."""
    return template_of(parse(path.read_text()), path, aws=aws, stack=stack, parameters=parameters)


def template_of(
    document: dict[str, Tree],
    path: Path,
    *,
    aws: str,
    stack: str = "hubsync",
    parameters: Mapping[str, str] | None = None,
) -> Template:
    """Understand a parsed template as if it lay at `path`; raise TemplateError."""
    try:
        return _Reader(path, document, stack, aws, parameters or {}).template()
    except TemplateError as error:
        raise TemplateError(f"{path}: {error}") from error


@dataclass(slots=True)
class _Reader:
    path: Path
    document: dict[str, Tree]
    stack: str
    aws: str
    parameters: Mapping[str, str]
    scope: Scope = field(init=False)

    def template(self) -> Template:
        self.scope = self._own_scope()
        self.scope = self._scope_with_resources()
        return Template(
            path=self.path,
            stack=self.stack,
            functions=self._build("AWS::Serverless::Function", self._function),
            queues=self._build("AWS::SQS::Queue", self._queue),
            tables=self._build("AWS::DynamoDB::Table", self._table),
            secrets=self._build("AWS::SecretsManager::Secret", self._secret),
        )

    def _own_scope(self) -> Scope:
        refs: dict[str, str | None] = {
            "AWS::AccountId": ACCOUNT,
            "AWS::NoValue": None,
            "AWS::Partition": "aws",
            "AWS::Region": REGION,
            "AWS::StackId": arn("cloudformation", f"stack/{self.stack}/local"),
            "AWS::StackName": self.stack,
            "AWS::URLSuffix": "amazonaws.com",
        }
        for name, declared in _section(self.document, "Parameters").items():
            refs[name] = self._parameter(name, _mapping(declared))
        return Scope(refs=refs, conditions=_section(self.document, "Conditions"))

    def _parameter(self, name: str, declared: dict[str, Tree]) -> str:
        if name in self.parameters:
            return self.parameters[name]
        if "Default" not in declared:
            raise TemplateError(f"parameter {name} has no default, and no value was given")
        return text(declared["Default"])

    def _scope_with_resources(self) -> Scope:
        refs, attributes = dict(self.scope.refs), {}
        for name, resource in self._resources():
            reference, own = self._identity(name, resource)
            refs[name] = reference
            attributes.update({(name, attribute): value for attribute, value in own.items()})
        return Scope(refs=refs, attributes=attributes, conditions=self.scope.conditions)

    def _identity(self, name: str, resource: dict[str, Tree]) -> tuple[str, dict[str, str]]:
        """Return what Ref and what GetAtt give for a resource."""
        physical = f"{self.stack}-{name}"
        match resource.get("Type"):
            case "AWS::Serverless::Function":
                return name, {"Arn": arn("lambda", f"function:{name}")}
            case "AWS::SQS::Queue":
                url = f"{self.aws}/{ACCOUNT}/{physical}"
                return url, {"Arn": arn("sqs", physical), "QueueName": physical}
            case "AWS::DynamoDB::Table":
                return physical, {"Arn": arn("dynamodb", f"table/{physical}")}
            case "AWS::SecretsManager::Secret":
                own_name = self.scope.resolve(_mapping(resource["Properties"]).get("Name"))
                return arn("secretsmanager", f"secret:{text(own_name)}"), {}
            case "AWS::Logs::LogGroup":
                return physical, {"Arn": arn("logs", f"log-group:{physical}")}
            case "AWS::Serverless::LayerVersion":
                return name, {}
            case kind if kind in IGNORED_TYPES:
                return physical, {}
            case kind:
                raise TemplateError(
                    f"{name}: resources of type {kind} are not known to the local stack"
                )

    def _resources(self) -> Iterable[tuple[str, dict[str, Tree]]]:
        for name, resource in _section(self.document, "Resources").items():
            condition = _mapping(resource).get("Condition")
            if condition is None or self.scope.holds(text(condition)):
                yield name, _mapping(resource)

    def _build[V](self, kind: str, build: Callable[[str, Tree], V]) -> dict[str, V]:
        built: dict[str, V] = {}
        for name, resource in self._resources():
            if resource["Type"] == kind:
                try:
                    built[name] = build(name, self._properties(kind, resource))
                except (TemplateError, ValidationError) as error:
                    raise TemplateError(_complaint(name, error)) from error
        return built

    def _properties(self, kind: str, resource: dict[str, Tree]) -> Tree:
        own = _mapping(resource.get("Properties", {}))
        if kind == "AWS::Serverless::Function":
            own = _merged(_mapping(_section(self.document, "Globals").get("Function", {})), own)
        ignored = resources.WITHOUT_LOCAL_MEANING[kind]
        return self.scope.resolve({k: v for k, v in own.items() if k not in ignored})

    def _function(self, name: str, properties: Tree) -> Function:
        spoken = resources.FunctionProperties.model_validate(properties)
        variables = spoken.environment.variables
        events = spoken.events.values()
        return Function(
            name=name,
            handler=spoken.handler,
            code=(self.path.parent / spoken.code_uri).resolve(),
            layers=tuple(folder for layer in spoken.layers if (folder := self._layer(layer))),
            environment={key: text(value) for key, value in variables.items()},
            timeout_seconds=spoken.timeout,
            memory_mb=spoken.memory_size,
            log_group=spoken.logging_config.log_group or f"/aws/lambda/{name}",
            log_level=spoken.logging_config.application_log_level,
            routes=tuple(_route(e) for e in events if isinstance(e, resources.HttpApiEvent)),
            triggers=tuple(self._trigger(e) for e in events if isinstance(e, resources.SqsEvent)),
            schedules=tuple(_schedule(e) for e in events if isinstance(e, resources.ScheduleEvent)),
        )

    def _layer(self, name: str) -> Path | None:
        """Return the layer's Python folder; None where it exists only once it is built."""
        layer = _mapping(_section(self.document, "Resources").get(name))
        properties = self._properties("AWS::Serverless::LayerVersion", layer)
        content = resources.LayerProperties.model_validate(properties).content_uri
        folder = (self.path.parent / content / "python").resolve()
        return folder if folder.is_dir() else None

    def _trigger(self, event: resources.SqsEvent) -> Trigger:
        spoken = event.properties
        scaling = spoken.scaling_config
        if spoken.batch_size > 10 and not spoken.maximum_batching_window_in_seconds:  # noqa: PLR2004 - AWS's rule
            raise TemplateError(
                "a BatchSize over 10 needs MaximumBatchingWindowInSeconds of at least 1"
            )
        return Trigger(
            queue=self._queue_id(spoken.queue),
            batch_size=spoken.batch_size,
            window_seconds=spoken.maximum_batching_window_in_seconds,
            # Documented: five batches at once to begin with, where nothing bounds it.
            concurrency_max=scaling.maximum_concurrency if scaling else 5,
            reports_failures="ReportBatchItemFailures" in spoken.function_response_types,
        )

    def _queue_id(self, arn: str) -> str:
        for (name, attribute), value in self.scope.attributes.items():
            if (attribute, value) == ("Arn", arn):
                return name
        raise TemplateError(f"{arn} is no queue of this template")

    def _queue(self, name: str, properties: Tree) -> Queue:
        spoken = resources.QueueProperties.model_validate(properties)
        attributes = {
            key: value if isinstance(value, str) else text(value)
            for key, value in spoken.model_dump(
                by_alias=True, exclude_none=True, exclude={"redrive_policy"}
            ).items()
        }
        if spoken.redrive_policy:
            attributes["RedrivePolicy"] = spoken.redrive_policy.model_dump_json()
        physical = self.scope.attributes[name, "QueueName"]
        return Queue(
            name, physical, f"{self.aws}/{ACCOUNT}/{physical}", arn("sqs", physical), attributes
        )

    def _table(self, name: str, properties: Tree) -> Table:
        spoken = resources.TableProperties.model_validate(properties)
        return Table(
            name, f"{self.stack}-{name}", spoken.model_dump(by_alias=True, exclude_none=True)
        )

    def _secret(self, name: str, properties: Tree) -> Secret:
        spoken = resources.SecretProperties.model_validate(properties)
        value = spoken.generate_secret_string or spoken.secret_string
        if value is None:
            raise TemplateError("has neither SecretString nor GenerateSecretString")
        return Secret(name, spoken.name, value)


def _route(event: resources.HttpApiEvent) -> Route:
    return Route(event.properties.method.upper(), event.properties.path)


def _schedule(event: resources.ScheduleEvent) -> Schedule:
    expression = event.properties.schedule_expression
    if (match := RATE.fullmatch(expression)) is None:
        raise TemplateError(
            f"the schedule {expression!r} is not known to the local stack; use rate(...)"
        )
    return Schedule(int(match[1]) * UNIT_SECONDS[match[2]], event.properties.input)


def _section(document: dict[str, Tree], name: str) -> dict[str, Tree]:
    return _mapping(document.get(name, {}))


def _mapping(tree: Tree) -> dict[str, Tree]:
    if not isinstance(tree, dict):
        raise TemplateError(f"expected a mapping, found {tree!r}")
    return tree


def _merged(general: dict[str, Tree], own: dict[str, Tree]) -> dict[str, Tree]:
    """Merge as SAM does with Globals: mappings by key, lists joined, else the own value."""
    merged = dict(general)
    for key, value in own.items():
        match merged.get(key), value:
            case dict() as below, dict():
                merged[key] = _merged(below, value)
            case list() as below, list():
                merged[key] = [*below, *value]
            case _:
                merged[key] = value
    return merged


def _complaint(name: str, error: TemplateError | ValidationError) -> str:
    if isinstance(error, TemplateError):
        return f"{name}: {error}"
    faults = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
    return f"{name}: the local stack does not understand its properties: {'; '.join(faults)}"
