"""The examples, deployed beside Mailbus: subscriptions by rules of the bus, and a support desk."""

from __future__ import annotations

import json
import uuid
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

import pytest

from examples.support_desk.desk import open_ticket
from mailbus.events import parse
from tests.architecture.source_tree import ROOT
from tests.e2e.example_stacks import DeskStack, Partner, SubscriptionStack, deploy, job_id_of, raw_of
from tests.e2e.system import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.example_stacks import Outputs
    from tests.e2e.system import System

PATTERNS = ROOT / "examples" / "subscriptions" / "patterns"
EVENT = {
    "version": "0",
    "id": "3d1f6a52-5b0e-4b8c-9a57-2f4d1f5f9a11",
    "source": "mailbus",
    "account": "000000000000",
    "region": "us-east-1",
    "time": "2026-11-22T10:00:00Z",
    "resources": [],
}
SUPPORT = "support@inbound.example.com"
SALES = "sales@inbound.example.com"


@pytest.fixture(scope="module")
def partner() -> Iterator[Partner]:
    partner = Partner()
    yield partner
    partner.close()


@pytest.fixture(scope="module")
def outputs(system: System, partner: Partner, tmp_path_factory: pytest.TempPathFactory) -> Outputs:
    return deploy(system, tmp_path_factory.mktemp("examples"), partner.url)


@pytest.fixture(scope="module")
def deployed(system: System, outputs: Outputs, partner: Partner) -> SubscriptionStack:
    return SubscriptionStack(system, outputs["mail-subscriptions"], partner)


@pytest.fixture(scope="module")
def desk(system: System, outputs: Outputs) -> DeskStack:
    return DeskStack(system, outputs["support-desk"])


# --- subscriptions, through the deployed stack


def test_a_repeated_hard_bounce_is_noted_once(system: System, deployed: SubscriptionStack) -> None:
    address = f"bounce+{uuid.uuid4().hex[:8]}@simulator.amazonses.com"
    job_id = system.send(to=[address])
    (event,) = system.wait(1, job_id=job_id, event_type="bounced")
    expected = [f"bounced#{event['event_id']}"]
    eventually(lambda: deployed.notes(f"address#{address}") == expected, "a note about the address")

    entry = {
        "EventBusName": system.outputs["EventBusName"],
        "Source": "mailbus",
        "DetailType": "email.bounced",
        "Detail": json.dumps(event),
    }
    system.client("events").put_events(Entries=[entry])
    # when this one is noted, the repeated one before it was delivered too
    later = dict(event, event_id=uuid.uuid4().hex)
    system.client("events").put_events(Entries=[{**entry, "Detail": json.dumps(later)}])

    both = sorted([*expected, f"bounced#{later['event_id']}"])
    eventually(lambda: sorted(deployed.notes(f"address#{address}")) == both, "a note of the later event")
    eventually(lambda: len(deployed.queued(job_id)) == 3, "all three on the queue")
    assert sorted(deployed.notes(f"address#{address}")) == both


def test_a_complaint_is_noted_about_the_address(system: System, deployed: SubscriptionStack) -> None:
    address = f"complaint+{uuid.uuid4().hex[:8]}@simulator.amazonses.com"
    job_id = system.send(to=[address])

    (event,) = system.wait(1, job_id=job_id, event_type="complained")

    expected = [f"complained#{event['event_id']}"]
    eventually(lambda: deployed.notes(f"address#{address}") == expected, "a note about the address")


def test_a_click_is_noted_unless_a_bot_made_it(system: System, deployed: SubscriptionStack) -> None:
    job_id = system.send()
    (sent,) = system.wait(1, job_id=job_id, event_type="delivered")
    for link, bot in (("https://example.com/a", "Likely"), ("https://example.com/b", "Unlikely")):
        click = {"event_type": "Click", "link": link, "is_bot_event": bot}
        system.simulator.post(f"events/{sent['message_id']}", json=click).raise_for_status()
    clicks = system.wait(2, job_id=job_id, event_type="clicked")

    people = [f"clicked#{click['event_id']}" for click in clicks if click["bot"] != "likely"]

    assert len(people) == 1
    eventually(lambda: deployed.notes(f"job#{job_id}") == people, "a note about the job")


