"""Builds the parameters of SES v2's SendBulkEmail from a merge: one entry and message for each recipient.

https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendBulkEmail.html

`email_request` makes of an entry a call of SendEmail, which sends the same message.
"""

from __future__ import annotations

import json
import mimetypes
from typing import TYPE_CHECKING, Any

import msgspec

from mailbus.errors import InvalidJob
from mailbus.events import ENTRY_TAG
from mailbus.jobs.content_types import media_type_of
from mailbus.jobs.header_text import free_text, mailbox_text, metadata_text
from mailbus.jobs.job import envelopes
from mailbus.jobs.template_headers import MAX_HEADER
from sender.ses.mime import MESSAGE_BYTES, base64_bytes, content_bytes
from sender.ses.send_email import Request, call_parameters, destination, message_tags, with_extra

if TYPE_CHECKING:
    from typing import Final

    from mailbus.environment import SenderSettings
    from mailbus.jobs.inline_template import InlineTemplate
    from mailbus.jobs.job import Attachment, Envelope, Job, Merge, MergeRecipient

# SES takes a template without data only for one without placeholders
NO_DATA: Final = "{}"
# what an entry has beside its data: at most 15 headers, addresses and tags, with their names
ENTRY_BYTES: Final = 20_000


class BulkRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One job's calls of SendBulkEmail: their common parameters, and an entry for each recipient in order.

    A request has `shared_bytes`, and for each entry in it those of `entry_bytes`.
    """

    params: dict[str, Any]
    entries: tuple[dict[str, Any], ...]
    shared_bytes: int = 0
    entry_bytes: tuple[int, ...] = ()

    def fitting(self, entries: tuple[int, ...]) -> tuple[int, ...]:
        """Return the first of these entries, as many as one request has room for, at least one."""
        room = MESSAGE_BYTES - self.shared_bytes
        for count, entry in enumerate(entries):
            room -= self.entry_bytes[entry]
            if room < 0 and count:
                return entries[:count]
        return entries


def build_bulk_request(job: Job, settings: SenderSettings, part: int | None) -> BulkRequest:
    """Return the request for a job with a merge; `part` is its number if the job was split into parts.

    Raise `InvalidJob` if it is larger than SES accepts.
    """
    merge = job.merge
    assert merge is not None  # noqa: S101 - the caller has checked it
    _check_size(job)
    params = {
        "FromEmailAddress": mailbox_text(job.from_email[0]),
        "DefaultEmailTags": message_tags(job, settings),
        "DefaultContent": {"Template": _template(job, merge)},
        **call_parameters(job, settings),
    }
    if job.reply_to:
        params["ReplyToAddresses"] = [mailbox_text(mailbox) for mailbox in job.reply_to]
    params = with_extra(params, job.esp_extra, "SendBulkEmail", {"BulkEmailEntries": []})
    data = [_data(recipient.complete_data) for recipient in merge.recipients]
    files = sum(base64_bytes(len(content_bytes(file))) for file in job.attachments)
    texts = () if merge.inline is None else _inline(merge.inline).values()
    return BulkRequest(
        params=params,
        shared_bytes=files + sum(map(_bytes_in_json, texts)),
        entry_bytes=tuple(ENTRY_BYTES + _bytes_in_json(text) for text in data),
        entries=tuple(
            {
                "Destination": _destination(job, recipient, envelope),
                # all tags again: SES does not document that an entry's tags are added to the default ones
                "ReplacementTags": [
                    *params["DefaultEmailTags"],
                    {"Name": ENTRY_TAG, "Value": entry_name(index, part)},
                ],
                "ReplacementEmailContent": {"ReplacementTemplate": {"ReplacementTemplateData": data[index]}},
                "ReplacementHeaders": _headers(job, recipient, settings),
            }
            for index, (recipient, envelope) in enumerate(zip(merge.recipients, envelopes(job), strict=True))
        ),
    )


def email_request(request: BulkRequest, index: int) -> Request:
    """Return the call of SendEmail that sends one entry's message."""
    entry = request.entries[index]
    params = dict(request.params)
    template = params.pop("DefaultContent")["Template"]
    del params["DefaultEmailTags"]
    own = {
        "TemplateData": entry["ReplacementEmailContent"]["ReplacementTemplate"]["ReplacementTemplateData"],
        "Headers": entry["ReplacementHeaders"],
    }
    return Request(
        params={
            **params,
            "Destination": entry["Destination"],
            "EmailTags": entry["ReplacementTags"],
            "Content": {"Template": {**template, **own}},
        }
    )


