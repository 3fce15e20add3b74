"""A job becomes the parameters of SES v2's SendEmail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mailbus.jobs import Envelope, envelope
from sender.compose import compose

if TYPE_CHECKING:
    from mailbus.jobs import Job
    from mailbus.settings import SenderSettings


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One call of SendEmail; `message` is the MIME."""

    from_email: str
    envelope: Envelope
    message: bytes
    configuration_set_name: str
    job_id: str


def plan_request(job: Job, settings: SenderSettings) -> Request:
    """Work out the call; raises `InvalidJob` where the job cannot be a mail.

    The From address goes bare: SES parses one mailbox there, and reads names, and further From
    addresses, in the message itself.
    """
    return Request(
        from_email=job.from_email[0].address,
        envelope=envelope(job),
        message=compose(job, metadata_in_headers=settings.metadata_in_headers),
        configuration_set_name=settings.configuration_set_name,
        job_id=job.job_id,
    )