def test_a_job_is_noted_as_failed_unless_its_id_was_used_for_another(
    system: System, deployed: SubscriptionStack
) -> None:
    sent = system.job()
    system.enqueue(json.dumps(sent))
    system.wait(1, job_id=sent["job_id"], event_type="delivered")
    system.enqueue(json.dumps({**sent, "text": "Something else."}))
    (conflict,) = system.wait(1, job_id=sent["job_id"], event_type="failed")
    job_id = system.send(subject="two\nlines")
    (failed,) = system.wait(1, job_id=job_id, event_type="failed")

    expected = [f"failed#{failed['event_id']}"]
    eventually(lambda: deployed.notes(f"job#{job_id}") == expected, "a note about the failed job")

    assert conflict["error_code"] == "JobIdConflict"
    assert deployed.notes(f"job#{sent['job_id']}") == []


def test_only_events_with_the_tag_reach_the_queue(system: System, deployed: SubscriptionStack) -> None:
    other = system.send(tags=["newsletter"])
    job_id = system.send(tags=["welcome", "invoice"])
    system.wait(3, job_id=other)

    eventually(lambda: len(deployed.queued(job_id)) == 3, "all events on the queue")

    types = sorted(detail["event_type"] for detail in deployed.queued(job_id))
    assert types == ["delivered", "queued", "sent"]
    assert deployed.queued(other) == []


def test_the_endpoint_gets_a_tenants_events_with_its_key_and_their_ids(
    system: System, deployed: SubscriptionStack
) -> None:
    secret = system.client("secretsmanager").get_secret_value(
        SecretId=deployed.outputs["EndpointKeySecretArn"]
    )
    other = system.send()
    job_id = system.send(esp_extra={"TenantName": "shop"})
    details = {
        detail["event_id"]: detail
        for detail in system.wait(3, job_id=job_id)
        if "ses:tenant-name" in detail["message_tags"]
    }
    system.wait(3, job_id=other)

    eventually(
        lambda: len(deployed.partner.requests_about(job_id)) == len(details), "requests at the endpoint"
    )

    assert {detail["event_type"] for detail in details.values()} >= {"sent", "delivered"}
    for headers, body in deployed.partner.requests_about(job_id):
        assert headers["x-api-key"] == secret["SecretString"]
        assert headers["content-type"].startswith("application/json")
        assert body == details[headers["idempotency-key"]]
    assert deployed.partner.requests_about(other) == []


def test_the_outputs_name_the_rules_as_eventbridge_does(system: System, deployed: SubscriptionStack) -> None:
    named = {value for name, value in deployed.outputs.items() if name.endswith("Rule")}
    rules = system.client("events").list_rules(EventBusName=system.outputs["EventBusName"])["Rules"]
    assert len(named) == 7
    assert named <= {rule["Name"] for rule in rules}


def test_no_event_was_dead_lettered(system: System, deployed: SubscriptionStack) -> None:
    system.wait_until_empty("TrackingQueueUrl")
    queues = [name for name in deployed.outputs if name.endswith("DeadLetterQueueUrl")]
    assert len(queues) == 8
    assert {name: system.message_count(deployed.outputs[name], "") for name in queues} == dict.fromkeys(
        queues, 0
    )


# --- the patterns of subscriptions by themselves


def _event(event_type: str, **fields: object) -> dict[str, Any]:
    detail = {
        "event_type": event_type,
        "event_id": "0f" * 16,
        "job_id": "job-1",
        "recipient": "ann@example.com",
        "tags": ["welcome"],
        "message_tags": {"ses:from-domain": ["example.com"]},
        "reject_reason": None,
        "error_code": None,
        "bot": None,
        "bounce": None,
        **fields,
    }
    return {**EVENT, "detail-type": f"email.{event_type}", "detail": detail}


