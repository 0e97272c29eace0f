"""The properties of the resources that the local stack builds, as SAM and CloudFormation name them.

Every model refuses what it does not know: a setting that would be ignored here but not in AWS is an
error. What has no local meaning is listed in `WITHOUT_LOCAL_MEANING`, each for its reason.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_pascal

from hubsync_local.template.intrinsics import Tree

# What a type of resource may say that changes nothing on one machine.
WITHOUT_LOCAL_MEANING: dict[str, frozenset[str]] = {
    "AWS::Serverless::Function": frozenset(
        {
            *("Architectures", "Runtime"),  # this machine's own, in this project's Python
            *("Policies", "Role"),  # moto enforces no policy
            *("Description", "Tags", "Tracing", "SnapStart"),
            *("AutoPublishAlias", "AutoPublishAliasAllProperties", "DeploymentPreference"),
        }
    ),
    "AWS::SQS::Queue": frozenset({"KmsMasterKeyId", "Tags"}),
    "AWS::DynamoDB::Table": frozenset(
        {
            *("PointInTimeRecoverySpecification", "SSESpecification", "Tags"),
            *("DeletionProtectionEnabled", "WarmThroughput"),
            "TimeToLiveSpecification",  # moto never expires an item; AWS may take two days
        }
    ),
    "AWS::SecretsManager::Secret": frozenset({"Description", "KmsKeyId", "Tags"}),
    "AWS::Serverless::LayerVersion": frozenset(
        {
            *("CompatibleArchitectures", "CompatibleRuntimes", "Description", "LayerName"),
            *("LicenseInfo", "PublishLambdaVersion", "RetentionPolicy"),
        }
    ),
}


class Properties(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_pascal)


class Environment(Properties):
    variables: dict[str, str | int | float | bool] = Field(default_factory=dict)


class LoggingConfig(Properties):
    log_format: Literal["Text", "JSON"] = "Text"
    application_log_level: str | None = None
    system_log_level: str | None = None
    log_group: str | None = None


class HttpApiProperties(Properties):
    path: str
    method: str
    api_id: str | None = None
    payload_format_version: Literal["2.0"] = "2.0"


class HttpApiEvent(Properties):
    type: Literal["HttpApi"]
    properties: HttpApiProperties


class ScalingConfig(Properties):
    # Documented: MaximumConcurrency is 2 to 1,000.
    maximum_concurrency: int = Field(ge=2, le=1000)


class SqsProperties(Properties):
    queue: str
    batch_size: int = 10
    maximum_batching_window_in_seconds: int = 0
    scaling_config: ScalingConfig | None = None
    function_response_types: tuple[Literal["ReportBatchItemFailures"], ...] = ()
    metrics_config: Tree = None


class SqsEvent(Properties):
    type: Literal["SQS"]
    properties: SqsProperties


class ScheduleProperties(Properties):
    schedule_expression: str
    description: str | None = None
    input: str = "{}"
    name: str | None = None
    retry_policy: Tree = None


class ScheduleEvent(Properties):
    type: Literal["ScheduleV2"]
    properties: ScheduleProperties


type Event = Annotated[HttpApiEvent | SqsEvent | ScheduleEvent, Field(discriminator="type")]


class FunctionProperties(Properties):
    code_uri: str
    handler: str
    timeout: int = 3
    memory_size: int = 128
    layers: tuple[str, ...] = ()
    environment: Environment = Environment()
    logging_config: LoggingConfig = LoggingConfig()
    events: dict[str, Event] = Field(default_factory=dict)
    reserved_concurrent_executions: int | None = None


class LayerProperties(Properties):
    content_uri: str


class RedrivePolicy(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    deadLetterTargetArn: str  # noqa: N815 - SQS's own spelling
    maxReceiveCount: int  # noqa: N815 - SQS's own spelling


class QueueProperties(Properties):
    """The names are SQS's attribute names too."""

    delay_seconds: int | None = None
    maximum_message_size: int | None = None
    message_retention_period: int | None = None
    receive_message_wait_time_seconds: int | None = None
    redrive_policy: RedrivePolicy | None = None
    sqs_managed_sse_enabled: bool | None = None
    visibility_timeout: int | None = None


class TableProperties(Properties):
    """The names are those of DynamoDB's CreateTable too."""

    attribute_definitions: Tree
    key_schema: Tree
    billing_mode: str = "PROVISIONED"
    provisioned_throughput: Tree = None
    global_secondary_indexes: Tree = None


class GenerateSecretString(Properties):
    secret_string_template: str | None = None
    generate_string_key: str | None = None
    password_length: int = 32
    exclude_punctuation: bool = False
    exclude_characters: str = ""


class SecretProperties(Properties):
    name: str
    secret_string: str | None = None
    generate_secret_string: GenerateSecretString | None = None
