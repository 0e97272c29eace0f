"""Secrets Manager: cached, and read anew when there is a reason."""

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from hubsync.core.limits import SECRET_REFRESH_SECONDS_MIN, SECRET_SECONDS_MAX
from hubsync.errors import Misconfigured

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

CURRENT, PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"
_ABSENT: Final = "ResourceNotFoundException"


class Secrets:
    """Secret texts by name and stage; that a stage does not exist is remembered, too."""

    def __init__(
        self, secretsmanager: "SecretsManagerClient", *, monotonic: Callable[[], float]
    ) -> None:
        self._secretsmanager = secretsmanager
        self._monotonic = monotonic
        self._known: dict[tuple[str, str], tuple[float, str | None]] = {}
        self._doubted: dict[tuple[str, str], float] = {}

    def get(self, name: str, stage: str = CURRENT, *, fresh: bool = False) -> str | None:
        """Return a secret's text; None if that stage of it does not exist.

        What was read is believed for 300 s. Where the caller has reason to doubt it, it is read
        anew, but not twice in 30 s.
        """
        if self.known(name, stage, fresh=fresh):
            return self._known[name, stage][1]
        if fresh:
            self._doubted[name, stage] = self._monotonic()
        return self.reread(name, stage)

    def known(self, name: str, stage: str = CURRENT, *, fresh: bool = False) -> bool:
        """Whether `get` would answer at once, without a call."""
        never = float("-inf")
        now = self._monotonic()
        if fresh and now - self._doubted.get((name, stage), never) > SECRET_REFRESH_SECONDS_MIN:
            return False
        return now - self._known.get((name, stage), (never, None))[0] <= SECRET_SECONDS_MAX

    def reread(self, name: str, stage: str = CURRENT) -> str | None:
        """Return a secret's text as it is now; where that cannot be read, as it was last.

        The failed call is among the causes that are logged (`hubsync.edge.aws_clients`), and what
        was known is believed for half a minute more before it is asked for again.
        """
        try:
            return self.read(name, stage)
        except Misconfigured:
            if (name, stage) not in self._known:
                raise
            self._believe_longer(name)
            return self._known[name, stage][1]

    def _believe_longer(self, name: str) -> None:
        """Ask for no stage of a secret for half a minute: each of them would take as long."""
        now = self._monotonic()
        longer = now - SECRET_SECONDS_MAX + SECRET_REFRESH_SECONDS_MIN
        for key, (read_at, text) in list(self._known.items()):
            if key[0] == name:
                self._known[key] = max(read_at, longer), text
                self._doubted[key] = now

    def read(self, name: str, stage: str = CURRENT) -> str | None:
        """Return a secret's text as it is now; Misconfigured where that cannot be read."""
        text = self._fetch(name, stage)
        self._known[name, stage] = self._monotonic(), text
        return text

    def _fetch(self, name: str, stage: str) -> str | None:
        try:
            answer = self._secretsmanager.get_secret_value(SecretId=name, VersionStage=stage)
        except (BotoCoreError, ClientError) as error:
            if isinstance(error, ClientError) and error.response["Error"]["Code"] == _ABSENT:
                return None
            raise Misconfigured(f"secret {name} cannot be read") from error
        return answer.get("SecretString")  # none where it is binary


def webhook_secrets(secrets: Secrets, name: str, *, fresh: bool = False) -> Sequence[str]:
    """Return a source's secrets in force, the current and the one before; Misconfigured if none."""
    found = [secrets.get(name, stage, fresh=fresh) for stage in (CURRENT, PREVIOUS)]
    texts = [_field(text, "secret") for text in found if text is not None]
    if not texts:
        raise Misconfigured(f"there is no secret {name}")
    return texts


def access_token(secrets: Secrets, name: str, *, fresh: bool = False) -> str:
    """Return the token of a HubSpot account; Misconfigured if there is none."""
    text = secrets.get(name, fresh=fresh)
    token = _field(text, "access_token") if text is not None else ""
    if not token.isascii() or not token.isprintable() or not token:
        raise Misconfigured(f"secret {name} holds no access token")
    return token


def _field(text: str, name: str) -> str:
    """Return a field of a JSON secret, or the whole of a plain one."""
    text = text.strip()
    if not text.startswith("{"):
        return text
    try:
        value = json.loads(text)[name]
    except (ValueError, KeyError):
        return ""
    return value if isinstance(value, str) else ""
