"""A read-only room calls what docs/mail-room.md allows an operator, and nothing else."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import boto3
import httpx
import pytest

from mailbus_cli.deployment import Deployment
from mailbus_cli.room.room import Room
from tests.architecture.source_tree import ROOT
from tests.e2e.room.conftest import served
from tests.e2e.room.recorded import receive, send
from tests.e2e.system import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.local import Local
    from tests.e2e.system import System

[POLICY] = re.findall(
    r"^```json\n(.*?)^```", (ROOT / "docs/mail-room.md").read_text(), re.DOTALL | re.MULTILINE
)
ALLOWED = {action for statement in json.loads(POLICY)["Statement"] for action in statement["Action"]}
# which right an operation needs, where it is not the one of its name
PREFIXES = {"sesv2": "ses"}
RIGHTS = {
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectsV2": "s3:ListBucket",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}
# by which a stage is found
FINDING = {"ssm:GetParametersByPath"}
# everybody may ask who they are
FREE = {"sts:GetCallerIdentity"}
FORM_TOKEN = re.compile(r'name="form_token" value="([^"]+)"')
MAIL = b"From: ada@example.org\r\nTo: support@inbound.example.com\r\nSubject: A question\r\n\r\nWhen?\r\n"


@pytest.fixture(scope="module")
def called(local: Local, system: System) -> Iterator[set[str]]:
    """Look at every page of a room of the stage `prod`; return the rights that its calls needed."""
    outputs = local.outputs
    session = boto3.Session("test", "test", region_name=outputs["region"])
    calls: set[str] = set()

    def note(*, model: Any, **_rest: Any) -> None:
        service = str(model.service_model.service_name)
        name = f"{PREFIXES.get(service, service)}:{model.name}"
        calls.add(RIGHTS.get(name, name))

    session.events.register("before-call", note)
    endpoints = {"": outputs["endpoint_url"], "sesv2": outputs["ses_endpoint_url"]}
    texts = {name: str(value) for name, value in outputs.items()}
    room = Room(
        Deployment(stage="prod", session=session, outputs=texts, endpoints=endpoints), may_write=False
    )
    [sent] = send(system, "bounced", to="bounce@simulator.amazonses.com")
    received = receive(system, MAIL, mail_from="ada@example.org", rcpt_to="support@inbound.example.com")
    letter = system.send(subjet="x")
    with served(room) as origin, httpx.Client(base_url=origin, timeout=60, trust_env=False) as client:
        client.get(f"/?token={room.token}")
        mail = f"/received/{received.message_id}"
        lists = ("/sent", f"/sent?q={sent.recipient}", "/sent?q=@x.example", "/received", "/dead-letters")
        pages = (f"/sent/{sent.message_id}", f"/sent/{sent.job_id}", mail, f"{mail}/source", "/overview")
        for path in (*lists, *pages):
            answer = client.get(path, follow_redirects=True)
            assert answer.status_code == 200, path

        def listed() -> bool:
            token = FORM_TOKEN.search(client.get("/dead-letters/send").text)
            assert token
            client.post("/dead-letters/send/read", data={"form_token": token[1]}, headers={"Origin": origin})
            return letter in client.get("/dead-letters/send").text

        eventually(listed, "the letter is listed")
    yield calls - FREE
    system.dead_letter("SendDeadLetterQueueUrl", letter)


def test_the_policy_of_the_page_allows_what_the_room_calls(called: set[str]) -> None:
    assert called <= ALLOWED


def test_the_policy_of_the_page_allows_nothing_else(called: set[str]) -> None:
    assert ALLOWED - called == FINDING
