from __future__ import annotations

import http.server
import json
import threading
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from aws_lambda_powertools import Logger
from botocore.stub import Stubber

from activation.aws.rule_sets import ActiveRuleSet
from activation.decision import NOTHING, Decision, Request, Standing, decide, standing
from activation.handler import Wiring, serve
from mailbus.aws.custom_resource import answer, deliver, parse_call
from mailbus.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_ses.client import SESClient

OURS = "mailbus-prod"
THEIRS = "helpdesk-rules"
OUR_ID = "receipt-rule-set/mailbus-prod"
DISPLACING_ID = "receipt-rule-set/mailbus-prod/displaced/helpdesk-rules"


def request(
    activity: str, *, displace: bool = False, looks: bool = False, before: Standing | None = None
) -> Request:
    return Request(activity=activity, rule_set=OURS, displace=displace, looks=looks, before=before)


# What is decided

OURS_ALONE = Standing(rule_set=OURS)
OURS_DISPLACING = Standing(rule_set=OURS, displaced=THEIRS)

DECISIONS = {
    "creating where none is active activates ours": (
        request("Create"),
        None,
        Decision(activate=OURS, after=OURS_ALONE),
    ),
    "creating where ours is active already does nothing": (
        request("Create"),
        OURS,
        Decision(after=OURS_ALONE),
    ),
    "creating may displace another's when told to, and remembers it": (
        request("Create", displace=True),
        THEIRS,
        Decision(activate=OURS, after=OURS_DISPLACING),
    ),
    "looking changes nothing, and says what is going to be displaced": (
        request("Create", displace=True, looks=True),
        THEIRS,
        Decision(after=OURS_DISPLACING),
    ),
    "looking again keeps what was displaced since": (
        request("Update", displace=True, looks=True, before=OURS_DISPLACING),
        OURS,
        Decision(after=OURS_DISPLACING),
    ),
    "creating after it was looked displaces what was found then": (
        request("Create", displace=True, before=OURS_DISPLACING),
        THEIRS,
        Decision(activate=OURS, after=OURS_DISPLACING),
    ),
    "creating a second time after it was looked forgets nothing": (
        request("Create", displace=True, before=OURS_DISPLACING),
        OURS,
        Decision(after=OURS_DISPLACING),
    ),
    "updating what is active does nothing and keeps what was displaced": (
        request("Update", before=OURS_DISPLACING),
        OURS,
        Decision(after=OURS_DISPLACING),
    ),
    "updating activates ours again where somebody deactivated it": (
        request("Update", before=OURS_DISPLACING),
        None,
        Decision(activate=OURS, after=OURS_DISPLACING),
    ),
    "updating to another name takes over from our former set": (
        request("Update", before=Standing(rule_set="mailbus-old", displaced=THEIRS)),
        "mailbus-old",
        Decision(activate=OURS, after=OURS_DISPLACING),
    ),
    "updating displaces another's that came later, under the id that ours had": (
        request("Update", displace=True, before=OURS_ALONE),
        THEIRS,
        Decision(activate=OURS, after=OURS_ALONE),
    ),
    "updating to another name displaces another's and remembers it": (
        request("Update", displace=True, before=Standing(rule_set="mailbus-old")),
        THEIRS,
        Decision(activate=OURS, after=OURS_DISPLACING),
    ),
    "deleting deactivates ours": (
        request("Delete", before=OURS_ALONE),
        OURS,
        Decision(deactivate=True, after=OURS_ALONE),
    ),
    "deleting gives the place back to what was displaced": (
        request("Delete", before=OURS_DISPLACING),
        OURS,
        Decision(activate=THEIRS, after=OURS_DISPLACING),
    ),
    "deleting leaves another's alone": (
        request("Delete", before=OURS_DISPLACING),
        "newer-rules",
        Decision(after=OURS_DISPLACING),
    ),
    "deleting where none is active does nothing": (
        request("Delete", before=OURS_ALONE),
        None,
        Decision(after=OURS_ALONE),
    ),
    "deleting what never stood does nothing": (request("Delete"), OURS, Decision(after=OURS_ALONE)),
}


