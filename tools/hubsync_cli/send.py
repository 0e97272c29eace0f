"""`hubsync send`: post a file to a source, signed as its upstream system would."""

import json
import time
import uuid
from typing import Annotated
from urllib.parse import urlsplit

import httpx
import typer
from rich.markup import escape

from hubsync.core.payloads.source import load_source
from hubsync.core.signatures.verify import sign
from hubsync.errors import HubsyncError, Misconfigured
from hubsync_cli.console import err, fail, out
from hubsync_cli.headers import HeaderOption, parse_headers
from hubsync_cli.signing_secret import find_secret
from hubsync_local.signing import scheme_of
from hubsync_local.sources_folder import sources_folder
from hubsync_local.stack_file import running_stack
from hubsync_operations.source_check import sample

TIMEOUT_SECONDS = 30  # API Gateway's own limit


def send(
    file: Annotated[
        typer.FileBinaryRead, typer.Argument(help="The request's body; - reads standard input.")
    ],
    *,
    source: Annotated[str, typer.Option(help="The source, as in /webhooks/{source}.")] = "changes",
    url: Annotated[
        str | None,
        typer.Option(
            help="Where to, without --url the running local stack: the API's address, or the "
            "stack's output WebhookUrl."
        ),
    ] = None,
    secret_name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The signing secret's name in Secrets Manager."),
    ] = None,
    header: HeaderOption = None,
) -> None:
    """Sign FILE as the source's scheme has it, post it, and print the answer.

    Ends with 0 when the answer is 2xx, with 1 when it is anything else.
    """
    body = file.read()
    headers = parse_headers(header)
    if url and not secret_name:
        fail("with --url, give --secret-name too: the local stack's secret fits no other", code=2)
    secret = find_secret(source, secret_name)
    address = webhook_url(url or _local_gateway(), source)
    answer = _post(address, body, headers, source, secret, is_local=url is None)
    _show(answer)
    _say_why(answer, source, body, headers)
    raise typer.Exit(0 if answer.is_success else 1)


def webhook_url(url: str, source: str) -> str:
    """Return a source's address, given the API's, or one that holds `{source}` or names it."""
    if urlsplit(url).path.startswith("/webhooks/"):
        return url.replace("{source}", source)
    return f"{url.rstrip('/')}/webhooks/{source}"


def _local_gateway() -> str:
    ready = running_stack()
    if ready is None:
        fail("no local stack is running: start one with `hubsync local`, or give --url")
    return str(ready["gateway"])


def _post(
    url: str, body: bytes, given: dict[str, str], source: str, secret: str, *, is_local: bool
) -> httpx.Response:
    try:
        signed = sign(
            secret,
            scheme=scheme_of(source),
            message_id=f"msg_{uuid.uuid4().hex}",
            timestamp=int(time.time()),
            body=body,
            url=url,
        )
        headers = {"content-type": "application/json", **given, **signed}
        # The shell's proxy lies on the way to AWS, not to this machine.
        return httpx.post(
            url, content=body, headers=headers, timeout=TIMEOUT_SECONDS, trust_env=not is_local
        )
    except Misconfigured as error:
        fail(f"the request cannot be signed: {escape(str(error))}")
    except httpx.HTTPError as error:
        fail(f"{url} did not answer ({escape(str(error))}); is the stack still running?")


def _say_why(answer: httpx.Response, source: str, body: bytes, headers: dict[str, str]) -> None:
    """Say why not all was taken, by the source's file here, which is the stack's if it is local."""
    told = answer.json() if answer.status_code == httpx.codes.ACCEPTED else {}
    for pointer in told.get("unknown", []):
        err.print(f"[yellow]unknown:[/] {escape(pointer)} is no member of a change event")
    path = sources_folder() / f"{source}.toml"
    if not (told.get("ignored") or told.get("kept")) or not path.is_file():
        return
    try:
        known = load_source(path)
        types = {change.object_type.strip().lower(): "2-0" for change in known.change}
        sampled = sample(path, known, body, headers=headers, object_types=types, now=time.time())
    except HubsyncError:
        return  # The stack has another file.
    for fault in sampled.faults:
        place = path.name if fault.line is None else f"{path.name}:{fault.line}"
        err.print(f"[yellow]why:[/] {escape(f'{place}: {fault.pointer} {fault.message}')}")
    if told.get("ignored") and not sampled.events and not sampled.faults:
        reason = f"no [[change]] of {path.name} is about this payload and these headers"
        err.print(f"[yellow]why:[/] {escape(reason)}")


def _show(answer: httpx.Response) -> None:
    out.print(
        f"{answer.status_code} {answer.reason_phrase}",
        style="green" if answer.is_success else "red",
    )
    try:
        out.print_json(data=answer.json())
    except json.JSONDecodeError:
        out.print(escape(answer.text))
