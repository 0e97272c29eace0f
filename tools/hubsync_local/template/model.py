"""What a template asks for, as typed values: the functions, queues, tables and secrets to build."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hubsync_local.template.intrinsics import Tree
from hubsync_local.template.resources import GenerateSecretString

ACCOUNT = "123456789012"
REGION = "us-east-1"


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


@dataclass(frozen=True, slots=True)
class Route:
    """A route of the HTTP API; `method` may be ANY."""

    method: str
    path: str

    @property
    def key(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Trigger:
    """An event source mapping; `queue` is the logical id of the queue it reads."""

    queue: str
    batch_size: int
    window_seconds: int
    concurrency_max: int
    reports_failures: bool


@dataclass(frozen=True, slots=True)
class Schedule:
    every_seconds: int
    input: str


@dataclass(frozen=True, slots=True)
class Function:
    name: str
    handler: str
    code: Path
    layers: tuple[Path, ...]
    environment: Mapping[str, str]
    timeout_seconds: int
    memory_mb: int
    log_group: str
    log_level: str | None
    routes: tuple[Route, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    schedules: tuple[Schedule, ...] = ()

    @property
    def arn(self) -> str:
        return arn("lambda", f"function:{self.name}")


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue by its logical id; `attributes` are those of SQS's CreateQueue."""

    id: str
    name: str
    url: str
    arn: str
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """A table by its logical id; `definition` is the rest of DynamoDB's CreateTable."""

    id: str
    name: str
    definition: Mapping[str, Tree]


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret by its logical id: a value, or how to generate one."""

    id: str
    name: str
    value: str | GenerateSecretString


@dataclass(frozen=True, slots=True)
class Template:
    path: Path
    stack: str
    functions: Mapping[str, Function]
    queues: Mapping[str, Queue]
    tables: Mapping[str, Table]
    secrets: Mapping[str, Secret]