@pytest.mark.parametrize(("asked", "active", "decided"), DECISIONS.values(), ids=DECISIONS)
def test_what_is_decided(asked: Request, active: str | None, decided: Decision) -> None:
    assert decide(asked, active) == decided


@pytest.mark.parametrize("active", [None, OURS, THEIRS])
@pytest.mark.parametrize("before", [OURS_ALONE, OURS_DISPLACING, Standing(rule_set="mailbus-old")])
def test_deleting_the_former_resource_after_an_update_leaves_ours_active(
    before: Standing, active: str | None
) -> None:
    after = decide(request("Update", displace=True, before=before), active).after
    replaced = after.physical_id() != before.physical_id()
    cleaned = decide(request("Delete", before=before), OURS) if replaced else Decision(after=after)
    assert (cleaned.activate, cleaned.deactivate) == (None, False)


@pytest.mark.parametrize("looks", [True, False])
@pytest.mark.parametrize("activity", ["Create", "Update"])
def test_a_rule_set_that_is_active_already_is_not_hijacked(activity: str, looks: bool) -> None:  # noqa: FBT001 - pytest's
    with pytest.raises(ConfigurationError) as refused:
        decide(request(activity, looks=looks, before=None), THEIRS)
    assert "'helpdesk-rules' is active" in str(refused.value)
    assert "inbound.displace_active_rule_set = true" in str(refused.value)


@pytest.mark.parametrize("stands", [OURS_ALONE, OURS_DISPLACING])
def test_a_standing_survives_as_physical_id(stands: Standing) -> None:
    assert standing(stands.physical_id()) == stands


@pytest.mark.parametrize("other", [None, "", NOTHING, "2026/11/22/[$LATEST]d41d8cd98f00b204e9800998ecf8427e"])
def test_another_physical_id_is_no_standing(other: str | None) -> None:
    assert standing(other) is None


# What CloudFormation gets

CREATE: dict[str, Any] = {
    "RequestType": "Create",
    "ServiceToken": "arn:aws:lambda:eu-west-1:111122223333:function:mailbus-prod-receiving-Activator",
    "ResponseURL": "https://cloudformation-custom-resource-response-euwest1.s3-eu-west-1.amazonaws.com/arn%3Aaws",
    "StackId": "arn:aws:cloudformation:eu-west-1:111122223333:stack/mailbus-prod-receiving/5b1c0d50",
    "RequestId": "7bfe2d54-710a-4f6f-9b3e-7b6a5e0ef5b1",
    "ResourceType": "Custom::ActiveReceiptRuleSet",
    "LogicalResourceId": "ReceivingActivationActiveCB4CB7F5",
    "ResourceProperties": {
        "ServiceToken": "arn:aws:lambda:eu-west-1:111122223333:function:mailbus-prod-receiving-Activator",
        "RuleSetName": OURS,
        "Displace": "false",
    },
}
DELETE = {**CREATE, "RequestType": "Delete", "PhysicalResourceId": DISPLACING_ID}
DISPLACE = {**CREATE["ResourceProperties"], "Displace": "true"}
# One resource looks, and the other one is told what that found.
LOOK = {
    **CREATE,
    "ResourceType": "Custom::ActiveReceiptRuleSetBefore",
    "ResourceProperties": {**DISPLACE, "Look": "true"},
}
LOOKED = {**CREATE, "ResourceProperties": {**DISPLACE, "Standing": DISPLACING_ID}}


class Ses:
    """SES as botocore knows it, with the calls that are to come and their answers."""

    def __init__(self) -> None:
        self.client: SESClient = boto3.client(
            "ses", region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test"
        )
        self.stub = Stubber(self.client)
        self.stub.activate()

    def active(self, name: str | None) -> None:
        answer = {"Metadata": {"Name": name}, "Rules": []} if name else {}
        self.stub.add_response("describe_active_receipt_rule_set", answer, {})

    def activates(self, name: str | None) -> None:
        self.stub.add_response("set_active_receipt_rule_set", {}, {"RuleSetName": name} if name else {})

    def fails(self, operation: str, code: str, message: str) -> None:
        self.stub.add_client_error(operation, code, message)


