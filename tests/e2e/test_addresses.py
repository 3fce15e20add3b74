"""Addresses, names, subjects and tags as people write them, and as they are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.mails import mail_of

if TYPE_CHECKING:
    from tests.e2e.system import System


def test_international_domains_are_sent_in_ascii(system: System) -> None:
    job_id = system.send(to=["Käufer <kunde@BÜCHER.example>"], bcc=["archiv@пример.испытание"])

    events = system.wait(2, job_id=job_id, event_type="queued")

    [sent] = system.sent_for(job_id)
    assert sent["recipients"] == ["kunde@xn--bcher-kva.example", "archiv@xn--e1afmkfd.xn--80akhbyknj4f"]
    assert {event["recipient"] for event in events} == set(sent["recipients"])
    assert mail_of(sent)["To"].addresses[0].addr_spec == "kunde@xn--bcher-kva.example"


def test_comments_encoded_words_and_blanks_are_read_as_they_are_meant(system: System) -> None:
    reader = "success+comment@simulator.amazonses.com"
    job_id = system.send(
        from_email="Tea Shop (no reply) <shop@example.com>",
        to=[f"{reader} (Ann Lee)", "leser@STRAẞE.example"],
        subject="=?UTF-8?Q?Sch=C3=B6ne_Gr=C3=BC=C3=9Fe?=",
        tags=["  spring  sale\t"],
    )

    queued, delivered = (
        system.wait(1, job_id=job_id, event_type=event_type, recipient=reader)[0]
        for event_type in ("queued", "delivered")
    )

    [sent] = system.sent_for(job_id)
    mail = mail_of(sent)
    assert (mail["From"], mail["Subject"]) == ("Tea Shop <shop@example.com>", "Schöne Grüße")
    assert mail["To"] == f"Ann Lee <{reader}>, leser@xn--strae-oqa.example"
    assert sent["recipients"] == [reader, "leser@xn--strae-oqa.example"]
    assert queued["tags"] == delivered["tags"] == ["spring  sale"]
