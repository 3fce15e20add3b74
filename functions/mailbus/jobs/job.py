"""A parsed job, and the recipients of its messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from mailbus.addresses import address_key
from mailbus.events import Mailbox, MetadataValue
from mailbus.jobs.content_types import MAIL_TYPE, media_type_of
from mailbus.jobs.contract import Alternative, S3Object
from mailbus.jobs.inline_template import InlineTemplate
from mailbus.jobs.merge_data import merge_data

if TYPE_CHECKING:
    from collections.abc import Iterable

Disposition = Literal["attachment", "inline"]


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the mail: its bytes, or the S3 object that has them.

    `content_id` has no angle brackets; `headers` are in 7 bits, as they are sent.
    """

    content: bytes | S3Object
    content_type: str
    filename: str | None
    content_id: str | None
    disposition: Disposition
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def is_mail(self) -> bool:
        """Whether it is a mail, such as one that is forwarded, which MIME does not allow in base64."""
        return media_type_of(self.content_type) == MAIL_TYPE


class MergeRecipient(msgspec.Struct, frozen=True, kw_only=True):
    """One recipient of a merge.

    `data` is the recipient's own, `global_data` that of all; `metadata` and `headers` are those of the job,
    overridden by the recipient's own.
    """

    mailbox: Mailbox
    data: dict[str, Any] = msgspec.field(default_factory=dict)
    global_data: dict[str, Any] = msgspec.field(default_factory=dict)
    metadata: dict[str, MetadataValue] = msgspec.field(default_factory=dict)
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def complete_data(self) -> dict[str, Any]:
        """All that the template is filled with, made when it is sent: a job may have 100,000 recipients."""
        return merge_data(self.global_data, self.data)


class Merge(msgspec.Struct, frozen=True, kw_only=True):
    """A separate message for each recipient, in the order of the job's `to`, each address once.

    The template is stored in SES as `template_id`, or `inline`.
    """

    recipients: tuple[MergeRecipient, ...]
    template_id: str | None = None
    inline: InlineTemplate | None = None


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One job, checked: a mail to send, or with `merge` one for each of its recipients.

    Two jobs with one id are the same if their `fingerprint` is: that of the whole document without the id,
    before the deployment's defaults. `shown_to` is the `To` header that readers see if it differs from `to`;
    `headers` are the extra ones in 7 bits, as they are sent, in order. `before_html` is how many of the
    alternatives are before the html. Times are in epoch seconds.
    """

    job_id: str
    fingerprint: str = ""
    from_email: tuple[Mailbox, ...]
    sender: Mailbox | None = None
    to: tuple[Mailbox, ...] = ()
    shown_to: tuple[Mailbox, ...] = ()
    cc: tuple[Mailbox, ...] = ()
    bcc: tuple[Mailbox, ...] = ()
    reply_to: tuple[Mailbox, ...] = ()
    subject: str = ""
    text: str | None = None
    html: str | None = None
    alternatives: tuple[Alternative, ...] = ()
    before_html: int = 0
    attachments: tuple[Attachment, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    envelope_sender: str | None = None
    tags: tuple[str, ...] = ()
    metadata: dict[str, MetadataValue] = msgspec.field(default_factory=dict)
    track_opens: bool | None = None
    track_clicks: bool | None = None
    send_at: float | None = None
    expires_at: float | None = None
    merge: Merge | None = None
    esp_extra: dict[str, Any] = msgspec.field(default_factory=dict)


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """The recipients of one message: bare addresses, each once, in the first field that has it."""

    to: tuple[str, ...]
    cc: tuple[str, ...]
    bcc: tuple[str, ...]

    @property
    def recipients(self) -> tuple[str, ...]:
        """All recipients, in order; SES counts each one."""
        return self.to + self.cc + self.bcc


def envelopes(job: Job) -> tuple[Envelope, ...]:
    """Return the recipients of each message of a job: one message, or in a merge one per recipient."""
    if job.merge is None:
        return (envelope(job),)
    copies = _once(set(), job.cc), _once({address_key(mailbox.address) for mailbox in job.cc}, job.bcc)
    copied = {address_key(address) for addresses in copies for address in addresses}
    return tuple(_merged(recipient.mailbox.address, *copies, copied) for recipient in job.merge.recipients)


def envelope(job: Job) -> Envelope:
    """Return the recipients of an ordinary job's mail."""
    seen: set[str] = set()
    return Envelope(to=_once(seen, job.to), cc=_once(seen, job.cc), bcc=_once(seen, job.bcc))


def _merged(address: str, cc: tuple[str, ...], bcc: tuple[str, ...], copied: set[str]) -> Envelope:
    key = address_key(address)
    if key in copied:
        cc, bcc = (tuple(other for other in others if address_key(other) != key) for others in (cc, bcc))
    return Envelope(to=(address,), cc=cc, bcc=bcc)


def _once(seen: set[str], mailboxes: Iterable[Mailbox]) -> tuple[str, ...]:
    """Return the addresses that are not in `seen`, and add them to it."""
    kept: list[str] = []
    for mailbox in mailboxes:
        key = address_key(mailbox.address)
        if key not in seen:
            seen.add(key)
            kept.append(mailbox.address)
    return tuple(kept)