@pytest.fixture
def ses() -> Iterator[Ses]:
    stubbed = Ses()
    yield stubbed
    stubbed.stub.assert_no_pending_responses()


def served(event: dict[str, Any], ses: Ses) -> dict[str, str]:
    wiring = Wiring(rule_set=ActiveRuleSet(ses.client), log=Logger(service="activation"))
    reply = serve(event, parse_call(event), wiring)
    assert (reply.stack_id, reply.request_id, reply.logical_resource_id) == (
        CREATE["StackId"],
        CREATE["RequestId"],
        CREATE["LogicalResourceId"],
    )
    return {"status": reply.status, "id": reply.physical_resource_id, "reason": reply.reason}


def test_the_rule_set_is_activated(ses: Ses) -> None:
    ses.active(None)
    ses.activates(OURS)
    assert served(CREATE, ses) == {"status": "SUCCESS", "id": OUR_ID, "reason": ""}


def test_a_refusal_is_told_to_cloudformation(ses: Ses) -> None:
    ses.active(THEIRS)
    reply = served(CREATE, ses)
    assert (reply["status"], reply["id"]) == ("FAILED", NOTHING)
    assert reply["reason"].startswith("ConfigurationError: the receipt rule set 'helpdesk-rules' is active")


def test_the_rollback_of_a_refusal_touches_nothing(ses: Ses) -> None:
    assert served({**DELETE, "PhysicalResourceId": NOTHING}, ses) == {
        "status": "SUCCESS",
        "id": NOTHING,
        "reason": "",
    }


def test_what_is_active_is_noted_before_ours_is_activated(ses: Ses) -> None:
    ses.active(THEIRS)
    assert served(LOOK, ses) == {"status": "SUCCESS", "id": DISPLACING_ID, "reason": ""}


def test_who_has_only_looked_has_nothing_to_undo(ses: Ses) -> None:
    deleted = {**LOOK, "RequestType": "Delete", "PhysicalResourceId": DISPLACING_ID}
    assert served(deleted, ses) == {"status": "SUCCESS", "id": DISPLACING_ID, "reason": ""}


def test_a_creation_that_lambda_hands_over_twice_forgets_nothing_that_it_displaced(ses: Ses) -> None:
    ses.active(THEIRS)
    ses.activates(OURS)
    assert served(LOOKED, ses)["id"] == DISPLACING_ID

    ses.active(OURS)
    assert served(LOOKED, ses) == {"status": "SUCCESS", "id": DISPLACING_ID, "reason": ""}


def test_a_creation_whose_answer_got_lost_is_rolled_back_to_what_there_was(ses: Ses) -> None:
    ses.active(OURS)
    ses.activates(THEIRS)
    # without an answer CloudFormation makes an id up
    made_up = "mailbus-prod-receiving-ReceivingActivationActiveCB4CB7F5-1QZ8XK0WN5T7B"
    rolled_back = {**LOOKED, "RequestType": "Delete", "PhysicalResourceId": made_up}
    assert served(rolled_back, ses)["status"] == "SUCCESS"


def test_a_creation_that_failed_after_ses_did_it_is_rolled_back_to_what_there_was(ses: Ses) -> None:
    ses.active(THEIRS)
    ses.fails("set_active_receipt_rule_set", "InternalFailure", "done, though the answer is an error")
    failed = served(LOOKED, ses)
    assert (failed["status"], failed["id"]) == ("FAILED", NOTHING)

    ses.active(OURS)
    ses.activates(THEIRS)
    rolled_back = {**LOOKED, "RequestType": "Delete", "PhysicalResourceId": NOTHING}
    assert served(rolled_back, ses)["status"] == "SUCCESS"


