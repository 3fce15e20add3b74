"""The requests that the sender builds, accepted and sent by the simulated SES."""

from __future__ import annotations

import json
from email import message_from_string, policy
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from mailbus.events import Mailbox
from mailbus.jobs.contract import Alternative
from mailbus.jobs.job import Job, MergeRecipient
from sender.ses.client import MailService
from sender.ses.errors import Fault
from sender.ses.send_bulk_email import build_bulk_request
from sender.ses.send_email import build_request
from tests.unit.sender.example_settings import SETTINGS
from tests.unit.sender.ses.example_jobs import LOGO, PDF, merge_job
from tests.unit.sender.ses.example_messages import structure

if TYPE_CHECKING:
    from conftest import Lab

    from mailbus.environment import SenderSettings

SHOP = Mailbox(name="Shop für alle", address="shop@example.com")


def settings(lab: Lab) -> SenderSettings:
    return msgspec.structs.replace(
        SETTINGS, configuration_set_name=lab.configuration_set, message_tag_name="campaign"
    )


def parsed(accepted: dict[str, Any]) -> EmailMessage:
    message = message_from_string(accepted["raw"], policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def test_a_mail_with_everything_arrives_as_the_job_asked(lab: Lab) -> None:
    job = Job(
        job_id="everything-1",
        from_email=(SHOP, Mailbox(name="", address="owner@example.com")),
        to=(Mailbox(name="Ann", address="ann@customer.example"),),
        shown_to=(Mailbox(name="Everyone", address="all@example.com"),),
        cc=(Mailbox(name="", address="bob@customer.example"),),
        bcc=(Mailbox(name="", address="archive@customer.example"),),
        reply_to=(Mailbox(name="", address="help@example.com"),),
        subject="Grüße aus dem Laden",
        text="Hallo",
        html="<img src='cid:logo'>",
        alternatives=(
            Alternative(content="BEGIN:VCALENDAR\nEND:VCALENDAR\n", content_type="text/calendar"),
            Alternative(content="<!doctype html><html ⚡4email></html>", content_type="text/x-amp-html"),
        ),
        attachments=(LOGO, PDF),
        headers=(("List-Unsubscribe", "<https://example.com/u?t=1>"),),
        envelope_sender="bounces@example.com",
        tags=("spring",),
        metadata={"token": "x" * 1200},
        track_opens=False,
        track_clicks=True,
        esp_extra={
            "EmailTags": [{"Name": "shop", "Value": "4"}],
            "ListManagementOptions": {"ContactListName": "news", "TopicName": "weekly"},
            "TenantName": "shop-4",
        },
    )
    message_id = MailService(lab.sesv2).send(build_request(job, settings(lab)))
    assert isinstance(message_id, str), message_id
    accepted = lab.message(message_id)
    assert accepted["operation"] == "SendEmail"
    assert accepted["recipients"] == [
        "ann@customer.example",
        "bob@customer.example",
        "archive@customer.example",
    ]
    assert accepted["configuration_set"] == lab.configuration_set
    assert accepted["tags"] == {
        "mailbus-job-id": "everything-1",
        "campaign": "spring",
        "shop": "4",
        "ses:tenant-name": "shop-4",
    }
    assert accepted["overrides"] == {
        "Tracking": {"OpenTrackingEnabled": "DISABLED", "ClickTrackingEnabled": "ENABLED"}
    }
    assert accepted["feedback_address"] == "bounces@example.com"
    assert accepted["list_management"] == {"ContactListName": "news", "TopicName": "weekly"}
    message = parsed(accepted)
    assert message["From"] == "Shop für alle <shop@example.com>, owner@example.com"
    assert message["Sender"] == "Shop für alle <shop@example.com>"
    assert message["To"] == "Everyone <all@example.com>"
    assert message["Subject"] == "Grüße aus dem Laden"
    assert json.loads(message["X-Metadata"]) == job.metadata
    assert "archive@" not in accepted["raw"]
    assert structure(message) == {
        "multipart/mixed": [
            {
                "multipart/alternative": [
                    "text/plain",
                    "text/x-amp-html",
                    {"multipart/related": ["text/html", "image/png"]},
                    "text/calendar",
                ]
            },
            "application/pdf",
        ]
    }
    [file] = message.iter_attachments()
    assert file.get_content() == PDF.content


RECIPIENTS = (
    MergeRecipient(
        mailbox=Mailbox(name="Zoë", address="zoe@customer.example"),
        data={"shop": "Example", "name": "Zoë"},
        metadata={"user": 17},
        headers=(("List-Unsubscribe", "<https://example.com/u?t=17>"), ("X-Note", "für Zoë")),
    ),
    MergeRecipient(
        mailbox=Mailbox(name="", address="liu@customer.example"),
        data={"shop": "Example", "name": "Liu"},
        metadata={"user": 18},
    ),
)


def newsletter(template_id: str | None, **fields: Any) -> Job:
    defaults: dict[str, Any] = {
        "from_email": (SHOP,),
        "cc": (Mailbox(name="", address="boss@example.com"),),
        "reply_to": (Mailbox(name="", address="help@example.com"),),
        "attachments": (LOGO, PDF),
        "tags": ("spring",),
        "envelope_sender": "bounces@example.com",
        "track_opens": True,
        "esp_extra": {"DefaultEmailTags": [{"Name": "shop", "Value": "4"}], "TenantName": "shop-4"},
    }
    return merge_job(*RECIPIENTS, template_id=template_id, **defaults | fields)


def sent(lab: Lab, job: Job, part: int | None = None) -> list[dict[str, Any]]:
    bulk = build_bulk_request(job, settings(lab), part)
    answers = MailService(lab.sesv2).send_bulk(bulk, range(len(bulk.entries)))
    assert isinstance(answers, tuple), answers
    return [lab.message(answer) for answer in answers if isinstance(answer, str)]


CONTENT = {
    "Subject": "Hallo {{name}}",
    "Text": "Hallo {{name}} von {{shop}}",
    "Html": "<p>{{name}}</p><img src='cid:logo'>",
}


@pytest.mark.parametrize("stored", ["stored", "inline"])
def test_a_merge_is_a_message_of_its_own_for_each_recipient(lab: Lab, stored: str) -> None:
    if stored == "stored":
        lab.sesv2.create_email_template(TemplateName=lab.configuration_set, TemplateContent=CONTENT)
        job = newsletter(lab.configuration_set)
    else:
        job = newsletter(None, subject=CONTENT["Subject"], text=CONTENT["Text"], html=CONTENT["Html"])
    zoe, liu = sent(lab, job, part=2)
    assert zoe["operation"] == "SendBulkEmail"
    assert zoe["recipients"] == ["zoe@customer.example", "boss@example.com"]
    assert zoe["tags"] == {
        "mailbus-job-id": "spring-1",
        "mailbus-entry": "2-0",
        "campaign": "spring",
        "shop": "4",
        "ses:tenant-name": "shop-4",
    }
    assert liu["tags"]["mailbus-entry"] == "2-1"
    assert zoe["overrides"] == {"Tracking": {"OpenTrackingEnabled": "ENABLED"}}
    assert zoe["feedback_address"] == "bounces@example.com"
    message = parsed(zoe)
    assert message["From"] == "Shop für alle <shop@example.com>"
    assert message["To"] == "Zoë <zoe@customer.example>"
    assert message["Cc"] == "boss@example.com"
    assert message["Reply-To"] == "help@example.com"
    assert message["Subject"] == "Hallo Zoë"
    assert message["List-Unsubscribe"] == "<https://example.com/u?t=17>"
    assert message["X-Note"] == "für Zoë"
    assert message["X-Tag"] == "spring"
    assert json.loads(message["X-Metadata"]) == {"user": 17}
    text = message.get_body(("plain",))
    assert text is not None
    assert text.get_content().splitlines() == ["Hallo Zoë von Example"]
    assert structure(message) == {
        "multipart/mixed": [
            {"multipart/alternative": ["text/plain", {"multipart/related": ["text/html", "image/png"]}]},
            "application/pdf",
        ]
    }
    [file] = message.iter_attachments()
    assert (file.get_filename(), file.get_content()) == ("invoice.pdf", PDF.content)
    other = parsed(liu)
    assert (other["Subject"], other["List-Unsubscribe"]) == ("Hallo Liu", None)
    assert json.loads(other["X-Metadata"]) == {"user": 18}


def test_a_merge_of_a_template_that_nobody_stored_fails_for_good(lab: Lab) -> None:
    bulk = build_bulk_request(newsletter("nowhere"), settings(lab), None)
    fault = MailService(lab.sesv2).send_bulk(bulk, [0, 1])
    assert isinstance(fault, Fault)
    assert fault.kind == "failed"


def test_bounces_can_only_go_to_an_address_that_is_verified(lab: Lab) -> None:
    job = newsletter(None, text="Hello", envelope_sender="bounces@elsewhere.example")
    fault = MailService(lab.sesv2).send_bulk(build_bulk_request(job, settings(lab), None), [0, 1])
    assert isinstance(fault, Fault)
    assert fault.kind == "rejected"
    assert "bounces@elsewhere.example" in str(fault.error)
