"""The send job: one JSON object on the send queue, read strictly into frozen values.

Whatever a job has wrong is an `InvalidJob` that gives the JSON path and what to write instead. What SES
cannot do is an `UnsupportedFeature` with the name. Null means that a field is absent.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mailbus.addresses import parse_mailbox
from mailbus.jobs.attachments import MAX_ATTACHMENTS, read_alternatives, read_attachments
from mailbus.jobs.contract import S3Object, SendJob
from mailbus.jobs.esp_extra import check_esp_extra, without_other_call
from mailbus.jobs.headers import Headers, header_line, read_headers
from mailbus.jobs.job import (
    Job,
    envelopes,
)
from mailbus.jobs.merge import check_merge, is_merge_document, read_merge
from mailbus.jobs.metadata import (
    MAX_METADATA_BYTES,
    MAX_RECIPIENT_METADATA_BYTES,
    check_metadata,
    check_tags,
)
from mailbus.jobs.strict_json import (
    fingerprint,
    given,
    kind_of,
    peek,
    read_document,
    refuse,
    shown,
    with_defaults,
)
from mailbus.validation import typed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

    from mailbus.events import Mailbox
    from mailbus.jobs.contract import Addresses

SCHEMA_VERSION: Final = 1
MAX_RECIPIENTS: Final = 50
# what the function can read, and cut into parts, in its memory and time, with half a processor
MAX_ADDRESSES: Final = 100_000
# the year 10000: a moment beyond is in milliseconds
END_OF_TIME: Final = 253_402_300_800
_JOB_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_BESIDE_REFERENCE: Final = frozenset({"content_ref", "job_id", "schema_version"})


def parse_job(
    body: str,
    message_id: str,
    *,
    defaults: Mapping[str, Any] | None = None,
    message_tag_name: str | None = None,
) -> Job:
    """Read an SQS message body; `message_id` is SQS's, the job's id where it names none.

    Raises `InvalidJob`.
    """
    return parse_document(
        read_document(body), message_id, defaults=defaults, message_tag_name=message_tag_name
    )


def parse_document(
    document: Mapping[str, Any],
    job_id: str,
    *,
    defaults: Mapping[str, Any] | None = None,
    message_tag_name: str | None = None,
) -> Job:
    """Read a job document; `job_id` is the job's id where it names none.

    `defaults` are the deployment's fields for all jobs; with its `message_tag_name` a job has at most one
    tag. At least one of text, html, alternatives and attachments has to be there: an empty mail is asked for
    by an empty `text`, not by a forgotten one. Raises `InvalidJob`.
    """
    own = given(document)
    _check_version(own)
    if "content_ref" in own:
        refuse("$.content_ref", "stands where the job itself has to be: put the job's fields here")
    whole = _completed(own, defaults) if defaults else own
    merge = is_merge_document(whole)
    written = typed(whole, SendJob)
    job = _read(written, own, job_id, merge=merge, message_tag_name=message_tag_name)
    _check_whole(job)
    return job


def referred(document: Mapping[str, Any]) -> S3Object | None:
    """Tell where in S3 the job lies, or None where the document is the job. Raises `InvalidJob`."""
    own = given(document)
    if "content_ref" not in own:
        return None
    _check_version(own)
    for name in own:
        if name in SendJob.__struct_fields__ and name not in _BESIDE_REFERENCE:
            refuse(f"$.{name}", "stands beside content_ref: move it into the job in S3")
    written = typed(own, SendJob)
    _check_job_id(written)
    return written.content_ref


def peek_job_id(body: str, message_id: str) -> str:
    """Find the id of a job that may be invalid otherwise; SQS's `message_id` where it cannot be told."""
    return job_id_of({"job_id": peek(body, "job_id")}, message_id)


def job_id_of(document: Mapping[str, Any], message_id: str) -> str:
    """Find the id of a job as `peek_job_id` does, where its JSON is read already."""
    job_id = document.get("job_id")
    return job_id if isinstance(job_id, str) and _JOB_ID.fullmatch(job_id) else message_id