def test_a_creation_that_failed_before_ses_did_it_leaves_what_is_active(ses: Ses) -> None:
    ses.active(THEIRS)
    rolled_back = {**LOOKED, "RequestType": "Delete", "PhysicalResourceId": NOTHING}
    assert served(rolled_back, ses)["status"] == "SUCCESS"


def test_what_was_displaced_is_active_again_after_deletion(ses: Ses) -> None:
    ses.active(OURS)
    ses.activates(THEIRS)
    assert served(DELETE, ses) == {"status": "SUCCESS", "id": DISPLACING_ID, "reason": ""}


def test_ours_is_deactivated_when_what_it_displaced_is_gone(ses: Ses) -> None:
    ses.active(OURS)
    ses.fails("set_active_receipt_rule_set", "RuleSetDoesNotExist", "Rule set does not exist: helpdesk-rules")
    ses.activates(None)
    assert served(DELETE, ses)["status"] == "SUCCESS"


def test_activating_a_set_that_is_not_there_fails_with_its_name(ses: Ses) -> None:
    ses.active(None)
    ses.fails("set_active_receipt_rule_set", "RuleSetDoesNotExist", "Rule set does not exist: mailbus-prod")
    reply = served(CREATE, ses)
    assert reply["status"] == "FAILED"
    assert "'mailbus-prod'" in reply["reason"]


def test_an_error_of_ses_is_told_to_cloudformation(ses: Ses) -> None:
    ses.fails("describe_active_receipt_rule_set", "AccessDenied", "not authorized to perform ses:Describe")
    reply = served({**CREATE, "RequestType": "Update", "PhysicalResourceId": OUR_ID}, ses)
    assert (reply["status"], reply["id"]) == ("FAILED", OUR_ID)
    assert "not authorized" in reply["reason"]


@pytest.mark.parametrize(
    ("properties", "named"),
    [
        ({}, "RuleSetName"),
        ({"RuleSetName": None}, "RuleSetName"),
        ({"RuleSetName": OURS, "Displace": "perhaps"}, "Displace"),
        ("mailbus", "ResourceProperties"),
    ],
)
def test_wrong_properties_fail_by_name(properties: object, named: str, ses: Ses) -> None:
    reply = served({**CREATE, "ResourceProperties": properties}, ses)
    assert reply["status"] == "FAILED"
    assert named in reply["reason"]


def test_a_long_reason_fits_into_the_answer() -> None:
    reply = answer(parse_call(CREATE), NOTHING, "x" * 10_000)
    assert len(reply.reason) == 1000


# How it is delivered


class Mailbox(http.server.BaseHTTPRequestHandler):
    """Where answers are put; fails as often as it is told to."""

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
def mailbox() -> Iterator[tuple[str, type[Mailbox]]]:
    handler = type("FreshMailbox", (Mailbox,), {"received": []})
    with http.server.HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/answer?X-Amz-Signature=abc", handler
        server.shutdown()
        thread.join()


def test_the_answer_is_put_without_a_content_type(mailbox: tuple[str, type[Mailbox]]) -> None:
    url, handler = mailbox
    deliver(url, answer(parse_call(CREATE), OUR_ID))
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


def test_an_answer_that_is_not_taken_is_put_again(mailbox: tuple[str, type[Mailbox]]) -> None:
    url, handler = mailbox
    handler.failures = 3
    waits: list[float] = []
    deliver(url, answer(parse_call(CREATE), OUR_ID), sleep=waits.append)
    assert len(handler.received) == 1
    assert waits == [1, 2, 3]


def test_an_answer_that_is_never_taken_is_an_error(mailbox: tuple[str, type[Mailbox]]) -> None:
    url, handler = mailbox
    handler.failures = 4
    with pytest.raises(OSError, match="503"):
        deliver(url, answer(parse_call(CREATE), OUR_ID), sleep=lambda _: None)
    assert handler.received == []
