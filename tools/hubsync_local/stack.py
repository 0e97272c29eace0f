"""The whole of template.yaml on this machine: AWS, HubSpot, gateway, functions and triggers.

    with Stack(logs=folder) as stack:
        print(stack.ready["gateway"])
        stack.wait_until_settled(30)

Leaving the context ends every process. So does the death of this one, however it comes.
"""

import shutil
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from socket import socket
from threading import Event
from typing import Any, Self

from botocore.exceptions import ClientError

import hubspot_emulator
from hubsync_local import api_gateway, aws, processes
from hubsync_local.checkout import PROJECT, SOURCES
from hubsync_local.event_source_mapping import polling
from hubsync_local.lambda_runtime import Runtime, Start, lambda_environment
from hubsync_local.processes import LocalError, Server
from hubsync_local.scheduler import scheduling
from hubsync_local.template.model import Function, Queue, Template
from hubsync_local.template.reader import read_template

EMULATOR = Path(hubspot_emulator.__file__).with_name("__main__.py")
LOOK_SECONDS = 0.1
QUEUES = {"change": "ChangeQueue", "dead_letter": "DeadLetterQueue"}
TABLE = "StateTable"
_SOURCES_ASIDE = shutil.ignore_patterns("sources", "__pycache__")


@dataclass(frozen=True, slots=True)
class Ports:
    """0 stands for any free port."""

    gateway: int = 0
    hubspot: int = 0
    aws: int = 0

    @classmethod
    def beginning_at(cls, port: int) -> Self:
        return cls(port, port + 1, port + 2) if port else cls()


ANY_PORTS = Ports()


