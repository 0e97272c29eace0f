"""Requests as payload format 2.0 writes them, and answers as API Gateway reads them."""

import base64
import json

import pytest

from hubsync_local.api_gateway_payload import Request, Response, match_path, to_event, to_response
from hubsync_local.lambda_runtime import Failed, Returned
from hubsync_local.template.model import Route

ROUTE = Route("ANY", "/webhooks/{source}")
JSON = ("content-type", "application/json")


def a_request(**changes):
    fields = {
        "method": "POST",
        "raw_path": "/webhooks/changes",
        "query": "",
        "headers": [("host", "127.0.0.1:3000"), ("user-agent", "curl/8"), JSON],
        "body": b"{}",
        "source_ip": "127.0.0.1",
    }
    return Request(**{**fields, **changes})


def an_event(**changes):
    parameters = {"source": "changes"}
    return to_event(a_request(**changes), ROUTE, parameters, now=1795341600.5, request_id="r-1")


def test_a_request_becomes_the_event_that_api_gateway_sends():
    assert an_event() == {
        "version": "2.0",
        "routeKey": "ANY /webhooks/{source}",
        "rawPath": "/webhooks/changes",
        "rawQueryString": "",
        "headers": {
            "host": "127.0.0.1:3000",
            "user-agent": "curl/8",
            "content-type": "application/json",
        },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "local",
            "domainName": "127.0.0.1:3000",
            "domainPrefix": "local",
            "http": {
                "method": "POST",
                "path": "/webhooks/changes",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "curl/8",
            },
            "requestId": "r-1",
            "routeKey": "ANY /webhooks/{source}",
            "stage": "$default",
            "time": "22/Nov/2026:10:00:00 +0000",
            "timeEpoch": 1795341600500,
        },
        "pathParameters": {"source": "changes"},
        "body": "{}",
        "isBase64Encoded": False,
    }


def test_repeated_headers_and_query_parameters_are_joined_and_cookies_stand_apart():
    headers = [("x-a", "1"), ("cookie", "c=1; d=2"), ("x-a", "2"), ("cookie", "e=3")]
    event = an_event(headers=headers, query="a=1&b=&a=2%202")
    assert event["headers"] == {"x-a": "1,2"}
    assert event["cookies"] == ["c=1", "d=2", "e=3"]
    assert event["rawQueryString"] == "a=1&b=&a=2%202"
    assert event["queryStringParameters"] == {"a": "1,2 2", "b": ""}


@pytest.mark.parametrize(
    ("content_type", "body", "is_base64"),
    [
        ("application/json", b"{}", False),
        ("application/json; charset=utf-8", "{'ä'}".encode(), False),
        ("text/csv", b"a,b", False),
        ("application/cloudevents+json", b"{}", True),
        ("application/x-www-form-urlencoded", b"a=1", True),
        ("application/octet-stream", b"\x00\xff", True),
        ("", b"{}", True),
        ("application/json", b'{"a": "\xff"}', True),
    ],
)
def test_only_text_arrives_as_text_and_no_byte_is_changed(content_type, body, is_base64):
    event = an_event(headers=[("content-type", content_type)], body=body)
    arrived = base64.b64decode(event["body"]) if is_base64 else event["body"].encode()
    assert (event["isBase64Encoded"], arrived) == (is_base64, body)


def test_a_request_without_a_body_has_none():
    event = an_event(body=b"")
    assert ("body" in event, event["isBase64Encoded"]) == (False, False)


@pytest.mark.parametrize(
    ("pattern", "path", "parameters"),
    [
        ("/webhooks/{source}", "/webhooks/changes", {"source": "changes"}),
        ("/webhooks/{source}", "/webhooks/a%2Fb%20c", {"source": "a/b c"}),
        ("/webhooks/{source}", "/webhooks/", None),
        ("/webhooks/{source}", "/webhooks/a/b", None),
        ("/webhooks/{source}", "/webhooks", None),
        ("/files/{path+}", "/files/a/b", {"path": "a/b"}),
        ("/a.b", "/a.b", {}),
        ("/a.b", "/axb", None),
    ],
)
def test_a_route_matches_whole_paths_segment_by_segment(pattern, path, parameters):
    assert match_path(Route("ANY", pattern), path) == parameters


TEXT = ("content-type", "text/plain;charset=utf-8")


@pytest.mark.parametrize(
    ("value", "response"),
    [
        (
            {"statusCode": 202, "headers": {"Content-Type": "application/json"}, "body": "{}"},
            Response(202, b"{}", [JSON]),
        ),
        ({"statusCode": "204"}, Response(204, b"", [TEXT])),
        (
            {"statusCode": 200, "body": "AP8=", "isBase64Encoded": True},
            Response(200, b"\x00\xff", [TEXT]),
        ),
        (
            {"statusCode": 200, "cookies": ["a=1", "b=2"], "headers": {"X-N": 5, "X-B": True}},
            Response(
                200,
                b"",
                [TEXT, ("x-n", "5"), ("x-b", "true"), ("set-cookie", "a=1"), ("set-cookie", "b=2")],
            ),
        ),
        ({"accepted": 1}, Response(200, b'{"accepted": 1}', [JSON])),
        ("hello", Response(200, b"hello", [JSON])),
    ],
    ids=["a full answer", "a status alone", "base64", "cookies", "no status", "a bare text"],
)
def test_an_answer_is_read_as_api_gateway_reads_it(value, response):
    assert to_response(Returned(value)) == response


@pytest.mark.parametrize(
    "result",
    [
        Failed({"errorType": "KeyError", "errorMessage": "secret"}),
        Returned({"statusCode": "soon"}),
        Returned({"statusCode": 99}),
        Returned({"statusCode": 200, "body": {"not": "text"}}),
        Returned({"statusCode": 200, "body": "?", "isBase64Encoded": True}),
        Returned({"statusCode": 200, "headers": ["a"]}),
        Returned({"statusCode": 200, "headers": {"a": "b\r\nc: d"}}),
    ],
)
def test_an_error_or_a_malformed_answer_is_a_500_that_says_nothing(result):
    response = to_response(result)
    assert (response.status, json.loads(response.body)) == (
        500,
        {"message": "Internal Server Error"},
    )
