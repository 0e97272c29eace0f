"""What came of the demo's story: gathered from the stack, and compared with what had to come."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hubsync_local.demo.scenario import UNIQUE, Held, Scenario
from hubsync_local.stack import Stack
from hubsync_local.stack_client import Visitor

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

RECORDS_MAX = 5000
FATES = ("EventsWritten", "EventsSuperseded", "EventsDeadLettered")


@dataclass(frozen=True, slots=True)
class DeadLetter:
    event_id: str
    record: str
    properties: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Call:
    """One call that HubSpot got."""

    path: str
    inputs: int
    status: int


@dataclass(frozen=True, slots=True)
class Findings:
    """`metrics` count deliveries, so repeated events count again."""

    story: Scenario
    answers: Counter[int]
    metrics: Mapping[str, int]
    calls: Sequence[Call]
    dead_letters: Sequence[DeadLetter]
    records: Mapping[tuple[str, str], Held]

    @property
    def settled(self) -> int:
        return sum(self.metrics[fate] for fate in FATES)

    def problems(self) -> Iterator[str]:
        """Name everything that is not as it had to be."""
        yield from self._wrong_records()
        refused = {d.event_id: frozenset(d.properties.split(",")) for d in self.dead_letters}
        if refused != self.story.refused:
            yield f"refused should be {dict(self.story.refused)}, but is {refused}"
        accepted, sent = self.metrics["EventsAccepted"], len(list(self.story.events()))
        if not accepted == sent == self.settled:
            yield f"{sent} events sent, {accepted} accepted, {self.settled} settled: not the same"

    def _wrong_records(self) -> Iterator[str]:
        truth = self.story.truth()
        for key in sorted(truth.keys() | self.records.keys()):
            should, does = truth.get(key), self.records.get(key)
            if should != does:
                yield f"{'/'.join(key)} should hold {should}, but holds {does}"


def gather(stack: Stack, visitor: Visitor, story: Scenario, answers: Counter[int]) -> Findings:
    calls = visitor.look("calls")["calls"]
    return Findings(
        story=story,
        answers=answers,
        metrics=_metrics(stack),
        calls=[Call(call["path"], call["inputs"], call["status"]) for call in calls],
        dead_letters=list(_dead_letters(stack)),
        records=dict(_records(visitor, story)),
    )


def _metrics(stack: Stack) -> Counter[str]:
    """Sum up the metrics that the functions logged, as CloudWatch does."""
    total: Counter[str] = Counter()
    for log in stack.log_files():
        for line in log.read_text().splitlines():
            if line.startswith('{"_aws"'):
                total.update(_metric_values(json.loads(line)))
    return total


def _metric_values(logged: Mapping[str, Any]) -> dict[str, int]:
    [declared] = logged["_aws"]["CloudWatchMetrics"]
    counts = [metric["Name"] for metric in declared["Metrics"] if metric["Unit"] == "Count"]
    return {name: int(sum(logged[name])) for name in counts}


def _dead_letters(stack: Stack) -> Iterator[DeadLetter]:
    url = stack.ready["queues"]["dead_letter"]
    while True:
        answer = stack.aws.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        if not (messages := answer.get("Messages")):
            return
        yield from map(_dead_letter, messages)


def _dead_letter(message: "MessageTypeDef") -> DeadLetter:
    [event] = json.loads(message["Body"])["events"]
    attributes = message["MessageAttributes"]

    def text(name: str) -> str:
        return attributes[name]["StringValue"] if name in attributes else ""

    return DeadLetter(
        event_id=event["eventId"],
        record=f"{event['objectType']}/{event['id']}",
        properties=text("refused_properties"),
        code=text("reason_code"),
        reason=text("reason_message"),
    )


def _records(visitor: Visitor, story: Scenario) -> Iterator[tuple[tuple[str, str], Held]]:
    """Yield what HubSpot holds, by the names the story has: of records and of properties."""
    shown = story.properties()
    for kind, unique in UNIQUE.items():
        for record in visitor.look("records", type=kind, limit=str(RECORDS_MAX))["records"]:
            properties = record["properties"]
            identity = properties.get(unique, record["id"])
            yield (kind, identity), {n: v for n, v in properties.items() if n in shown}
