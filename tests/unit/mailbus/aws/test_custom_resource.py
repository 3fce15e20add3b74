"""CloudFormation gets a response whatever happens."""

from __future__ import annotations

import http.server
import io
import json
import threading
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import botocore.exceptions
import msgspec
import pytest
from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError

from mailbus.aws import sessions
from mailbus.aws.custom_resource import (
    ADVICE,
    PHYSICAL_ID_BYTES,
    RESPONSE_BYTES,
    Outcome,
    Request,
    Response,
    handle,
    respond,
    send,
)
from mailbus.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PLACEHOLDER_ID = "no-rule-set"
OUR_ID = "rule-set/mailbus-prod"
CREATE: dict[str, Any] = {
    "RequestType": "Create",
    "ServiceToken": "arn:aws:lambda:eu-west-1:111122223333:function:mailbus-prod-receiving-Activator",
    "ResponseURL": "https://cloudformation-custom-resource-response-euwest1.s3-eu-west-1.amazonaws.com/arn%3Aaws",
    "StackId": "arn:aws:cloudformation:eu-west-1:111122223333:stack/mailbus-prod-receiving/5b1c0d50",
    "RequestId": "7bfe2d54-710a-4f6f-9b3e-7b6a5e0ef5b1",
    "ResourceType": "Custom::ActiveReceiptRuleSet",
    "LogicalResourceId": "ReceivingActivationActiveCB4CB7F5",
    "ResourceProperties": {"RuleSetName": "mailbus-prod"},
}
UPDATE = {
    **CREATE,
    "RequestType": "Update",
    "PhysicalResourceId": OUR_ID,
    "OldResourceProperties": {"RuleSetName": "mailbus-old"},
}


