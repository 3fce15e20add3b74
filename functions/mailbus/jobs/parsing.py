"""Parses and checks a send job, one JSON object on the send queue.

Anything wrong in a job is an `InvalidJob` with the JSON path and what to write instead. What SES cannot do is
an `UnsupportedFeature` with its name. Null means that a field is absent.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from mailbus.addresses import parse_mailbox
from mailbus.encoded_words import decode_words
from mailbus.errors import InvalidJob
from mailbus.jobs.attachments import MAX_ATTACHMENTS, read_attachments
from mailbus.jobs.bodies import read_bodies
from mailbus.jobs.contract import S3Object, SendJob
from mailbus.jobs.defaults import with_defaults, without_nulls
from mailbus.jobs.error_list import ErrorList
from mailbus.jobs.esp_extra import check_esp_extra, without_other_call
from mailbus.jobs.fingerprint import fingerprint
from mailbus.jobs.headers import Headers, header_line, read_headers
from mailbus.jobs.job import Job, envelopes
from mailbus.jobs.job_id import INVALID_JOB_ID, is_job_id, job_id_of
from mailbus.jobs.json_paths import quoted, refuse, refuse_feature
from mailbus.jobs.merge import check_merge, is_merge_document, read_merge, recipient_entries
from mailbus.jobs.metadata import (
    MAX_METADATA_BYTES,
    MAX_RECIPIENT_METADATA_BYTES,
    check_metadata,
    read_tags,
)
from mailbus.jobs.strict_json import read_document, read_field, validate
from mailbus.validation import json_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Final

    from mailbus.events import Mailbox
    from mailbus.jobs.contract import Addresses

SCHEMA_VERSION: Final = 1
MAX_RECIPIENTS: Final = 50
ADDRESS_FIELDS: Final = ("from_email", "to", "cc", "bcc", "reply_to", "envelope_sender")
# what the function can parse and split in its memory and time, with half a processor
MAX_ADDRESSES: Final = 100_000
# the year 10000: a larger number is in milliseconds
END_OF_TIME: Final = 253_402_300_800
_ALLOWED_WITH_REFERENCE: Final = frozenset({"content_ref", "job_id", "schema_version"})


def parse_job(
    body: str,
    message_id: str,
    *,
    defaults: Mapping[str, Any] | None = None,
    message_tag_name: str | None = None,
) -> Job:
    """Parse an SQS message body. `message_id` is SQS's, which is the job's id if it has none of its own.

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
    """Parse a job document. `job_id` is the job's id if it has none of its own.

    `defaults` are the deployment's fields for all jobs; with its `message_tag_name` a job has at most one
    tag. At least one of text, html, alternatives and attachments must be set: an empty mail needs an empty
    `text`, so that a forgotten one is an error. Raises `InvalidJob`.
    """
    own = without_nulls(document)
    _check_version(own)
    if "content_ref" in own:
        refuse("$.content_ref", "is not allowed here: the object in S3 must be the job itself")
    whole = _with_defaults(own, defaults) if defaults else own
    merge = is_merge_document(whole)
    written = validate(whole, SendJob)
    job = _job(written, own, job_id, merge=merge, message_tag_name=message_tag_name)
    _check_whole(job)
    return job


def content_reference(document: Mapping[str, Any]) -> S3Object | None:
    """Return the S3 object that holds the job, None if the document is the job. Raises `InvalidJob`."""
    own = without_nulls(document)
    if "content_ref" not in own:
        return None
    _check_version(own)
    for name in own:
        if name in SendJob.__struct_fields__ and name not in _ALLOWED_WITH_REFERENCE:
            refuse(f"$.{name}", "is not allowed with content_ref; move it into the job in S3")
    written = validate(own, SendJob)
    _check_job_id(written)
    return written.content_ref


def job_id_in_body(body: str, message_id: str) -> str:
    """Return the id of a job that may be invalid otherwise; SQS's `message_id` if it has no valid one."""
    return job_id_of({"job_id": read_field(body, "job_id")}, message_id)