def _bounce(kind: str) -> dict[str, Any]:
    return {"type": kind, "sub_type": "General", "status": None}


@pytest.mark.parametrize(
    ("pattern", "event", "matches"),
    [
        ("bounces", _event("bounced", bounce=_bounce("Permanent")), True),
        ("bounces", _event("bounced", bounce=_bounce("Transient")), True),
        ("bounces", _event("delivered"), False),
        ("bounces", {**_event("bounced"), "source": "aws.ses"}, False),
        ("hard_bounces", _event("bounced", reject_reason="bounced", bounce=_bounce("Permanent")), True),
        ("hard_bounces", _event("bounced", reject_reason="bounced", bounce=_bounce("Transient")), False),
        ("hard_bounces", _event("bounced", reject_reason="bounced", bounce=_bounce("Undetermined")), False),
        ("hard_bounces", _event("bounced", reject_reason="unsubscribed", bounce=_bounce("Permanent")), False),
        ("hard_bounces", _event("bounced", reject_reason="blocked", bounce=_bounce("Permanent")), False),
        ("hard_bounces", _event("bounced"), False),
        ("hard_bounces", _event("autoresponded", bounce=_bounce("Transient")), False),
        ("bounces", _event("autoresponded", bounce=_bounce("Transient")), False),
        ("failed_jobs", _event("failed", error_code="Expired"), True),
        ("failed_jobs", _event("rejected", error_code="MessageRejected"), True),
        ("failed_jobs", _event("failed", error_code="JobIdConflict"), False),
        ("failed_jobs", _event("bounced"), False),
        ("complaints", _event("complained", reject_reason="spam"), True),
        ("complaints", _event("complained"), False),
        ("complaints", _event("bounced", reject_reason="spam"), False),
        ("clicks_without_bots", _event("clicked", bot="unlikely"), True),
        ("clicks_without_bots", _event("clicked", bot=None), True),
        ("clicks_without_bots", _event("clicked", bot="likely"), False),
        ("clicks_without_bots", _event("opened", bot="unlikely"), False),
        ("tenant", _event("sent", message_tags={"ses:tenant-name": ["shop"]}), True),
        ("tenant", _event("sent", message_tags={"ses:tenant-name": ["Shop"]}), False),
        ("tenant", _event("sent"), False),
        ("tag", _event("opened", tags=["invoice"]), True),
        ("tag", _event("opened", tags=["welcome", "invoice"]), True),
        ("tag", _event("opened", tags=["invoices"]), False),
        ("tag", _event("opened", tags=[]), False),
    ],
)
def test_a_pattern_matches_what_its_name_says(
    system: System, pattern: str, event: dict[str, Any], *, matches: bool
) -> None:
    answer = system.client("events").test_event_pattern(
        EventPattern=(PATTERNS / f"{pattern}.json").read_text(), Event=json.dumps(event)
    )
    assert answer["Result"] is matches


def test_every_pattern_matches_an_event_of_the_deployed_system(system: System) -> None:
    job_id = system.send(
        to=["bounce@simulator.amazonses.com"], tags=["invoice"], esp_extra={"TenantName": "shop"}
    )
    system.wait(3, job_id=job_id)
    complained = system.send(to=["complaint@simulator.amazonses.com"])
    (delivered, *_) = system.wait(1, job_id=complained, event_type="delivered")
    system.wait(1, job_id=complained, event_type="complained")
    system.simulator.post(
        f"events/{delivered['message_id']}", json={"event_type": "Click", "link": "https://example.com/"}
    ).raise_for_status()
    system.wait(1, job_id=complained, event_type="clicked")
    failed = system.send(subject="two\nlines")
    system.wait(1, job_id=failed, event_type="failed")
    jobs = {job_id, complained, failed}
    events = [event for event in system.whole_events() if event["detail"].get("job_id") in jobs]

    matching = {
        path.stem: any(
            system.client("events").test_event_pattern(
                EventPattern=path.read_text(), Event=json.dumps(event)
            )["Result"]
            for event in events
        )
        for path in PATTERNS.glob("*.json")
    }

    assert matching == dict.fromkeys(matching, True)
    assert len(matching) == 7


