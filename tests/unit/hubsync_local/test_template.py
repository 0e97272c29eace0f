"""The template as the local stack understands it."""

import textwrap
from pathlib import Path

import pytest

from hubsync_local.template.intrinsics import Scope, TemplateError, parse
from hubsync_local.template.model import Route, Schedule, Trigger
from hubsync_local.template.reader import read_template
from hubsync_local.template.resources import GenerateSecretString

AWS = "http://127.0.0.1:3002"
SCOPE = Scope(
    refs={"Stage": "dev", "AWS::NoValue": None, "AWS::StackName": "hubsync"},
    attributes={("Queue", "Arn"): "arn:aws:sqs:us-east-1:123456789012:hubsync-Queue"},
    conditions=parse("IsDev: !Equals [!Ref Stage, dev]"),
)
FUNCTION = """
Resources:
  Echo:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: echo/, Handler: app.handler}
"""


def a_template(folder: Path, document: str) -> Path:
    path = folder / "template.yaml"
    path.write_text(textwrap.dedent(document))
    return path


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("!Ref Stage", "dev"),
        ("!GetAtt Queue.Arn", "arn:aws:sqs:us-east-1:123456789012:hubsync-Queue"),
        ("!Sub '${AWS::StackName}/${Stage}'", "hubsync/dev"),
        (
            "!Sub '${!Stage}-${Queue.Arn}'",
            "${Stage}-arn:aws:sqs:us-east-1:123456789012:hubsync-Queue",
        ),
        ("!Sub ['${name}-${Stage}', {name: !Ref Stage}]", "dev-dev"),
        ("!If [IsDev, small, large]", "small"),
        ("!Join ['-', [a, !Ref Stage, 1, true]]", "a-dev-1-true"),
        ("!Equals [1, '1']", True),
        ("!Not [!Equals [!Ref Stage, dev]]", False),
        ("{kept: 1, dropped: !Ref AWS::NoValue}", {"kept": 1}),
        ("[1, !If [IsDev, !Ref AWS::NoValue, 2], 3]", [1, 3]),
    ],
)
def test_an_expression_has_the_value_that_cloudformation_gives_it(expression, value):
    assert SCOPE.resolve(parse(f"tree: {expression}")) == {"tree": value}


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("!Ref Nobody", "Ref 'Nobody'"),
        ("!GetAtt Queue.Colour", "GetAtt Queue.Colour"),
        ("!Select [0, [a]]", "Fn::Select"),
        ("!If [IsNowhere, a, b]", "condition 'IsNowhere'"),
    ],
)
def test_an_expression_that_is_not_known_is_named(expression, complaint):
    with pytest.raises(TemplateError, match=complaint):
        SCOPE.resolve(parse(f"tree: {expression}"))


def test_globals_are_merged_as_sam_merges_them(tmp_path):
    (tmp_path / "shared" / "python").mkdir(parents=True)
    path = a_template(
        tmp_path,
        """
        Globals:
          Function:
            Timeout: 10
            Layers: [!Ref Built, !Ref Shared]
            Environment: {Variables: {BOTH: 1, OURS: global}}
        Resources:
          Built: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: built/}}
          Shared: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: shared/}}
          Echo:
            Type: AWS::Serverless::Function
            Properties:
              CodeUri: echo/
              Handler: app.handler
              MemorySize: 512
              Environment: {Variables: {OURS: own, FLAG: true}}
        """,
    )
    echo = read_template(path, aws=AWS).functions["Echo"]
    assert (echo.timeout_seconds, echo.memory_mb) == (10, 512)
    assert echo.environment == {"BOTH": "1", "OURS": "own", "FLAG": "true"}
    assert echo.layers == (tmp_path / "shared" / "python",)
    assert echo.code == tmp_path / "echo"


def test_triggers_and_schedules_belong_to_their_function(tmp_path):
    path = a_template(
        tmp_path,
        """
        Resources:
          Jobs: {Type: AWS::SQS::Queue}
          Echo:
            Type: AWS::Serverless::Function
            Properties:
              CodeUri: echo/
              Handler: app.handler
              Events:
                Http: {Type: HttpApi, Properties: {Path: "/a/{b}", Method: post}}
                Hourly: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(2 hours)}}
                Jobs:
                  Type: SQS
                  Properties:
                    Queue: !GetAtt Jobs.Arn
                    BatchSize: 100
                    MaximumBatchingWindowInSeconds: 3
                    ScalingConfig: {MaximumConcurrency: 2}
                    FunctionResponseTypes: [ReportBatchItemFailures]
        """,
    )
    echo = read_template(path, aws=AWS).functions["Echo"]
    assert echo.routes == (Route("POST", "/a/{b}"),)
    assert echo.schedules == (Schedule(7200, "{}"),)
    assert echo.triggers == (Trigger("Jobs", 100, 3, 2, reports_failures=True),)


def test_a_resource_whose_condition_fails_is_not_there(tmp_path):
    path = a_template(
        tmp_path,
        """
        Parameters: {Wanted: {Type: String, Default: "no"}}
        Conditions: {IsWanted: !Equals [!Ref Wanted, "yes"]}
        Resources:
          Jobs: {Type: AWS::SQS::Queue, Condition: IsWanted}
        """,
    )
    assert read_template(path, aws=AWS).queues == {}
    assert list(read_template(path, aws=AWS, parameters={"Wanted": "yes"}).queues) == ["Jobs"]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (
            "    Typo: {Type: AWS::SQS::Queue, Properties: {VisibiltyTimeout: 3}}",
            "Typo: .*VisibiltyTimeout",
        ),
        ("    Pool: {Type: AWS::Cognito::UserPool}", "Pool: .*AWS::Cognito::UserPool"),
        (
            "    Key: {Type: AWS::SecretsManager::Secret, Properties: {Name: n}}",
            "Key: .*SecretString",
        ),
    ],
    ids=["a misspelt property", "an unknown type", "a secret without value"],
)
def test_what_the_local_stack_does_not_understand_is_named(tmp_path, line, complaint):
    with pytest.raises(TemplateError, match=complaint):
        read_template(a_template(tmp_path, f"Resources:\n{line}\n"), aws=AWS)


def test_a_large_batch_without_a_window_is_refused_as_aws_refuses_it(tmp_path):
    events = "{Jobs: {Type: SQS, Properties: {Queue: !GetAtt Jobs.Arn, BatchSize: 11}}}"
    document = (
        f"{FUNCTION.replace('}', f', Events: {events}}}')}  Jobs: {{Type: AWS::SQS::Queue}}\n"
    )
    with pytest.raises(TemplateError, match="BatchSize over 10"):
        read_template(a_template(tmp_path, document), aws=AWS)


def test_the_projects_own_template_is_understood():
    template = read_template(Path(__file__).parents[3] / "template.yaml", aws=AWS)
    assert template.functions["IngestFunction"].routes == (Route("ANY", "/webhooks/{source}"),)
    assert template.functions["ConsumerFunction"].triggers == (
        Trigger("ChangeQueue", 1000, 5, 5, reports_failures=True),
    )
    change_queue = template.queues["ChangeQueue"]
    assert change_queue.url == f"{AWS}/123456789012/hubsync-ChangeQueue"
    assert change_queue.attributes["VisibilityTimeout"] == "725"
    assert template.tables["StateTable"].name == "hubsync-StateTable"
    assert template.secrets["HubSpotTokenSecret"].name == "hubsync/hubspot/main"
    assert template.secrets["WebhookSecret"].value == GenerateSecretString(
        SecretStringTemplate="{}",
        GenerateStringKey="secret",
        ExcludePunctuation=True,
        PasswordLength=48,
    )
