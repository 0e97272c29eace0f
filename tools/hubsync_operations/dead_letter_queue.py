"""The dead-letter queue, looked through and redriven, over SQS.

SQS shows a message by handing it over: it is hidden from everybody else for a while. So a look
holds what it was handed, to see each message once, and lets go of all it leaves at its end. A look
that dies lets go after HIDDEN_SECONDS.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import batched, chain
from typing import TYPE_CHECKING, Any, Final, Self

from botocore.exceptions import BotoCoreError, ClientError

from hubsync.core.kept_payload import Kept, letter
from hubsync.core.limits import SQS_ENTRIES_MAX
from hubsync.edge.sqs import attributes, send
from hubsync_operations.dead_letter import (
    Filter,
    Held,
    Letter,
    Moves,
    Opened,
    digest,
    identity,
    moves,
    opened,
)
from hubsync_operations.remap import Remapped

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

HIDDEN_SECONDS: Final = 300
# Documented: with any wait SQS asks all of its servers, so an empty answer means an empty queue.
WAIT_SECONDS: Final = 1
HELD_MAX: Final = 20_000  # What HIDDEN_SECONDS suffice for; SQS itself takes 120,000 (documented).
REPEATS_MAX: Final = 10  # Polls in a row that show nothing new: what was held has begun to return.


class Look:
    """One pass over a queue, page by page, each message once; a context, since it holds them.

    Afterwards `complete` says whether it came to the end of the queue.
    """

    def __init__(
        self,
        sqs: "SQSClient",
        url: str,
        *,
        wait_seconds: int = WAIT_SECONDS,
        held_max: int = HELD_MAX,
    ) -> None:
        self.complete = False
        self.seen = 0
        self._sqs = sqs
        self._url = url
        self._wait_seconds = wait_seconds
        self._held_max = held_max
        self._held: dict[str, str] = {}  # receipt handle by message id
        self._deleted: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._release()

    def __iter__(self) -> Iterator[list[Opened]]:
        repeats = 0
        while len(self._held) < self._held_max and repeats < REPEATS_MAX:
            page = self._receive()
            if not page:
                self.complete = True
                return
            new = [m for m in page if m["MessageId"] not in self._held.keys() | self._deleted]
            self._held |= {
                m["MessageId"]: m["ReceiptHandle"]
                for m in page
                if m["MessageId"] not in self._deleted
            }
            self.seen += len(new)
            repeats = 0 if new else repeats + 1
            if new:
                yield [opened(_held(message)) for message in new]

    def delete(self, message_ids: Sequence[str]) -> int:
        """Delete messages that were handed over; return how many SQS did not confirm."""
        failed = 0
        for some in batched(message_ids, SQS_ENTRIES_MAX, strict=False):
            entries: Any = [
                {"Id": str(n), "ReceiptHandle": self._held[id_]} for n, id_ in enumerate(some)
            ]
            try:
                answer = self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)
            except (BotoCoreError, ClientError):
                failed += len(some)
                continue
            kept = {int(entry["Id"]) for entry in answer.get("Failed", [])}
            for n, id_ in enumerate(some):
                if n not in kept:
                    del self._held[id_]
                    self._deleted.add(id_)
            failed += len(kept)
        return failed

    def _receive(self) -> Sequence["MessageTypeDef"]:
        answer = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=SQS_ENTRIES_MAX,
            WaitTimeSeconds=self._wait_seconds,
            VisibilityTimeout=HIDDEN_SECONDS,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["SentTimestamp"],
        )
        return answer.get("Messages", [])

    def _release(self) -> None:
        for some in batched(self._held.values(), SQS_ENTRIES_MAX, strict=False):
            entries: Any = [
                {"Id": str(n), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                for n, handle in enumerate(some)
            ]
            try:
                self._sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)
            except (BotoCoreError, ClientError):
                return  # They come back by themselves.
        self._held.clear()


def _held(message: "MessageTypeDef") -> Held:
    attributes = message.get("MessageAttributes", {})
    return Held(
        message_id=message["MessageId"],
        receipt_handle=message["ReceiptHandle"],
        body=message["Body"],
        sent_at=int(message["Attributes"]["SentTimestamp"]) * 1000,
        attributes={
            name: each["StringValue"] for name, each in attributes.items() if "StringValue" in each
        },
    )


@dataclass(frozen=True, slots=True)
class Queues:
    """The two queues, by their URLs."""

    sqs: "SQSClient"
    change: str
    dead_letter: str
    wait_seconds: int = WAIT_SECONDS
    held_max: int = HELD_MAX

    def look(self) -> Look:
        return Look(
            self.sqs, self.dead_letter, wait_seconds=self.wait_seconds, held_max=self.held_max
        )

    def waiting(self) -> int:
        """Return about how many messages are in the change queue, wherever in it."""
        answer = self.sqs.get_queue_attributes(QueueUrl=self.change, AttributeNames=["All"])
        counts = answer["Attributes"].items()
        return sum(int(n) for name, n in counts if name.startswith("ApproximateNumberOfMessages"))


def visit(queues: Queues, wanted: Filter, see: Callable[[Letter], None]) -> Look:
    """Show every letter that is wanted, and return the look, which is over."""
    with queues.look() as look:
        for message in chain.from_iterable(look):
            for letter in filter(wanted.takes, message.letters):
                see(letter)
    return look


@dataclass(frozen=True, slots=True)
class Failure:
    """A payload of which something still cannot be made an event, and why."""

    source: str
    request_id: str
    reason: str


@dataclass(slots=True)
class Redriven:
    """What a redrive came to, in events but where it says messages.

    `again` came back while it ran: refused once more, or twins of redriven ones. They are left, as
    are `unconfirmed` ones, which SQS did not confirm and which may have been sent all the same.
    `gone` are left, too: their values were left out at the door, and only the source has them. Of
    payloads that were kept, `made` are the events that were sent; of `failed` ones something still
    cannot be made, and `unwanted` are those that no change is about any more.
    """

    messages: int = 0  # looked at
    matched: int = 0
    sent: int = 0
    again: int = 0
    gone: int = 0
    made: int = 0
    failed: int = 0
    unwanted: int = 0
    unconfirmed: int = 0
    undeleted: int = 0  # messages that were sent and are still there
    complete: bool = False
    failures: list[Failure] = field(default_factory=list)


@dataclass(slots=True)
class Redrive:
    """Gives dead letters another life: receive, send, wait for SQS's word, and only then delete.

    A crash at any point leaves each event in one of the queues, or in both, which is harmless.
    """

    queues: Queues
    wanted: Filter
    remap: Callable[[Kept], Remapped]
    limit: int | None = None
    dry_run: bool = False
    tell: Callable[[Redriven], None] = lambda _redriven: None
    result: Redriven = field(default_factory=Redriven)
    _done: set[bytes] = field(default_factory=set)

    def run(self) -> Redriven:
        """Go through the queue, in as many passes as it takes to come to its end.

        A pass holds so many messages at most; what a full one has left untouched would only be
        looked at again.
        """
        moved = True
        while moved and not self.result.complete:
            moved = self._pass()
        return self.result

    def _pass(self) -> bool:
        """Go through what one look holds; return whether that made room for more."""
        sent, before = self.result.sent, self.result.messages
        with self.queues.look() as look:
            for page in look:
                self._move(look, [(message, self._chosen(message)) for message in page])
                self.result.messages = before + look.seen
                self.tell(self.result)
                if self._left() == 0:
                    break
        self.result.complete = look.complete or self._left() == 0
        return self.result.sent > sent

    def _left(self) -> int | None:
        return None if self.limit is None else self.limit - self.result.matched

    def _chosen(self, message: Opened) -> list[Letter]:
        matching = [*filter(self.wanted.takes, message.letters)]
        wanted = {each: identity(message, each) for each in matching if not each.is_gone}
        self.result.gone += len(matching) - len(wanted)
        chosen = [letter for letter, name in wanted.items() if name not in self._done]
        self.result.again += len(wanted) - len(chosen)
        chosen = chosen[: self._left()]
        self.result.matched += len(chosen)
        self._done |= {wanted[letter] for letter in chosen}
        return chosen

    def _move(self, look: Look, page: Sequence[tuple[Opened, list[Letter]]]) -> None:
        wanted = [(message, letters) for message, letters in page if letters]
        planned = [self._planned(message, letters) for message, letters in wanted]
        chosen = [each for each, plan in zip(wanted, planned, strict=True) if plan is not None]
        if self.dry_run or not chosen:
            return
        plans = [plan for plan in planned if plan is not None]
        messages = [message for message, _ in chosen]
        unsent = self._send(list(zip(messages, plans, strict=True)))
        sent = [each for n, each in enumerate(chosen) if n not in unsent]
        self.result.unconfirmed += sum(len(chosen[n][1]) for n in unsent)
        self.result.sent += sum(len(letters) for _, letters in sent)
        self.result.undeleted += look.delete([message.held.message_id for message, _ in sent])

    def _planned(self, message: Opened, letters: Sequence[Letter]) -> Moves | None:
        """Return what to send; None if a payload is still what it was, so that it stays."""
        kept = letters[0].kept
        if kept is None:
            return moves(message, letters)
        remapped = self.remap(kept)
        self.result.made += remapped.made
        if remapped.still is not None:
            self.result.failed += 1
            said = remapped.still
            envelope = said.envelope
            self.result.failures.append(Failure(envelope.source, envelope.request_id, said.reason))
            if not remapped.made:
                return None
            body = letter(said)
            self._done.add(digest(body))  # It may be handed over while this runs.
            return Moves(remapped.bodies, (body,), said.reason)
        self.result.unwanted += not remapped.made
        return Moves(remapped.bodies, ())

    def _send(self, planned: Sequence[tuple[Opened, Moves]]) -> set[int]:
        """Send what was planned; return where SQS did not confirm all of it."""
        queues = self.queues
        again = [
            (n, _entry(message, body))
            for n, (message, moves) in enumerate(planned)
            for body in moves.again
        ]
        back = [
            (n, _entry(message, body) | _attributes(message, moves.reason))
            for n, (message, moves) in enumerate(planned)
            for body in moves.back
        ]
        return self._unsent(queues.change, again) | self._unsent(queues.dead_letter, back)

    def _unsent(self, url: str, parts: Sequence[tuple[int, dict[str, Any]]]) -> set[int]:
        confirmed = send(self.queues.sqs, url, [entry for _, entry in parts])
        return {n for position, (n, _) in enumerate(parts) if position not in confirmed}


def _entry(message: Opened, body: str) -> dict[str, Any]:
    group = {} if message.envelope is None else {"MessageGroupId": message.envelope.account}
    return {"MessageBody": body, **group}


def _attributes(message: Opened, reason: str | None) -> dict[str, Any]:
    said = dict(message.held.attributes)
    return attributes(said if reason is None else said | {"reason_message": reason})
