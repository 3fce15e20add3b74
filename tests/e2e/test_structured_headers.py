"""Headers that programs read: they arrive as they are meant, or the job is refused at its path."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.mails import mail_of
from tests.unit.one_click import fields_of, one_click_uri

if TYPE_CHECKING:
    from tests.e2e.system import System

POST = {"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
WRITTEN = "<mailto:aus@example.com?subject=Schluß>,<https://www.käse.example/schluß?für={}>"
MEANT = "https://www.xn--kse-qla.example/schlu%C3%9F?f%C3%BCr={}"


def readers(count: int) -> list[str]:
    return [f"success+reader{number}@simulator.amazonses.com" for number in range(count)]


def test_an_ordinary_mail_has_its_headers_as_programs_read_them(system: System) -> None:
    ids = [f"<{'m' * 400}{number}@example.com>" for number in range(4)]
    job_id = system.send(
        headers={
            "List-Unsubscribe": WRITTEN.format("ann"),
            **POST,
            "References": " ".join(ids),
            "List-Id": "Käse & Co <news.example.com>",
            "Disposition-Notification-To": "Zoë <zoe@example.com>",
            "Content-Language": "de",
            "X-Note": "für Ann",
        },
        alternatives=[
            {"content": "<b>Kurz</b>", "content_type": "text/watch-html"},
            {
                "content": "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n",
                "content_type": "text/calendar; method=PUBLISH;",
            },
        ],
        html="<p>Hello</p>",
    )
    system.wait(1, job_id=job_id, event_type="delivered")

    [sent] = system.sent_for(job_id)
    assert one_click_uri(sent["raw"]) == MEANT.format("ann")
    fields = dict(fields_of(sent["raw"]))
    assert fields["References"].split() == ids
    assert fields["List-Id"].endswith(" <news.example.com>")
    assert fields["Disposition-Notification-To"].endswith(" <zoe@example.com>")
    assert fields["Content-Language"] == "de"
    mail = mail_of(sent)
    assert mail["X-Note"] == "für Ann"
    assert [part.get_content_type() for part in mail.iter_parts()] == [
        "text/plain",
        "text/watch-html",
        "text/html",
        "text/calendar",
    ]


@pytest.mark.parametrize("stored", [False, True])
def test_each_mail_of_a_merge_offers_one_click(system: System, stored: bool) -> None:  # noqa: FBT001 - a row
    to = readers(52)
    content: dict[str, Any] = {}
    if stored:
        name = "one-click"
        template = {"Subject": "News", "Text": "Hello {{name}}"}
        system.client("sesv2").create_email_template(TemplateName=name, TemplateContent=template)
        content = {"template_id": name, "subject": None, "text": None}
    job = system.job(
        to=to,
        **content,
        merge_data={address: {"name": address} for address in to},
        headers=POST,
        merge_headers={address: {"List-Unsubscribe": WRITTEN.format(address)} for address in to},
    )

    system.enqueue(json.dumps(job))
    system.wait(len(to), job_id=job["job_id"], event_type="delivered")

    offered = {sent["recipients"][0]: one_click_uri(sent["raw"]) for sent in system.sent_for(job["job_id"])}
    assert offered == {address: MEANT.format(address) for address in to}


def test_one_wrong_header_stops_a_merge_before_anything_is_sent(system: System) -> None:
    to = readers(120)
    own = {
        address: {"List-Unsubscribe": f"<https://www.example.com/{number}>"}
        for number, address in enumerate(to)
    }
    own[to[59]]["List-Unsubscribe"] = f"<https://www.example.com/{'x' * 990}>"
    job = system.job(to=to, merge_headers=own)

    system.enqueue(json.dumps(job))
    [event] = system.wait(1, job_id=job["job_id"])

    assert event["event_type"] == "failed"
    assert event["description"].startswith("$.merge_headers[entry 60].List-Unsubscribe: has 1016 characters")
    assert system.sent_for(job["job_id"]) == []
