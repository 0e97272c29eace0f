"""What hubsync raises, by who is at fault.

HubsyncError
├── Refusal          the sender: carries the HTTP status that says so
│   ├── NotJson          400
│   ├── Unsigned         401  one answer for every reason, so that none can be told from another
│   ├── UnknownSource    404
│   ├── MethodRefused    405
│   ├── BodyTooLarge     413
│   ├── MediaRefused     415
│   └── InvalidEvents    422  with one fault per mistake
├── Unavailable      nobody: try again later
│   ├── NotEnqueued      503  SQS did not confirm every event
│   └── Unanswered            a call got no answer, so what it did is unknown
└── Misconfigured    the operator: a setting, a secret
    └── InvalidSource         a source's file, with one fault per mistake
"""

from http import HTTPStatus
from typing import ClassVar, NamedTuple


class HubsyncError(Exception):
    """Anything hubsync itself raises."""


class Refusal(HubsyncError):
    """The request will never succeed as it is."""

    status: ClassVar[HTTPStatus]


class NotJson(Refusal):
    status = HTTPStatus.BAD_REQUEST


class Unsigned(Refusal):
    status = HTTPStatus.UNAUTHORIZED

    def __init__(self, reason: str) -> None:
        """Keep the reason for the log; it is never part of the answer."""
        super().__init__("the signature is missing or not valid")
        self.reason = reason


class UnknownSource(Refusal):
    status = HTTPStatus.NOT_FOUND


class MethodRefused(Refusal):
    """The path answers other methods."""

    status = HTTPStatus.METHOD_NOT_ALLOWED


class BodyTooLarge(Refusal):
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class MediaRefused(Refusal):
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class Fault(NamedTuple):
    """One mistake in a payload: where (a JSON pointer) and what."""

    pointer: str
    message: str


class InvalidEvents(Refusal):
    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(f"{len(faults)} fault(s) in the change events; nothing was accepted")
        self.faults = faults


class Unavailable(HubsyncError):
    """It may work later."""


class NotEnqueued(Unavailable):
    status: ClassVar[HTTPStatus] = HTTPStatus.SERVICE_UNAVAILABLE


class Unanswered(Unavailable):
    """A call got no answer: it may or may not have been carried out."""


class Misconfigured(HubsyncError):
    """The operator has to change a setting, a secret or a source."""


class InvalidSource(Misconfigured):
    """A source's file cannot be used; each fault points to a key of it."""

    def __init__(self, file: str, faults: list[Fault]) -> None:
        told = "; ".join(f"{fault.pointer} {fault.message}".strip() for fault in faults)
        super().__init__(f"{file}: {told}")
        self.faults = faults
