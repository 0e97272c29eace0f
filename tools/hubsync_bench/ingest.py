"""Ingest as it is measured; imported where it is, with the environment of a function."""

from http import HTTPStatus

from functions.ingest import app
from hubsync_bench.worker import Context, Event


def deployed(event: Event) -> None:
    answer = app.handler(event, Context())
    assert answer["statusCode"] == HTTPStatus.ACCEPTED, answer