def _job(
    written: SendJob, own: Mapping[str, Any], job_id: str, *, merge: bool, message_tag_name: str | None
) -> Job:
    _check_job_id(written)
    errors = ErrorList()
    from_email, to, cc, bcc, reply_to, envelope_sender = (
        _mailboxes(getattr(written, name), f"$.{name}", errors) for name in ADDRESS_FIELDS
    )
    entries = recipient_entries(written, to, own, errors) if merge else {}
    errors.raise_all()
    subject = header_line(decode_words(written.subject or ""), "$.subject")
    headers = Headers() if written.headers is None else read_headers(written.headers, "$.headers")
    metadata = written.metadata or {}
    most = MAX_RECIPIENT_METADATA_BYTES if merge else MAX_METADATA_BYTES
    check_metadata(metadata, "$.metadata", most=most)
    tags = read_tags(written.tags or (), "$.tags", message_tag_name=message_tag_name)
    if merge and written.alternatives:
        refuse_feature(
            "$.alternatives",
            "alternatives",
            "is not possible in a merge: SES's templates have text and html only",
        )
    bodies = read_bodies(
        written.html, written.alternatives or (), "$.alternatives", has_text=written.text is not None
    )
    extra = written.esp_extra or {}
    check_esp_extra(extra, "$.esp_extra", merge=merge)
    return Job(
        job_id=written.job_id or job_id,
        fingerprint=fingerprint(own),
        from_email=from_email,
        sender=headers.sender,
        to=() if merge else to,
        shown_to=headers.to,
        cc=cc,
        bcc=bcc,
        reply_to=reply_to,
        subject=subject,
        text=written.text,
        html=bodies.html,
        alternatives=bodies.alternatives,
        before_html=bodies.before_html,
        attachments=read_attachments(written.attachments or (), "$.attachments", merge=merge),
        headers=headers.extra,
        envelope_sender=envelope_sender[0].address if envelope_sender else None,
        tags=tags,
        metadata=metadata,
        track_opens=written.track_opens,
        track_clicks=written.track_clicks,
        send_at=_moment(written.send_at, "$.send_at"),
        expires_at=_moment(written.expires_at, "$.expires_at"),
        merge=read_merge(written, subject, to, headers, entries) if merge else None,
        esp_extra=extra,
    )


def _with_defaults(own: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    extra = defaults.get("esp_extra")
    if isinstance(extra, dict):
        merge = is_merge_document(own) or is_merge_document(defaults)
        defaults = {**defaults, "esp_extra": without_other_call(extra, merge=merge)}
    return with_defaults(own, defaults)


def _check_version(document: Mapping[str, object]) -> None:
    version = document.get("schema_version", SCHEMA_VERSION)
    if not isinstance(version, int) or isinstance(version, bool):
        refuse("$.schema_version", f"must be the integer {SCHEMA_VERSION}, not {json_type(version)}")
    if version != SCHEMA_VERSION:
        reason = f"must be {SCHEMA_VERSION}, not {quoted(str(version))[1:-1]}; no other is supported"
        refuse("$.schema_version", reason)


def _check_job_id(written: SendJob) -> None:
    if written.job_id is not None and not is_job_id(written.job_id):
        # the pattern in the schema allows a line end
        refuse("$.job_id", INVALID_JOB_ID)


def _mailboxes(value: Addresses | None, path: str, errors: ErrorList) -> tuple[Mailbox, ...]:
    """Return the valid addresses of a field, and add an error for each of the others."""
    if value is None:
        return ()
    if isinstance(value, str):
        return tuple(_valid(((value, path),), errors))
    if len(value) > MAX_ADDRESSES:
        refuse(
            path, f"has {len(value)} addresses; a job has at most {MAX_ADDRESSES}: split it into several jobs"
        )
    return tuple(_valid(((text, f"{path}[{index}]") for index, text in enumerate(value)), errors))


def _valid(written: Iterable[tuple[str, str]], errors: ErrorList) -> Iterator[Mailbox]:
    for text, path in written:
        try:
            yield parse_mailbox(text, path)
        except InvalidJob as error:
            errors.add(error)


def _moment(value: datetime | float | None, path: str) -> float | None:
    """Return a time in epoch seconds."""
    if value is None:
        return None
    seconds = value.timestamp() if isinstance(value, datetime) else value
    if not 0 <= seconds < END_OF_TIME:
        reason = "must be between 1970 and 9999, in RFC 3339 with its offset or in epoch seconds"
        refuse(path, reason)
    return float(seconds)


def _check_whole(job: Job) -> None:
    if not job.from_email:
        refuse("$.from_email", "is missing; set the address that the mail is sent from")
    if job.sender is not None and len(job.from_email) > 1:
        reason = "must not be set: the first of several from_email addresses is the Sender"
        refuse("$.headers.Sender", reason)
    if job.send_at is not None and job.expires_at is not None and job.expires_at <= job.send_at:
        refuse("$.expires_at", "must be later than send_at, or the job could never be sent")
    if job.merge is not None:
        check_merge(job, job.merge)
    _check_recipients(job)
    _check_content(job)


def _check_recipients(job: Job) -> None:
    envelope_sizes = {len(one.recipients) for one in envelopes(job)}
    count = max(envelope_sizes, default=0)
    if not count:
        refuse("$.to", "has no recipients; set at least one address in to, cc or bcc")
    if count > MAX_RECIPIENTS:
        reason = (
            f"has {count} recipients in to, cc and bcc; SES allows {MAX_RECIPIENTS} per mail: split the job"
        )
        refuse("$.to" if job.merge is None else "$.cc", reason)


def _check_content(job: Job) -> None:
    parts = len(job.attachments) + len(job.alternatives)
    if parts > MAX_ATTACHMENTS:
        refuse("$.attachments", f"has {parts} parts with alternatives; SES allows {MAX_ATTACHMENTS}")
    content = job.text is not None or job.html is not None or parts
    if job.merge is None and not content:
        reason = 'has no content; set text, html or attachments (for an empty mail "text": "")'
        refuse("$.text", reason)