def _read(
    written: SendJob, own: Mapping[str, Any], job_id: str, *, merge: bool, message_tag_name: str | None
) -> Job:
    _check_job_id(written)
    to = _mailboxes(written.to, "$.to")
    headers = Headers() if written.headers is None else read_headers(written.headers, "$.headers")
    metadata = written.metadata or {}
    most = MAX_RECIPIENT_METADATA_BYTES if merge else MAX_METADATA_BYTES
    check_metadata(metadata, "$.metadata", most=most)
    tags = written.tags or ()
    check_tags(tags, "$.tags", message_tag_name=message_tag_name)
    extra = written.esp_extra or {}
    check_esp_extra(extra, "$.esp_extra", merge=merge)
    return Job(
        job_id=written.job_id or job_id,
        fingerprint=fingerprint(own),
        from_email=_mailboxes(written.from_email, "$.from_email"),
        sender=headers.sender,
        to=() if merge else to,
        shown_to=headers.to,
        cc=_mailboxes(written.cc, "$.cc"),
        bcc=_mailboxes(written.bcc, "$.bcc"),
        reply_to=_mailboxes(written.reply_to, "$.reply_to"),
        subject=header_line(written.subject or "", "$.subject"),
        text=written.text,
        html=written.html,
        alternatives=read_alternatives(written.alternatives or (), "$.alternatives"),
        attachments=read_attachments(written.attachments or (), "$.attachments", merge=merge),
        headers=headers.extra,
        envelope_sender=_address(written.envelope_sender, "$.envelope_sender"),
        tags=tags,
        metadata=metadata,
        track_opens=written.track_opens,
        track_clicks=written.track_clicks,
        send_at=_moment(written.send_at, "$.send_at"),
        expires_at=_moment(written.expires_at, "$.expires_at"),
        merge=read_merge(written, to, headers, own) if merge else None,
        esp_extra=extra,
    )


def _completed(own: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    extra = defaults.get("esp_extra")
    if isinstance(extra, dict):
        merge = is_merge_document(own) or is_merge_document(defaults)
        defaults = {**defaults, "esp_extra": without_other_call(extra, merge=merge)}
    return with_defaults(own, defaults)


def _check_version(document: Mapping[str, object]) -> None:
    version = document.get("schema_version", SCHEMA_VERSION)
    if not isinstance(version, int) or isinstance(version, bool):
        refuse("$.schema_version", f"expected the integer {SCHEMA_VERSION}, got {kind_of(version)}")
    if version != SCHEMA_VERSION:
        known = f"this version reads {SCHEMA_VERSION}"
        refuse("$.schema_version", f"schema_version {shown(str(version))[1:-1]} is not known here; {known}")


def _check_job_id(written: SendJob) -> None:
    if written.job_id is not None and not _JOB_ID.fullmatch(written.job_id):
        # the schema's pattern lets a line end pass
        refuse("$.job_id", "has to be 1 to 128 of the characters A-Z a-z 0-9 _ -")


def _mailboxes(value: Addresses | None, path: str) -> tuple[Mailbox, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        return (parse_mailbox(value, path),)
    if len(value) > MAX_ADDRESSES:
        refuse(
            path, f"has {len(value)} addresses; a job takes {MAX_ADDRESSES}, so split it into several jobs"
        )
    return tuple(parse_mailbox(text, f"{path}[{index}]") for index, text in enumerate(value))


def _address(value: str | None, path: str) -> str | None:
    return None if value is None else parse_mailbox(value, path).address


def _moment(value: datetime | float | None, path: str) -> float | None:
    """Give a moment in epoch seconds."""
    if value is None:
        return None
    seconds = value.timestamp() if isinstance(value, datetime) else value
    if not 0 <= seconds < END_OF_TIME:
        reason = "is no time between 1970 and 9999: write RFC 3339 with its offset, or epoch seconds"
        refuse(path, reason)
    return float(seconds)


def _check_whole(job: Job) -> None:
    if not job.from_email:
        refuse("$.from_email", "is missing; give the address that the mail is from")
    if job.sender is not None and len(job.from_email) > 1:
        reason = "the first of several from_email addresses is the Sender; leave the header out"
        refuse("$.headers.Sender", reason)
    if job.send_at is not None and job.expires_at is not None and job.expires_at <= job.send_at:
        refuse("$.expires_at", "is not later than send_at, so that the job could never be sent")
    if job.merge is not None:
        check_merge(job, job.merge)
    _check_recipients(job)
    _check_content(job)


def _check_recipients(job: Job) -> None:
    envelope_sizes = {len(one.recipients) for one in envelopes(job)}
    count = max(envelope_sizes, default=0)
    if not count:
        refuse("$.to", "names nobody; give at least one address in to, cc or bcc")
    if count > MAX_RECIPIENTS:
        reason = f"{count} recipients in to, cc and bcc; SES takes {MAX_RECIPIENTS} a mail, so split the job"
        refuse("$.to" if job.merge is None else "$.cc", reason)


def _check_content(job: Job) -> None:
    parts = len(job.attachments) + len(job.alternatives)
    if parts > MAX_ATTACHMENTS:
        refuse("$.attachments", f"and alternatives are {parts} parts; SES takes {MAX_ATTACHMENTS}")
    content = job.text is not None or job.html is not None or parts
    if job.merge is None and not content:
        reason = 'has no content; give text, html or attachments (for an empty mail "text": "")'
        refuse("$.text", reason)
