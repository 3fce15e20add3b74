from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, cast

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from starlette.exceptions import HTTPException

from mailbus.errors import ConfigurationError, SendError
from mailbus_cli.deployment import Deployment
from mailbus_cli.errors import CommandError
from mailbus_cli.room.app import application
from mailbus_cli.room.failures import failure_of
from mailbus_cli.room.room import Room
from mailbus_local.testing.errors import SystemFailed
from tests.unit.mailbus_cli.room.laptop import FakeDeployment, FakeTimeline

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mailbus.timeline.mails import ReceivedPage

HOST = "127.0.0.1:8025"
TABLE = "arn:aws:dynamodb:eu-west-1:210411883307:table/timeline"
DENIED = (
    "User: arn:aws:sts::210411883307:assumed-role/ops-reader/ann is not authorized to perform: "
    f"dynamodb:Query on resource: {TABLE} because no identity-based policy allows it"
)


def refused(code: str, message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Query")


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


class Refusing(Deployment):
    """A stage of an account that answers every call with an error."""

    def __init__(self, error: Exception, profile: str | None) -> None:
        session = boto3.Session(profile_name=profile, region_name="eu-west-1")
        outputs = {"TimelineTableName": "timeline", "LedgerTableName": "ledger"}
        super().__init__(stage="prod", session=session, outputs=outputs)
        self._error = error

    def client(self, service: str, *, region: str | None = None) -> Any:  # noqa: ARG002 - as of all
        error = self._error

        class Client:
            def __getattr__(self, name: str) -> Callable[..., Any]:
                def call(**_arguments: object) -> Any:
                    raise error

                return call

        return Client()


def page(error: Exception, path: str, profile: str | None = None) -> httpx.Response:
    return answer_of(Room(Refusing(error, profile), may_write=False), path)


def answer_of(room: Room, path: str) -> httpx.Response:
    async def get() -> httpx.Response:
        transport = httpx.ASGITransport(application(room, HOST), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}") as client:
            await client.get("/", params={"token": room.token})
            return await client.get(path)

    return asyncio.run(get())


@pytest.mark.parametrize("path", ["/sent", "/sent?q=a@x.example", "/sent?q=tag:x", "/sent/m1", "/received"])
def test_expired_credentials_are_a_page_that_says_so_and_looks_again(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text("[profile prod]\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    answer = page(refused("ExpiredTokenException"), path, profile="prod")
    assert answer.status_code == 503
    assert "<h1>Your credentials have expired</h1>" in answer.text
    assert 'data-copy="aws sso login --profile prod"' in answer.text
    assert "data-retry" in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_missing_right_is_a_page_with_the_statement_to_copy() -> None:
    answer = page(refused("AccessDeniedException", DENIED), "/sent")
    assert answer.status_code == 403
    assert "may not dynamodb:Query on arn:aws:dynamodb" in answer.text
    assert "data-retry" not in answer.text
    assert json.loads(failure_of(refused("AccessDeniedException", DENIED)).copied or "") == {
        "Effect": "Allow",
        "Action": "dynamodb:Query",
        "Resource": TABLE,
    }


def test_a_right_that_aws_names_no_resource_of_is_for_all() -> None:
    denied = "User: arn:aws:iam::1:user/ann is not authorized to perform: cloudwatch:GetMetricData because no"
    statement = json.loads(failure_of(refused("AccessDenied", denied)).copied or "")
    assert (statement["Action"], statement["Resource"]) == ("cloudwatch:GetMetricData", "*")


def test_a_missing_right_that_aws_does_not_name_has_no_statement() -> None:
    assert failure_of(refused("AccessDenied")).copied is None


@pytest.mark.parametrize(
    "error",
    [
        caused(SendError("ExpiredToken", "no", retryable=False), refused("ExpiredToken")),
        caused(ConfigurationError("no"), refused("ExpiredToken")),
        caused(CommandError("no", hint="no"), caused(ConfigurationError("no"), refused("ExpiredToken"))),
    ],
)
def test_what_aws_answered_is_found_behind_other_errors(error: Exception) -> None:
    assert failure_of(error).title == "Your credentials have expired"


def test_a_system_that_has_ended_is_named() -> None:
    failure = failure_of(EndpointConnectionError(endpoint_url="http://127.0.0.1:4566/"))
    assert (failure.title, failure.passes) == ("Not connected", False)
    assert "`mailbus local` starts one" in str(failure.hint)


def test_aws_that_does_not_answer_is_asked_again() -> None:
    assert failure_of(EndpointConnectionError(endpoint_url="https://dynamodb.eu-west-1.example/")).passes


def test_new_keys_of_the_environment_need_another_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    failure = failure_of(refused("ExpiredToken"))
    assert (failure.copied, failure.passes) == (None, False)
    assert str(failure.hint).endswith("Then start `mailbus room` again.")


def test_an_error_of_a_command_keeps_its_words() -> None:
    failure = failure_of(CommandError("the stage has no LedgerTableName", hint="deploy the stage"))
    assert (failure.title, failure.hint) == ("The stage has no LedgerTableName", "deploy the stage")
    assert failure_of(ConfigurationError("a key is missing")).title == "A key is missing"


def test_a_simulated_ses_that_has_ended_is_no_mistake_of_the_page() -> None:
    failure = failure_of(SystemFailed("the simulated SES at http://127.0.0.1:1 does not answer: refused"))
    assert (failure.title, failure.status) == ("The simulated SES does not answer", 503)
    assert str(failure.hint).startswith("`mailbus local` starts it.")


def test_a_mistake_of_the_room_has_a_page_with_the_headers_of_all() -> None:
    class Mistaken(FakeTimeline):
        def received(self, before: str | None = None, limit: int = 50) -> ReceivedPage:
            reason = f"<b>{before} by {limit}"
            raise ZeroDivisionError(reason)

    room = Room(cast("Deployment", FakeDeployment("http://127.0.0.1:9/_simulator")), may_write=True)
    room.__dict__["timeline"] = Mistaken()
    answer = answer_of(room, "/received")
    assert (answer.status_code, "ZeroDivisionError: &lt;b&gt;None by 50" in answer.text) == (500, True)
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["cache-control"] == "no-store"


def test_an_address_of_no_page_is_said_in_a_page() -> None:
    answer = page(refused("ExpiredToken"), "/nowhere")
    assert (answer.status_code, "<h1>No such page</h1>" in answer.text) == (404, True)
    assert failure_of(HTTPException(403, "This form is not one of the room's.")).title.startswith("This form")