def entry_name(index: int, part: int | None) -> str:
    """Return the tag value that identifies an entry: its index, after the number of its part if any."""
    return str(index) if part is None else f"{part}-{index}"


def _template(job: Job, merge: Merge) -> dict[str, Any]:
    """Return a merge's template with its files; it has no data, since that of each entry is complete."""
    template: dict[str, Any] = {"TemplateData": NO_DATA}
    if merge.inline is None:
        template["TemplateName"] = merge.template_id
    else:
        template["TemplateContent"] = _inline(merge.inline)
    if job.attachments:
        template["Attachments"] = [_attachment(file, index) for index, file in enumerate(job.attachments, 1)]
    return template


def _inline(template: InlineTemplate) -> dict[str, str]:
    content = {"Subject": template.subject, "Text": template.text, "Html": template.html}
    return {name: text for name, text in content.items() if text is not None}


def _attachment(attachment: Attachment, number: int) -> dict[str, Any]:
    values = {
        "RawContent": content_bytes(attachment),
        "FileName": attachment.filename or attachment.content_id or _made_name(attachment, number),
        "ContentType": attachment.content_type,
        "ContentDisposition": attachment.disposition.upper(),
        "ContentId": attachment.content_id,
        "ContentTransferEncoding": "BASE64",
        # the only header of a part that a template has
        "ContentDescription": next((value for _, value in attachment.headers), None),
    }
    return {name: value for name, value in values.items() if value is not None}


def _made_name(attachment: Attachment, number: int) -> str:
    """Return a name for a file without one: SES requires it, MIME does not."""
    return f"attachment-{number}{mimetypes.guess_extension(media_type_of(attachment.content_type)) or ''}"


def _check_size(job: Job) -> None:
    size = sum(base64_bytes(len(content_bytes(file))) for file in job.attachments)
    if size > MESSAGE_BYTES:
        reason = (
            f"would make mails of at least {size} bytes; SES accepts {MESSAGE_BYTES}; send a link instead"
        )
        path = "$.attachments"
        raise InvalidJob(path, reason)


def _destination(job: Job, recipient: MergeRecipient, envelope: Envelope) -> dict[str, list[str]]:
    """Return an entry's recipients with their names: SES writes the message's To and Cc from them."""
    texts: dict[str, str] = {}
    for mailbox in (recipient.mailbox, *job.cc, *job.bcc):
        texts.setdefault(mailbox.address, mailbox_text(mailbox))
    return {
        kind: [texts[address] for address in addresses] for kind, addresses in destination(envelope).items()
    }


def _bytes_in_json(text: str) -> int:
    """Return the bytes of a text in a request: JSON in ASCII, as botocore writes it."""
    return len(json.dumps(text))


def _data(data: dict[str, Any]) -> str:
    return msgspec.json.encode(data).decode()


def _headers(job: Job, recipient: MergeRecipient, settings: SenderSettings) -> list[dict[str, str]]:
    pairs = [{"Name": name, "Value": value} for name, value in recipient.headers]
    if job.sender is not None:
        pairs.append({"Name": "Sender", "Value": mailbox_text(job.sender)})
    pairs += [{"Name": "X-Tag", "Value": "".join(free_text(tag))} for tag in job.tags]
    if settings.metadata_in_headers and recipient.metadata:
        text = metadata_text(recipient.metadata)
        # larger metadata is read from the ledger when the events come
        if len(text) <= MAX_HEADER - len("X-Metadata"):
            pairs.append({"Name": "X-Metadata", "Value": text})
    return pairs
