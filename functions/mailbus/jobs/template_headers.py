"""Checks the headers of a merge, which SES writes: it does not fold them, and limits their number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailbus.jobs.header_text import free_text, mailbox_text
from mailbus.jobs.json_paths import refuse, refuse_feature

if TYPE_CHECKING:
    from typing import Final

    from mailbus.jobs.job import Job

# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_Template.html
MAX_TEMPLATE_HEADERS: Final = 15
# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageHeader.html
MAX_HEADER_VALUE: Final = 995
MAX_HEADER: Final = 996


def check_template_header(name: str, value: str, path: str) -> None:
    """Refuse a header, in 7 bits as it is sent, that SES does not accept. Raises `InvalidJob`."""
    if not value:
        refuse(path, "is empty, which SES refuses in a merge; leave it out")
    if len(value) > min(MAX_HEADER_VALUE, MAX_HEADER - len(name)):
        reason = (
            f"has {len(value)} characters when encoded; SES accepts {MAX_HEADER} in a merge, name included"
        )
        refuse(path, reason)


def check_headers_of_all(job: Job) -> None:
    """Refuse headers that a job's other fields become in each message. Raises `InvalidJob`."""
    if job.sender is not None:
        check_template_header("Sender", mailbox_text(job.sender), "$.headers.Sender")
    for index, tag in enumerate(job.tags):
        check_template_header("X-Tag", "".join(free_text(tag)), f"$.tags[{index}]")


def check_header_count(count: int, path: str) -> None:
    """Refuse more headers than SES accepts in one message. Raises `UnsupportedFeature`."""
    if count > MAX_TEMPLATE_HEADERS:
        reason = (
            f"makes {count} headers; SES allows {MAX_TEMPLATE_HEADERS} in a merge: one for each of headers "
            "and merge_headers, one for each tag, and one for the metadata"
        )
        refuse_feature(path, "headers", reason)
