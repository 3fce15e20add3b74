"""Each field of a job, by its example: what the simulated SES accepted, and the events."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.mails import mail_of, part_of
from tests.e2e.system import SOURCE_BUCKET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from email.message import EmailMessage

    from tests.e2e.system import System

EXAMPLES = Path(__file__).resolve().parents[2] / "examples/jobs/features"
# SES's limit for a message is 40 MB in base64.
LARGEST_FILE = 29_100_000
TOO_LARGE_FILE = 29_300_000
FILE = {"filename": "a.pdf", "content_type": "application/pdf"}
REPORT = b"%PDF-1.7\r\n\x00\xff\xfe not text \n.\r\n" * 50


def content_types(mail: EmailMessage) -> list[str]:
    return [part.get_content_type() for part in mail.walk()]


# --- the examples


def _amp(job: dict[str, Any], sent: dict[str, Any]) -> None:
    mail = mail_of(sent)
    # AMP must come before HTML
    assert content_types(mail) == ["multipart/alternative", "text/plain", "text/x-amp-html", "text/html"]
    assert part_of(mail, "text/x-amp-html").get_content().strip() == job["alternatives"][0]["content"]
    assert part_of(mail, "text/html").get_content().strip() == job["html"]


def _calendar(job: dict[str, Any], sent: dict[str, Any]) -> None:
    invitation = part_of(mail_of(sent), "text/calendar")
    assert invitation.get_param("method") == "REQUEST"
    lines = invitation.get_content().splitlines()
    assert lines == job["alternatives"][0]["content"].splitlines()


def _referred(job: dict[str, Any], sent: dict[str, Any]) -> None:
    mail = mail_of(sent)
    assert mail["Subject"] == "December at Example"
    assert mail.get_content().splitlines() == ["Read on."]
    assert sent["tags"]["mailbus-job-id"] == job["job_id"]


def _envelope_sender(job: dict[str, Any], sent: dict[str, Any]) -> None:
    assert sent["feedback_address"] == job["envelope_sender"] == "bounces@example.com"
    assert mail_of(sent)["From"] == "Example <hello@example.com>"


def _esp_extra(job: dict[str, Any], sent: dict[str, Any]) -> None:
    assert sent["list_management"] == job["esp_extra"]["ListManagementOptions"]
    assert sent["tags"]["team"] == "growth"
    assert sent["tags"]["mailbus-job-id"] == job["job_id"]
    assert sent["configuration_set"] == "mailbus-local"


def _delivered(job: dict[str, Any], sent: dict[str, Any]) -> None:
    assert mail_of(sent)["Subject"] == job["subject"]


def _inline_image(job: dict[str, Any], sent: dict[str, Any]) -> None:
    mail = mail_of(sent)
    image = part_of(mail, "image/png")
    assert image["Content-ID"] == "<logo>"
    assert image.get_content_disposition() == "inline"
    assert image.get_content() == base64.b64decode(job["attachments"][0]["content"])
    related = part_of(mail, "multipart/related")
    assert [part.get_content_type() for part in related.iter_parts()] == ["text/html", "image/png"]


def _s3_attachment(_job: dict[str, Any], sent: dict[str, Any]) -> None:
    [report] = mail_of(sent).iter_attachments()
    assert (report.get_filename(), report.get_content_type()) == ("report-2026.pdf", "application/pdf")
    assert report.get_content() == REPORT


def _forwarded_mail(job: dict[str, Any], sent: dict[str, Any]) -> None:
    forwarded, stock = mail_of(sent).iter_attachments()
    written = base64.b64decode(job["attachments"][0]["content"])
    assert forwarded.get_content_type() == "message/rfc822"
    assert sent["raw"].replace("\r\n", "\n").count(written.decode().replace("\r\n", "\n")) == 1
    assert forwarded.get_content()["Subject"] == "Größe"
    assert (stock["Content-Description"], stock["Content-Language"]) == ("What is in stock", "en")


def _several_from(_job: dict[str, Any], sent: dict[str, Any]) -> None:
    mail = mail_of(sent)
    assert [str(address) for address in mail["From"].addresses] == [
        "Ann Lee <ann@example.com>",
        "Bob <bob@example.com>",
    ]
    # RFC 5322 wants it where there are several authors
    assert mail["Sender"] == "Ann Lee <ann@example.com>"
    assert sent["from"] == "ann@example.com"


def _spoofed_to(_job: dict[str, Any], sent: dict[str, Any]) -> None:
    assert sent["recipients"] == ["ann@example.org", "bob@example.org"]
    mail = mail_of(sent)
    assert mail.get_all("To") == ["All members <members@example.org>"]
    assert "bob@example.org" not in sent["raw"]


def _tags(job: dict[str, Any], sent: dict[str, Any]) -> None:
    mail = mail_of(sent)
    assert mail.get_all("X-Tag") == ["welcome"]
    assert json.loads(mail["X-Metadata"]) == job["metadata"]


def _tracking(_job: dict[str, Any], sent: dict[str, Any]) -> None:
    off = {"OpenTrackingEnabled": "DISABLED", "ClickTrackingEnabled": "DISABLED"}
    assert sent["overrides"] == {"Tracking": off}


def _merged_headers(job: dict[str, Any], sent: dict[str, Any]) -> None:
    mail = mail_of(sent)
    [recipient] = sent["recipients"]
    assert mail["List-Unsubscribe"] == job["merge_headers"][recipient]["List-Unsubscribe"]
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert json.loads(mail["X-Metadata"]) == job["metadata"] | job["merge_metadata"][recipient]
    assert mail.get_all("X-Tag") == ["newsletter"]


def _merged_inline(job: dict[str, Any], sent: dict[str, Any]) -> None:
    mail = mail_of(sent)
    name = job["merge_data"][sent["recipients"][0]]["name"]
    assert mail["Subject"] == f"Hello {name}"
    assert part_of(mail, "text/plain").get_content().splitlines() == [
        f"Dear {name},",
        "",
        "read on: https://www.example.com",
    ]
    assert f'Dear {name}, <a href="https://www.example.com">' in part_of(mail, "text/html").get_content()


def _merged_stored(job: dict[str, Any], sent: dict[str, Any]) -> None:
    mail = mail_of(sent)
    data = job["merge_data"][sent["recipients"][0]]
    assert mail["Subject"] == f"Welcome, {data['name']}"
    titles = "".join(f"* {item['title']} " for item in data["items"])
    assert part_of(mail, "text/plain").get_content().strip() == f"{titles}at https://www.example.com"
    assert sent["operation"] == "SendBulkEmail"


CHECKS: dict[str, Callable[[dict[str, Any], dict[str, Any]], None]] = {
    "amp-alternative": _amp,
    "calendar-invitation": _calendar,
    "content-ref": _referred,
    "envelope-sender": _envelope_sender,
    "esp-extra": _esp_extra,
    "expires-at": _delivered,
    "forwarded-mail": _forwarded_mail,
    "inline-image": _inline_image,
    "merge-headers-and-metadata": _merged_headers,
    "merge-inline": _merged_inline,
    "merge-stored-template": _merged_stored,
    "s3-attachment": _s3_attachment,
    "send-at": _delivered,
    "several-from": _several_from,
    "spoofed-to": _spoofed_to,
    "tags": _tags,
    "tracking": _tracking,
}


@pytest.fixture(scope="module")
def stored(system: System) -> Iterator[None]:
    """Create the objects and the template that the examples refer to."""
    system.put_object(SOURCE_BUCKET, "reports/2026/ann.pdf", REPORT)
    newsletter = system.job(
        to=["reader@example.org"], subject="December at Example", text="Read on.\n", job_id=None
    )
    system.put_object(SOURCE_BUCKET, "jobs/newsletter-december.json", json.dumps(newsletter).encode())
    ses = system.client("sesv2")
    ses.create_email_template(
        TemplateName="welcome",
        TemplateContent={
            "Subject": "Welcome, {{name}}",
            "Text": "{{#each items}}* {{title}} {{/each}}at {{site}}",
        },
    )
    yield
    ses.delete_email_template(TemplateName="welcome")


@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("*.json")))
@pytest.mark.usefixtures("stored")
def test_the_example_of_each_field_is_sent_as_documented(system: System, name: str) -> None:
    job = json.loads((EXAMPLES / f"{name}.json").read_text())
    job |= {"job_id": system.job()["job_id"]}
    # the dates in the examples will pass
    moments = {"send_at": time.time() - 1, "expires_at": time.time() + 600}
    job |= {field: moment for field, moment in moments.items() if field in job}
    recipients = len(job.get("to", [None]))

    system.enqueue(json.dumps(job))
    delivered = system.wait(recipients, job_id=job["job_id"], event_type="delivered")

    sent = system.sent_for(job["job_id"])
    assert {event["message_id"] for event in delivered} == {message["message_id"] for message in sent}
    assert len(delivered) == recipients
    for message in sent:
        CHECKS[name](job, message)


# --- metadata and tags on events


def test_long_metadata_is_on_every_event_of_its_message(system: System) -> None:
    # words longer than a line, and so much that SES omits headers from its events
    metadata = {"token": "x" * 30_000, "日本": "語" * 5_000, "spaces": " a  b\t " * 2_000, "n": -1.5e300}

    job_id = system.send(metadata=metadata, tags=["long", "Größe 100 %"])
    [queued] = system.wait(1, job_id=job_id, event_type="queued")
    for event in ("Open", "Click", "Bounce", "Complaint", "DeliveryDelay", "Reject"):
        body = {"event_type": event}
        system.simulator.post(f"events/{queued['message_id']}", json=body).raise_for_status()
    events = system.wait(9, job_id=job_id)

    assert {event["event_type"] for event in events} == {
        "queued",
        "sent",
        "delivered",
        "opened",
        "clicked",
        "bounced",
        "complained",
        "deferred",
        "rejected",
    }
    assert all(event["metadata"] == metadata for event in events)
    assert all(event["tags"] == ["long", "Größe 100 %"] for event in events)
    [sent] = system.sent_for(job_id)
    assert json.loads(mail_of(sent)["X-Metadata"]) == metadata
    assert max(map(len, sent["raw"].splitlines())) <= 998


def test_settings_of_the_deployment_apply_to_all_jobs(system: System) -> None:
    defaults = {
        "from_email": "Default Shop <default@example.com>",
        "headers": {"X-Shop": "7", "X-Season": "winter"},
        "track_opens": False,
        "esp_extra": {"EmailTags": [{"Name": "team", "Value": "shop"}]},
    }
    file = {**FILE, "s3": {"bucket": SOURCE_BUCKET, "key": "reports/2026/ann.pdf"}}
    with (
        system.deployed_with(
            "Sender",
            SEND_DEFAULTS=json.dumps(defaults),
            MESSAGE_TAG_NAME="campaign",
            SOURCE_BUCKETS="[]",
            METADATA_IN_HEADERS="false",
        ),
        system.deployed_with("Tracker", METADATA_IN_HEADERS="false"),
    ):
        jobs = [
            system.job(from_email=None, headers={"X-Season": "spring"}, tags=["spring_2026"]),
            system.job(track_opens=True, tags=["autumn"], metadata={"margin": 0.4}),
            system.job(tags=["one", "two"]),
            system.job(tags=["a tag"]),
            system.job(attachments=[file], tags=["x"]),
        ]
        system.enqueue_together([json.dumps(job) for job in jobs])
        filled, own, two, odd, foreign = (job["job_id"] for job in jobs)
        system.wait(1, job_id=filled, event_type="delivered")
        hidden = system.wait(3, job_id=own)
        refused = {job_id: system.wait(1, job_id=job_id)[0] for job_id in (two, odd, foreign)}

    [first], [second] = system.sent_for(filled), system.sent_for(own)
    assert mail_of(first)["From"] == "Default Shop <default@example.com>"
    assert mail_of(second)["From"] == "Shop <shop@example.com>"
    # objects merge one level
    assert (mail_of(first)["X-Shop"], mail_of(first)["X-Season"]) == ("7", "spring")
    assert (first["tags"]["campaign"], first["tags"]["team"]) == ("spring_2026", "shop")
    assert second["tags"]["campaign"] == "autumn"
    assert first["overrides"] == {"Tracking": {"OpenTrackingEnabled": "DISABLED"}}
    assert second["overrides"] == {"Tracking": {"OpenTrackingEnabled": "ENABLED"}}
    # hidden from recipients, but on events
    assert "X-Metadata" not in second["raw"]
    assert [event["metadata"] for event in hidden] == [{"margin": 0.4}] * 3
    assert [event["tags"] for event in hidden] == [["autumn"]] * 3
    assert refused[two]["description"].startswith("$.tags")
    assert refused[odd]["description"].startswith("$.tags")
    assert refused[foreign]["description"].startswith("$.attachments[0].s3.bucket")
    assert "source_buckets" in refused[foreign]["description"]


# --- awkward input


def test_awkward_values_arrive_unchanged_and_inject_nothing(system: System) -> None:
    subject = "\u202e reversed 🎉 " + "sehr lang " * 400 + "=?x-none?q?no_encoded_word?= \t end"
    text = "x" * 100_000 + "\n\n.\n..\nFrom me\n" + "\t trailing \n" + "ÿ\u2028\u00a0."
    name = 'quote " comma , semi ; «Ünïcode» ' + "n" * 200 + ".tar.gz"

    job_id = system.send(
        from_email='"Lee, Ann \\"A\\" <x@y>" <ann@example.com>',
        to=[
            "Bücher & Söhne <success+a@simulator.amazonses.com>",
            '"a b" <success+b@simulator.amazonses.com>',
        ],
        reply_to="Hilfe <hilfe@bücher.example>",
        subject=subject,
        text=text,
        html="",
        attachments=[{"filename": name, "content_type": "application/gzip", "content": "AAEC/w=="}],
        headers={
            "X-Empty": "",
            "X-Long": "wort " * 500,
            "List-Unsubscribe": "<https://example.com/?a=b&c=d>",
        },
        cc=None,
    )
    system.wait(2, job_id=job_id, event_type="delivered")

    [sent] = system.sent_for(job_id)
    mail = mail_of(sent)
    assert mail["Subject"] == subject
    assert mail["From"].addresses[0].display_name == 'Lee, Ann "A" <x@y>'
    assert [address.display_name for address in mail["To"].addresses] == ["Bücher & Söhne", "a b"]
    assert mail["Reply-To"].addresses[0].addr_spec == "hilfe@xn--bcher-kva.example"
    assert mail["X-Long"].split() == ["wort"] * 500
    assert part_of(mail, "text/plain").get_content().replace("\r\n", "\n").rstrip("\n") == text.rstrip("\n")
    [attachment] = mail.iter_attachments()
    assert (attachment.get_filename(), attachment.get_content()) == (name, b"\x00\x01\x02\xff")
    assert all(len(line) <= 998 for line in sent["raw"].splitlines())


def test_a_referenced_job_is_validated_as_strictly_as_a_message(system: System) -> None:
    good = json.dumps(system.job(job_id=None)).encode()
    referred = {
        "latin": ('{"subject": "schön"}'.encode("latin-1"), "UTF-8"),
        "list": (b"[]", "object"),
        "again": (json.dumps({"content_ref": {"bucket": SOURCE_BUCKET, "key": "x"}}).encode(), "content_ref"),
        "other": (json.dumps(system.job(job_id="another-one")).encode(), "job_id"),
        "twice": (b'{"job_id": "a", ' + good[1:-1] + b', "subject": "b"}', "duplicate"),
    }

    jobs = {}
    for name, (body, _) in referred.items():
        job_id = system.job()["job_id"]
        reference = system.put_object(SOURCE_BUCKET, f"refused/{name}", body)
        system.enqueue(json.dumps({"job_id": job_id, "content_ref": reference}))
        jobs[name] = job_id

    for name, (_, reason) in referred.items():
        [event] = system.wait(1, job_id=jobs[name])
        assert event["event_type"] == "failed"
        assert reason in event["description"], name
        assert system.dead_letter("SendDeadLetterQueueUrl", jobs[name])["Error"] == "InvalidJob"


def test_a_mail_of_forty_megabytes_is_sent_and_a_larger_one_refused_before_the_call(system: System) -> None:
    whole = bytes(range(256)) * (TOO_LARGE_FILE // 256)
    fits = {**FILE, "s3": system.put_object(SOURCE_BUCKET, "large/fits.bin", whole[:LARGEST_FILE])}
    exceeds = {**FILE, "s3": system.put_object(SOURCE_BUCKET, "large/exceeds.bin", whole)}

    sent_id = system.send(attachments=[fits])
    refused_id = system.send(attachments=[exceeds])

    system.wait(1, job_id=sent_id, event_type="delivered")
    [refused] = system.wait(1, job_id=refused_id)
    [sent] = system.sent_for(sent_id)
    assert 39_000_000 < len(sent["raw"]) <= 40_000_000
    assert refused["event_type"] == "failed"
    assert refused["description"].startswith("$.attachments")
    assert "40000000" in refused["description"]
    assert system.dead_letter("SendDeadLetterQueueUrl", refused_id)["Error"] == "InvalidJob"
    assert system.sent_for(refused_id) == []
