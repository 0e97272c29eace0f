"""Deliberate faults of template.yaml, as data, and the rules that must notice each.

What sam validate, cfn-lint and checkov notice of them is measured by `make faults`.
"""

from typing import NamedTuple

NOT_UNDERSTOOD = "the_local_stack_understands_it"


class Fault(NamedTuple):
    what: str
    text: str  # stands in template.yaml exactly once
    replacement: str
    breaks: tuple[str, ...]

    def applied(self, template: str) -> str:
        assert template.count(self.text) == 1, f"{self.what}: {template.count(self.text)} times"
        return template.replace(self.text, self.replacement)


def fault(what: str, text: str, replacement: str, *breaks: str) -> Fault:
    return Fault(what, text, replacement, breaks)


VISIBILITY = "visibility_is_six_times_the_consumers_timeout_and_the_window"
PERMISSIONS = (
    "every_function_may_do_what_it_calls_and_nothing_else",
    "with_a_key_of_ones_own_every_function_may_use_that_and_nothing_more",
)
ALARMED = "every_metric_of_an_alarm_is_emitted_with_its_dimensions"
SHOWN = "every_metric_of_the_dashboard_is_emitted_with_its_dimensions"

FAULTS = (
    # Numbers
    fault("visibility of 60 s", "VisibilityTimeout: 725", "VisibilityTimeout: 60", VISIBILITY),
    fault(
        "visibility of six timeouts without the window",
        "VisibilityTimeout: 725",
        "VisibilityTimeout: 720",
        VISIBILITY,
    ),
    fault(
        "no visibility timeout",
        "      VisibilityTimeout: 725",
        "      DelaySeconds: 0",
        VISIBILITY,
    ),
    fault(
        "a batch of 1,000 without a window",
        "            MaximumBatchingWindowInSeconds: 5\n",
        "",
        NOT_UNDERSTOOD,
    ),
    fault(
        "a misspelt property",
        "BatchSize: 1000",
        "BatchSizes: 1000",
        NOT_UNDERSTOOD,
    ),
    fault(
        "no report of the messages that failed",
        "            FunctionResponseTypes: [ReportBatchItemFailures]\n",
        "",
        "the_consumer_reports_which_messages_failed",
    ),
    fault(
        "dead letters kept for 4 days",
        "MessageRetentionPeriod: 1209600",
        "MessageRetentionPeriod: 345600",
        "a_dead_letter_outlives_the_queue_it_came_from",
    ),
    fault(
        "messages kept for 2 days",
        "MessageRetentionPeriod: 604800",
        "MessageRetentionPeriod: 172800",
        "a_crash_loop_ends_in_the_dead_letter_queue_before_retention_deletes_the_message",
        "retries_outlast_an_outage_of_48_hours_and_end_before_retention",
    ),
    fault(
        "5 receives",
        "maxReceiveCount: 400",
        "maxReceiveCount: 5",
        "the_consumer_gives_up_before_the_queue_does",
    ),
    fault(
        "a consumer that ends after 60 s",
        "      Timeout: 120\n      ReservedConcurrentExecutions",
        "      Timeout: 60\n      ReservedConcurrentExecutions",
        VISIBILITY,
        "an_invocation_has_time_for_a_call_and_more",
        "the_slow_consumer_alarm_is_between_the_last_call_and_the_timeout",
    ),
    fault(
        "an ingest that outlasts the gateway",
        "Timeout: 25",
        "Timeout: 30",
        "ingest_ends_before_the_gateway_stops_waiting",
    ),
    fault(
        "one consumer reserved",
        "ReservedConcurrentExecutions: !If [Reserved, !Ref ConsumerConcurrency, !Ref AWS::NoValue]",
        "ReservedConcurrentExecutions: !If [Reserved, 1, !Ref AWS::NoValue]",
        "what_is_reserved_is_enough_for_all_consumers_at_once",
    ),
    fault(
        "one consumer at once",
        "MaximumConcurrency: !Ref ConsumerConcurrency",
        "MaximumConcurrency: 1",
        NOT_UNDERSTOOD,
    ),
    # Settings
    fault(
        "a variable that nobody reads",
        "        STATE_TABLE: !Ref StateTable\n",
        "        STATE_TABLE: !Ref StateTable\n        TABLE: !Ref StateTable\n",
        "every_variable_is_read_and_every_one_read_is_declared",
    ),
    fault(
        "a variable that is missing",
        "          DEAD_LETTER_QUEUE_URL: !Ref DeadLetterQueue\n      Policies",
        "      Policies",
        "every_function_has_the_variables_that_its_settings_ask_for",
        "the_templates_defaults_are_the_settings_own",
    ),
    fault(
        "another default than the code's",
        "    Default: 600\n",
        "    Default: 60\n",
        "the_templates_defaults_are_the_settings_own",
    ),
    fault(
        "logs without facts",
        "ApplicationLogLevel: INFO",
        "ApplicationLogLevel: WARN",
        "every_function_logs_json_with_the_facts_that_are_searched_for",
    ),
    fault(
        "metrics that two stacks share",
        "POWERTOOLS_SERVICE_NAME: !Sub ${AWS::StackName}-consumer",
        "POWERTOOLS_SERVICE_NAME: consumer",
        "two_stacks_in_one_account_have_metrics_of_their_own",
        ALARMED,
        SHOWN,
    ),
    # What a function finds, and what it may do
    fault(
        "a handler that is not there",
        "    Handler: app.handler",
        "    Handler: app.handle",
        "every_handler_is_a_function_of_its_app",
    ),
    fault(
        "a secret of another name than its source's",
        "${AWS::StackName}/webhooks/changes",
        "${AWS::StackName}/webhooks/change",
        "every_source_finds_its_secret_and_its_account",
    ),
    fault(
        "a webhook secret that is too short",
        "PasswordLength: 48",
        "PasswordLength: 16",
        "the_generated_webhook_secret_is_a_valid_one",
    ),
    fault(
        "an action that nobody needs",
        "Action: [dynamodb:BatchGetItem, dynamodb:GetItem, dynamodb:PutItem, dynamodb:Scan]",
        "Action: [dynamodb:BatchGetItem, dynamodb:GetItem, dynamodb:PutItem, dynamodb:Scan, dynamodb:DeleteItem]",  # noqa: E501 - one line of the template
        *PERMISSIONS,
    ),
    fault(
        "an action that is missing",
        "Action: [sqs:SendMessage, sqs:ChangeMessageVisibility]",
        "Action: sqs:SendMessage",
        *PERMISSIONS,
    ),
    fault(
        "a wildcard",
        "Resource: !Sub ${StateTable.Arn}/index/watched",
        'Resource: "*"',
        *PERMISSIONS,
    ),
    fault(
        "secrets of the whole account",
        "secret:${AWS::StackName}/webhooks/*",
        "secret:*",
        *PERMISSIONS,
    ),
    # What is kept
    fault(
        "a table that goes with the stack",
        "    Type: AWS::DynamoDB::Table\n    DeletionPolicy: Retain\n",
        "    Type: AWS::DynamoDB::Table\n",
        "what_holds_state_survives_the_stack",
    ),
    fault(
        "no point-in-time recovery",
        "PointInTimeRecoveryEnabled: true",
        "PointInTimeRecoveryEnabled: false",
        "the_ledger_can_be_restored_and_never_forgets",
    ),
    fault(
        "an index of another name",
        "IndexName: watched #",
        "IndexName: watching #",
        "the_index_of_watched_records_is_as_the_audit_asks_it",
        ALARMED,
    ),
    fault(
        "an index without the record",
        "NonKeyAttributes: [record]",
        "NonKeyAttributes: [entry]",
        "the_index_of_watched_records_is_as_the_audit_asks_it",
    ),
    fault(
        "a table that ignores the key of one's own",
        "        KMSMasterKeyId: !If [OwnKey, !Ref KmsKeyArn, !Ref AWS::NoValue]\n",
        "",
        "what_may_hold_personal_data_is_encrypted_by_the_key_that_was_chosen",
    ),
    fault(
        "a queue that is reached without TLS",
        "Queues: [!Ref ChangeQueue, !Ref DeadLetterQueue]",
        "Queues: [!Ref DeadLetterQueue]",
        "queues_are_reached_over_tls_alone",
    ),
    fault(
        "a log group for two functions",
        "LogGroup: !Ref AuditLogs",
        "LogGroup: !Ref SweepLogs",
        "every_function_has_a_log_group_of_its_own_that_forgets",
    ),
    fault(
        "a log that is kept for ever",
        "  AuditLogs:\n    Type: AWS::Logs::LogGroup\n    Properties:\n"
        "      RetentionInDays: !Ref LogRetentionDays\n",
        "  AuditLogs:\n    Type: AWS::Logs::LogGroup\n    Properties: {}\n",
        "every_function_has_a_log_group_of_its_own_that_forgets",
    ),
    # How a new version takes over
    fault(
        "a layer whose change is not published",
        "      ContentUri: layers/hubsync/\n"
        "      CompatibleRuntimes: [python3.13]\n"
        "      CompatibleArchitectures: [arm64]\n"
        "      PublishLambdaVersion: true",
        "      ContentUri: layers/hubsync/\n"
        "      CompatibleRuntimes: [python3.13]\n"
        "      CompatibleArchitectures: [arm64]\n"
        "      PublishLambdaVersion: false",
        "what_is_deployed_is_published",
    ),
    fault(
        "parameters whose change is not published",
        "settles each event. release=development",
        "settles each event.",
        "what_is_deployed_is_published",
    ),
    fault(
        "a rollback on another function's alarm",
        "[!Ref ConsumerFails]",
        "[!Ref IngestFails]",
        "a_gradual_deployment_rolls_back_when_its_own_function_fails",
    ),
    fault(
        "a repair that an alarm keeps from being deployed",
        "Alarms: !If [Gradual, [!Ref ConsumerFails], [!Ref AWS::NoValue]]",
        "Alarms: [!Ref ConsumerFails]",
        "an_alarm_that_stands_does_not_keep_a_repair_from_being_deployed_at_once",
    ),
    # Alarms, dashboard, filters
    fault(
        "an alarm on a metric of another API's",
        "MetricName: 5xx,",
        "MetricName: 5XXError,",
        ALARMED,
    ),
    fault(
        "an alarm on a metric that nobody emits",
        "MetricName: WritesLandedLate",
        "MetricName: LateWrites",
        ALARMED,
    ),
    fault(
        "an alarm without dimensions",
        "      MetricName: TokenRefused\n"
        "      Dimensions: [{Name: service, Value: !Sub '${AWS::StackName}-consumer'}]\n",
        "      MetricName: TokenRefused\n      Dimensions: []\n",
        ALARMED,
    ),
    fault(
        "an alarm on a table's system errors as a whole",
        "{Name: Operation, Value: BatchGetItem}",
        "{Name: TableNames, Value: BatchGetItem}",
        ALARMED,
    ),
    fault(
        "an alarm on the queue's URL",
        "MetricName: ApproximateAgeOfOldestMessage\n"
        "      Dimensions: [{Name: QueueName, Value: !GetAtt ChangeQueue.QueueName}]",
        "MetricName: ApproximateAgeOfOldestMessage\n"
        "      Dimensions: [{Name: QueueName, Value: !Ref ChangeQueue}]",
        ALARMED,
    ),
    fault(
        "an expression of a metric that is not there",
        "IF(calls > 20, 100 * throttled / calls, 0)",
        "IF(calls > 20, 100 * throttles / calls, 0)",
        "every_expression_is_of_its_alarms_own_metrics",
    ),
    fault(
        "a dashboard of another stack's metric",
        '["hubsync", "LeaseConflicts", "service", "${AWS::StackName}-consumer"]',
        '["hubsync", "LeaseConflicts", "service", "consumer"]',
        SHOWN,
    ),
    fault(
        "a dashboard without lease conflicts",
        '["hubsync", "LeaseConflicts", "service", "${AWS::StackName}-consumer"]',
        '["hubsync", "EventsRetried", "service", "${AWS::StackName}-consumer"]',
        "the_dashboard_shows_what_an_operator_asks_first",
    ),
    fault(
        "a dashboard without an alarm",
        '"${DeadLettersWait.Arn}", ',
        "",
        "the_dashboard_shows_every_alarm",
    ),
    fault(
        "an alarm that names no runbook",
        "        Runbook: docs/operations.md#deadletterswait\n",
        "",
        "every_alarm_says_what_to_do_and_where_that_is_written",
    ),
    fault(
        "an alarm that nobody hears",
        "      Threshold: 115000\n"
        "      TreatMissingData: notBreaching\n"
        "      AlarmActions: [!Ref AlarmTopic]\n",
        "      Threshold: 115000\n      TreatMissingData: notBreaching\n",
        "every_alarm_tells_somebody_when_it_begins_and_when_it_ends",
    ),
    fault(
        "a sweep whose silence is well",
        "      TreatMissingData: breaching\n"
        "      AlarmActions: [!Ref AlarmTopic]\n"
        "      OKActions: [!Ref AlarmTopic]\n\n"
        "  AuditStandsStill:",
        "      TreatMissingData: notBreaching\n"
        "      AlarmActions: [!Ref AlarmTopic]\n"
        "      OKActions: [!Ref AlarmTopic]\n\n"
        "  AuditStandsStill:",
        "silence_alarms_where_something_must_happen_and_nowhere_else",
    ),
    fault(
        "an alarm that looks back for nine days",
        "      Period: 21600\n",
        "      Period: 777600\n",
        "no_alarm_looks_back_further_than_cloudwatch_does",
    ),
    fault(
        "a sweep twice a day",
        "rate(15 minutes)",
        "rate(12 hours)",
        "a_schedule_runs_within_the_time_after_which_its_alarm_fires",
    ),
    fault(
        "a filter on a line that nobody logs",
        '$.message = "request_not_accepted"',
        '$.message = "request_unaccepted"',
        "every_filter_looks_for_a_line_that_its_function_logs",
    ),
)