# --- the support desk


def _question(sender: str, recipient: str, **headers: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = recipient
    mail["Subject"] = "Lieferung für Köln"
    mail["Message-ID"] = f"<{uuid.uuid4().hex}@example.org>"
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content("Wann kommt das Paket?\n\nGrüße\nAda\n")
    return mail


def test_a_mail_is_answered_in_its_thread_from_its_recipient_with_a_label(desk: DeskStack) -> None:
    mail = _question(
        "Ada <ada@example.org>",
        SUPPORT,
        In_Reply_To="<2@example.org>",
        References="<1@example.org> <2@example.org>",
    )

    event = desk.receive(mail.as_bytes(), SUPPORT)
    sent = desk.wait_for_answer(event)

    assert sent["In-Reply-To"] == mail["Message-ID"]
    assert sent["References"].split() == ["<1@example.org>", "<2@example.org>", mail["Message-ID"]]
    assert sent["Subject"] == "Re: Lieferung für Köln"
    ticket = open_ticket(parse(event))
    assert ticket is not None
    assert (sent["From"], sent["To"]) == (f"support+{ticket.number}@inbound.example.com", "ada@example.org")
    assert sent["Auto-Submitted"] == "auto-replied"
    body = sent.get_body()
    assert body is not None
    assert "> Wann kommt das Paket?" in body.get_content()


def test_a_repeated_event_is_not_answered_again(system: System, desk: DeskStack) -> None:
    event = desk.receive(_question("ada@example.org", SUPPORT).as_bytes(), SUPPORT)
    desk.wait_for_answer(event)

    assert desk.invoke(event) == "answered"
    later = system.send()

    system.wait(1, job_id=later, event_type="delivered")
    assert len(desk.answered(event)) == 1


@pytest.mark.parametrize(
    ("headers", "sender"),
    [
        ({"Auto_Submitted": "auto-replied"}, "ada@example.org"),
        ({"Precedence": "bulk"}, "ada@example.org"),
        ({"List_Id": "<news.example.org>"}, "ada@example.org"),
        ({"X_Auto_Response_Suppress": "OOF, AutoReply"}, "ada@example.org"),
        ({}, ""),
    ],
)
def test_automatic_mail_is_not_answered(
    system: System, desk: DeskStack, headers: dict[str, str], sender: str
) -> None:
    mail = _question("ada@example.org", SUPPORT, **headers)

    event = desk.receive(mail.as_bytes(), SUPPORT, sender=sender)

    assert desk.invoke(event) == "automatic"
    assert system.ledger_record(job_id_of(event)) is None


def test_two_desks_do_not_answer_each_other_forever(system: System, desk: DeskStack) -> None:
    first = desk.receive(_question(SALES, SUPPORT).as_bytes(), SUPPORT, sender=SALES)
    desk.wait_for_answer(first)
    (sent,) = desk.answered(first)

    second = desk.receive(raw_of(sent), SALES, sender=SUPPORT)

    assert second["message"]["auto_submitted"] == "auto-replied"
    assert desk.invoke(second) == "automatic"
    assert system.ledger_record(job_id_of(second)) is None


def test_an_unmarked_robot_gets_one_answer(system: System, desk: DeskStack) -> None:
    first = desk.receive(_question("robot@example.org", SUPPORT).as_bytes(), SUPPORT)
    labelled = str(desk.wait_for_answer(first)["From"])

    second = desk.receive(_question("robot@example.org", labelled).as_bytes(), labelled)

    assert list(second["message"]["recipient_details"]) == [labelled]
    assert desk.invoke(second) == "follow-up"
    assert system.ledger_record(job_id_of(second)) is None
