"""Waits until the timeline has what a test looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mailbus.timeline.table import TimelineTable
from tests.e2e.system import eventually

if TYPE_CHECKING:
    from mailbus.timeline.mails import ReceivedMail, TimelineMail
    from tests.e2e.system import System


def table(system: System) -> TimelineTable:
    return TimelineTable(system.client("dynamodb"), system.outputs["TimelineTableName"])


def send(system: System, *statuses: str, **fields: Any) -> tuple[TimelineMail, ...]:
    """Send a mail; return its mails when they have these statuses, in any order."""
    job_id = system.send(**fields)
    timeline = table(system)

    def probe() -> tuple[TimelineMail, ...]:
        mails = timeline.by_job(job_id)
        return mails if sorted(mail.status for mail in mails) == sorted(statuses) else ()

    return eventually(probe, f"{job_id} is {', '.join(statuses)}")


def receive(system: System, raw: bytes, *, mail_from: str, rcpt_to: str, **verdicts: str) -> ReceivedMail:
    """Receive a mail, with SES's verdicts such as `dmarc="FAIL"`; return it when the timeline has it."""
    params = {"mail_from": mail_from, "rcpt_to": rcpt_to, **verdicts}
    answer = system.simulator.post("inbound", params=params, content=raw)
    message_id = answer.raise_for_status().json()["message_id"]
    timeline = table(system)
    mail = eventually(lambda: timeline.received_by_message(message_id), f"{message_id} was received")
    assert mail is not None
    return mail