class Properties(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    rule_set_name: str


def parse(event: dict[str, Any]) -> Request:
    return msgspec.convert(event, Request)


def response_to(
    event: dict[str, Any], apply: Callable[[Request], Outcome], stream: io.StringIO | None = None
) -> Response:
    log = Logger(service=f"custom-resource-{uuid4()}", stream=stream or io.StringIO())
    return respond(parse(event), apply, placeholder_id=PLACEHOLDER_ID, log=log)


def applied(_: Request) -> Outcome:
    return Outcome(physical_id=OUR_ID)


def refused(_: Request) -> Outcome:
    reason = "another rule set is active"
    raise ConfigurationError(reason)


def test_a_response_names_its_request_and_the_resource() -> None:
    assert response_to(CREATE, applied) == Response(
        status="SUCCESS",
        reason="",
        physical_resource_id=OUR_ID,
        stack_id=CREATE["StackId"],
        request_id=CREATE["RequestId"],
        logical_resource_id=CREATE["LogicalResourceId"],
    )


def test_a_creation_that_raises_fails_with_its_reason_and_the_placeholder_id() -> None:
    response = response_to(CREATE, refused)
    assert (response.status, response.physical_resource_id) == ("FAILED", PLACEHOLDER_ID)
    assert response.reason == "ConfigurationError: another rule set is active"


def test_an_update_that_raises_keeps_its_physical_id() -> None:
    response = response_to(UPDATE, refused)
    assert (response.status, response.physical_resource_id) == ("FAILED", OUR_ID)


def test_a_failure_that_left_changes_behind_fails_with_the_id_of_the_changed_resource() -> None:
    partly = Outcome(physical_id=OUR_ID, failure=TimeoutError("SES did not answer"))
    response = response_to(CREATE, lambda _: partly)
    assert (response.status, response.physical_resource_id) == ("FAILED", OUR_ID)
    assert response.reason.startswith("TimeoutError: SES did not answer - what to do: correct that")


def test_a_failure_is_in_the_log_with_its_traceback() -> None:
    stream = io.StringIO()
    response_to(CREATE, refused, stream)
    line = json.loads(stream.getvalue())
    assert (line["level"], line["request_type"], line["exception_name"]) == (
        "ERROR",
        "Create",
        "ConfigurationError",
    )
    assert "in refused" in line["exception"]


@pytest.mark.parametrize("text", ["x", '"', "\n", "\x00", "ü", "\N{GRINNING FACE}"])
@pytest.mark.parametrize("kind", [ConfigurationError, ValueError])
def test_a_long_cause_is_cut_to_the_limit_of_a_response(text: str, kind: type[Exception]) -> None:
    def fail(_: Request) -> Outcome:
        return Outcome(physical_id="i" * PHYSICAL_ID_BYTES, failure=kind(text * 10_000))

    response = response_to(CREATE, fail)
    assert RESPONSE_BYTES - 12 < len(msgspec.json.encode(response)) <= RESPONSE_BYTES
    assert response.reason.startswith(f"{kind.__name__}: {text}")
    if kind is ValueError:
        assert response.reason.endswith("the log of the function has the whole error")


@pytest.mark.parametrize("code", [*ADVICE, "SomethingNew"])
def test_a_failure_of_aws_says_what_to_do(code: str) -> None:
    def fail(_: Request) -> Outcome:
        raise ClientError({"Error": {"Code": code, "Message": "said SES"}}, "SetActiveReceiptRuleSet")

    cause, _, what_to_do = response_to(CREATE, fail).reason.partition(" - what to do: ")
    assert f"({code})" in cause
    assert "said SES" in cause
    other = "correct that, and deploy again; the log of the function has the whole error"
    assert what_to_do == ADVICE.get(code, other)
    assert "deploy again" in what_to_do


@pytest.mark.parametrize(
    "error",
    [
        sessions.NotTried(),
        botocore.exceptions.ConnectionClosedError(endpoint_url="https://email.eu-west-1.amazonaws.com"),
        botocore.exceptions.ConnectTimeoutError(endpoint_url="https://email.eu-west-1.amazonaws.com"),
        botocore.exceptions.EndpointConnectionError(endpoint_url="https://email.eu-west-1.amazonaws.com"),
        botocore.exceptions.ReadTimeoutError(endpoint_url="https://email.eu-west-1.amazonaws.com"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_call_without_an_answer_says_what_to_do(error: Exception) -> None:
    response = response_to(CREATE, lambda _: Outcome(physical_id=OUR_ID, failure=error))
    assert response.reason == f"{type(error).__name__}: {error} - what to do: {ADVICE[type(error).__name__]}"


def test_properties_and_those_that_an_update_replaces_are_read() -> None:
    request = parse(UPDATE)
    assert request.properties(Properties) == Properties(rule_set_name="mailbus-prod")
    assert request.old_properties(Properties) == Properties(rule_set_name="mailbus-old")


@pytest.mark.parametrize(
    ("properties", "named"),
    [
        ({}, "RuleSetName"),
        ({"RuleSetName": None}, "RuleSetName"),
        ("mailbus", "ResourceProperties"),
        (None, "ResourceProperties"),
    ],
)
def test_wrong_properties_are_refused_by_name(properties: object, named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        parse({**CREATE, "ResourceProperties": properties}).properties(Properties)
    with pytest.raises(ConfigurationError, match="OldResourceProperties of Receiving"):
        parse({**UPDATE, "OldResourceProperties": properties}).old_properties(Properties)


def test_an_event_that_is_no_request_has_nowhere_to_be_answered() -> None:
    with pytest.raises(msgspec.ValidationError):
        handle({"detail": {}}, applied, placeholder_id=PLACEHOLDER_ID, log=Logger(service="custom-resource"))


class Endpoint(http.server.BaseHTTPRequestHandler):
    """The URL of a response; `failures` times it answers 503 first."""

    failures = 0
    received: list[tuple[str, str | None, dict[str, str]]]

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if type(self).failures:
            type(self).failures -= 1
            self.send_response(503)
        else:
            self.received.append((self.path, self.headers["Content-Type"], json.loads(body)))
            self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[tuple[str, type[Endpoint]]]:
    handler = type("FreshEndpoint", (Endpoint,), {"received": []})
    with http.server.HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/answer?X-Amz-Signature=abc", handler
        server.shutdown()
        thread.join()


def test_a_request_is_applied_and_its_response_put_without_a_content_type(
    endpoint: tuple[str, type[Endpoint]],
) -> None:
    url, handler = endpoint
    log = Logger(service="custom-resource")
    handle({**CREATE, "ResponseURL": url}, applied, placeholder_id=PLACEHOLDER_ID, log=log)
    assert handler.received == [
        (
            "/answer?X-Amz-Signature=abc",
            "",
            {
                "Status": "SUCCESS",
                "Reason": "",
                "PhysicalResourceId": OUR_ID,
                "StackId": CREATE["StackId"],
                "RequestId": CREATE["RequestId"],
                "LogicalResourceId": CREATE["LogicalResourceId"],
            },
        )
    ]


def test_a_response_that_is_not_accepted_is_put_again(endpoint: tuple[str, type[Endpoint]]) -> None:
    url, handler = endpoint
    handler.failures = 3
    waits: list[float] = []
    send(url, response_to(CREATE, applied), sleep=waits.append)
    assert len(handler.received) == 1
    assert waits == [1, 2, 3]


def test_a_response_that_is_never_accepted_is_an_error(endpoint: tuple[str, type[Endpoint]]) -> None:
    url, handler = endpoint
    handler.failures = 4
    with pytest.raises(OSError, match="503"):
        send(url, response_to(CREATE, applied), sleep=lambda _: None)
    assert handler.received == []
