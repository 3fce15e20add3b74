"""From the JSON of a job to 7-bit MIME, against the standard library's generator."""

from __future__ import annotations

import base64
import json
import time
from email.message import EmailMessage
from email.policy import SMTP
from typing import TYPE_CHECKING, Any, Final

from bench.support.comparison import compare
from mailbus.jobs.parsing import parse_job
from sender.ses.mime import build_message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.results import Result

ATTACHMENT: Final = bytes(range(256)) * 400
JOBS: Final = 50
JOB: Final = {
    "job_id": "order-1001",
    "from_email": "Shop <shop@example.com>",
    "to": ["Zoë Müller <jane@example.net>"],
    "subject": "Grüße — your order",
    "text": "Grüße aus Köln\n" * 50,
    "html": "<p>Grüße aus Köln</p>\n" * 50,
    "attachments": [
        {
            "filename": "invoice.pdf",
            "content_type": "application/pdf",
            "content": base64.b64encode(ATTACHMENT).decode(),
        }
    ],
}
BODY: Final = json.dumps(JOB)
POLICY: Final = SMTP.clone(cte_type="7bit")


def measure() -> Iterator[Result]:
    """Compare on one mail with text, html and a 100 kB attachment."""
    yield compare(
        "a job of 140 kB, JSON in, MIME out",
        ("jobs and messages", lambda: _timed(_mailbus)),
        ("json and email.message", lambda: _timed(_standard_library)),
    )


def _timed(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    for _ in range(JOBS):
        work()
    return (time.perf_counter() - start) / JOBS


def _mailbus() -> bytes:
    return build_message(parse_job(BODY, "message-id"), metadata_in_headers=True)


def _standard_library() -> bytes:
    job = json.loads(BODY)
    mail = EmailMessage(policy=POLICY)
    mail["From"], mail["To"], mail["Subject"] = job["from_email"], job["to"][0], job["subject"]
    mail.set_content(job["text"])
    mail.add_alternative(job["html"], subtype="html")
    for attachment in job["attachments"]:
        content = base64.b64decode(attachment["content"], validate=True)
        mail.add_attachment(content, "application", "pdf", filename=attachment["filename"])
    return mail.as_bytes()