class Stack:
    """A stack that runs while its context lasts; `ready` then tells where everything is.

    `hubspot_url` replaces the emulator, `environment` overrides the variables of every function,
    `sources` are used instead of the checkout's, as `make deploy SOURCES=DIR` has it,
    `consumers` lowers the concurrency of every trigger, `start` is what functions run in. Entering
    raises LocalError or TemplateError when the stack cannot start.
    """

    ready: dict[str, Any]
    template: Template
    aws: aws.Aws
    runtimes: dict[str, Runtime]

    def __init__(
        self,
        template: Path = PROJECT / "template.yaml",
        *,
        logs: Path,
        ports: Ports = ANY_PORTS,
        hubspot_url: str | None = None,
        environment: Mapping[str, str] | None = None,
        consumers: int | None = None,
        start: Start | None = None,
        sources: Path | None = None,
    ) -> None:
        self.logs = logs
        self._template_path = template
        self._ports = ports
        self._hubspot_url = hubspot_url
        self._overrides = environment or {}
        self._consumers = consumers
        self._start_process = start
        self._own_sources = sources
        self._servers: list[Server] = []
        self.runtimes = {}
        self._context = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as context:
            self._start(context)
            self._context = context.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        self._context.close()

    def check(self) -> None:
        """Raise LocalError if a process of the stack has ended by itself."""
        for server in self._servers:
            server.check()

    def wait_until_settled(self, timeout_seconds: float) -> None:
        """Return when nothing is queued and no function runs; raise LocalError after the time."""
        deadline = time.monotonic() + timeout_seconds
        while not self._is_settled():
            self.check()
            if time.monotonic() > deadline:
                raise LocalError(
                    f"still busy after {timeout_seconds} s; the logs are in {self.logs}"
                )
            time.sleep(LOOK_SECONDS)

    def log_files(self) -> list[Path]:
        """Return where each function logs."""
        return [runtime.log for runtime in self.runtimes.values()]

    def _is_settled(self) -> bool:
        # In this order: what a function sends while it runs is in the queue when it is done.
        if not all(runtime.is_idle for runtime in self.runtimes.values()):
            return False
        return not any(self.aws.count_messages(queue) for queue in self._polled())

    def _polled(self) -> Iterator[Queue]:
        for function in self.template.functions.values():
            for trigger in function.triggers:
                yield self.template.queues[trigger.queue]

    def _start(self, context: ExitStack) -> None:
        listener = context.enter_context(processes.listen(self._ports.gateway))
        self.logs.mkdir(parents=True, exist_ok=True)
        for log in self.logs.glob("*.log"):
            log.unlink()  # a former stack's
        aws_url = self._serve(context, "aws", aws.SERVER, self._ports.aws)
        hubspot_url = self._hubspot_url or self._serve(
            context, "hubspot", EMULATOR, self._ports.hubspot, "--port"
        )
        self.template = read_template(self._template_path, aws=aws_url)
        if self._own_sources is not None:
            self.template = _with_sources(self.template, self._own_sources, context)
        for server in self._servers:
            server.wait_until_listening()
        self.aws = aws.Aws(aws_url)
        self.aws.build(self.template)
        sources = self._sources()
        for function in self.template.functions.values():
            self._add_runtime(function, aws_url, hubspot_url)
        self._connect(context, listener)
        self.ready = {
            "gateway": f"http://127.0.0.1:{listener.getsockname()[1]}",
            "hubspot": hubspot_url,
            "aws": aws_url,
            "queues": {
                name: self.template.queues[queue].url
                for name, queue in QUEUES.items()
                if queue in self.template.queues
            },
            "table": self.template.tables[TABLE].name if TABLE in self.template.tables else None,
            "sources": sources,
            "sources_folder": str((self._own_sources or SOURCES).resolve()),
            "functions": {name: self._description(r) for name, r in self.runtimes.items()},
        }

    def _serve(self, context: ExitStack, name: str, script: Path, port: int, *options: str) -> str:
        server = context.enter_context(
            processes.serving(name, script, port=port, logs=self.logs, options=options)
        )
        self._servers.append(server)
        return server.url

    def _add_runtime(self, function: Function, aws_url: str, hubspot_url: str) -> None:
        environment = {**function.environment, **lambda_environment(function, aws=aws_url)}
        if "HUBSPOT_BASE_URL" in environment:
            environment["HUBSPOT_BASE_URL"] = hubspot_url
        self.runtimes[function.name] = Runtime(
            function,
            {**environment, **self._overrides},
            log=self.logs / f"{function.name}.log",
            start=self._start_process,
        )

    def _connect(self, context: ExitStack, listener: socket) -> None:
        """Let requests, messages and time invoke the functions."""
        routes = [(route, r) for r in self.runtimes.values() for route in r.function.routes]
        stops = [
            context.enter_context(trigger)
            for runtime in self.runtimes.values()
            for trigger in self._triggers(runtime)
        ]
        context.enter_context(api_gateway.serving(api_gateway.Gateway(routes), listener))
        # Last in, first out: nothing new is begun, what runs is ended, and then all is waited for.
        for runtime in self.runtimes.values():
            context.callback(runtime.close)
            runtime.warm()
        for stop in stops:
            context.callback(stop.set)

    def _triggers(self, runtime: Runtime) -> Iterator[AbstractContextManager[Event]]:
        for schedule in runtime.function.schedules:
            yield scheduling(schedule, runtime)
        for trigger in runtime.function.triggers:
            queue = self.template.queues[trigger.queue]
            yield polling(trigger, queue, runtime, self.aws, consumers=self._consumers)

    def _sources(self) -> dict[str, dict[str, str]]:
        """Describe every source, each with a signing secret; one without gets its own here."""
        described = {}
        for function in self.template.functions.values():
            for path in sorted(function.code.glob("sources/*.toml")):
                declared = tomllib.loads(path.read_text())["signature"]
                name = f"{self.template.stack}/{declared['secret']}"
                described[path.stem] = {
                    "scheme": str(declared["scheme"]),
                    "secret": self._secret(name),
                }
        return described

    def _secret(self, name: str) -> str:
        try:
            return self.aws.read_secret(name)
        except ClientError:
            self.aws.create_secret(name)
            return self.aws.read_secret(name)

    def _description(self, runtime: Runtime) -> dict[str, object]:
        function = runtime.function
        folder = self._template_path.resolve().parent
        return {
            "handler": function.handler,
            "code": str(function.code.relative_to(folder, walk_up=True)),
            "environment": dict(runtime.environment),
        }


def _with_sources(template: Template, sources: Path, context: ExitStack) -> Template:
    """Return the template with its functions' code as it is built with other sources."""
    functions = {}
    for name, function in template.functions.items():
        if (function.code / "sources").is_dir():
            folder = Path(context.enter_context(tempfile.TemporaryDirectory(prefix="hubsync-")))
            shutil.copytree(function.code, folder, dirs_exist_ok=True, ignore=_SOURCES_ASIDE)
            (folder / "sources").mkdir()
            for path in sources.glob("*.toml"):
                shutil.copy(path, folder / "sources")
            function = replace(function, code=folder)  # noqa: PLW2901 - the same one, elsewhere
        functions[name] = function
    return replace(template, functions=functions)
