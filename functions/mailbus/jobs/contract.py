"""The send job as an application writes it: one JSON object on the send queue.

`SendJob` defines names, types and nesting; its JSON Schema is generated from it. `mailbus.jobs.parsing`
checks what the types cannot express. `extra` has hints for error messages: see `mailbus.validation`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from mailbus.events import MetadataValue
from mailbus.jobs.job_id import INVALID_JOB_ID, JOB_ID_PATTERN
from mailbus.jobs.keywords import SuggestsFields

JobId = Annotated[
    str,
    msgspec.Meta(
        pattern=f"^{JOB_ID_PATTERN}$",
        extra={"reason": INVALID_JOB_ID},
    ),
]
# RFC 3339 with its offset, or epoch seconds
Moment = Annotated[datetime, msgspec.Meta(tz=True)] | int | float
_Address = Annotated[
    str, msgspec.Meta(extra={"hint": 'write an address as a text, such as "Ann Lee <ann@example.com>"'})
]
Addresses = str | tuple[_Address, ...]
_S3_HINT = 'name it by bucket and key: {"bucket": "example-files", "key": "invoices/17.pdf"}'
_OF_RECIPIENT = msgspec.Meta(
    extra={
        "hint": "the field is keyed by recipient address, with an object for each; values for all recipients "
        "go into merge_global_data, metadata and headers"
    }
)


class S3Object(
    msgspec.Struct,
    metaclass=SuggestsFields,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
):
    """An object in S3, in a bucket that the deployment's settings name."""

    bucket: Annotated[
        str,
        msgspec.Meta(
            min_length=3,
            max_length=63,
            description="The bucket's name.",
            extra={"reason": "must be 3 to 63 characters: the bucket's name"},
        ),
    ]
    key: Annotated[
        str,
        msgspec.Meta(
            min_length=1,
            max_length=1024,
            description="The object's key.",
            extra={"reason": "must be 1 to 1024 characters: the object's key"},
        ),
    ]
    version_id: Annotated[
        str | None, msgspec.Meta(description="The version of the object; default: the newest.")
    ] = None


class Alternative(
    msgspec.Struct,
    metaclass=SuggestsFields,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
):
    """An alternative body, such as AMP or a calendar invitation."""

    content: Annotated[str, msgspec.Meta(description="The text of the body.")]
    content_type: Annotated[
        str,
        msgspec.Meta(
            description="A text/* or application/* type other than text/plain and text/html, such as "
            "text/x-amp-html or text/calendar; method=REQUEST."
        ),
    ]


class Attachment(
    msgspec.Struct,
    metaclass=SuggestsFields,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
):
    """A file: its bytes in `content` (base64 in JSON), or in S3. A `content_id` makes it inline."""

    content: Annotated[
        bytes | None,
        msgspec.Meta(
            description="The file's bytes in base64; this or s3.", extra={"also_called": ["data", "url"]}
        ),
    ] = None
    s3: Annotated[
        S3Object | None,
        msgspec.Meta(
            description="The S3 object with the file's bytes; this or content.",
            extra={"also_called": ["url"], "hint": _S3_HINT},
        ),
    ] = None
    filename: Annotated[
        str | None,
        msgspec.Meta(
            description="1 to 255 characters.",
            extra={"also_called": ["name"]},
        ),
    ] = None
    content_type: Annotated[
        str | None,
        msgspec.Meta(
            description="Default: application/octet-stream. message/rfc822 attaches a mail, as in forwarding."
        ),
    ] = None
    content_id: Annotated[
        str | None,
        msgspec.Meta(description='Makes the part inline: html shows it by "cid:" and this id.'),
    ] = None
    disposition: Annotated[
        Literal["attachment", "inline"] | None,
        msgspec.Meta(description="Default: inline with a content_id, otherwise attachment."),
    ] = None
    headers: Annotated[
        dict[str, str] | None,
        msgspec.Meta(
            description="Other headers of the part, such as Content-Language; in a merge only "
            "Content-Description."
        ),
    ] = None


class SendJob(
    msgspec.Struct,
    metaclass=SuggestsFields,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
):
    """A mail to send, or with merge fields one for each recipient."""

    schema_version: Annotated[Literal[1] | None, msgspec.Meta(description="The contract's version: 1.")] = 1
    job_id: Annotated[
        JobId | None,
        msgspec.Meta(
            description="The caller's key: jobs with the same id are the same job, which is sent once. "
            "Default: the id of the SQS message."
        ),
    ] = None
    from_email: Annotated[
        Addresses | None,
        msgspec.Meta(
            description="One or several From addresses, as address or Name <address>.",
            extra={"also_called": ["sender"]},
        ),
    ] = None
    to: Annotated[
        Addresses | None,
        msgspec.Meta(
            description="Recipients. With cc and bcc at most 50; in a merge up to 100,000, each with a "
            "message of its own.",
            extra={"also_called": ["recipient", "recipients"]},
        ),
    ] = None
    cc: Annotated[
        Addresses | None, msgspec.Meta(description="Copies; in a merge they are in each message.")
    ] = None
    bcc: Annotated[
        Addresses | None, msgspec.Meta(description="Blind copies; in a merge each message has them.")
    ] = None
    reply_to: Annotated[Addresses | None, msgspec.Meta(description="Where replies go.")] = None
    subject: Annotated[str | None, msgspec.Meta(description="One line; not with a stored template.")] = None
    text: Annotated[
        str | None,
        msgspec.Meta(
            description='The plain text; "" asks for an empty mail.',
            extra={"also_called": ["body", "body_text", "content", "message", "text_body"]},
        ),
    ] = None
    html: Annotated[
        str | None,
        msgspec.Meta(
            description="The HTML body.",
            extra={"also_called": ["body", "body_html", "content", "html_body", "message"]},
        ),
    ] = None
    alternatives: Annotated[
        tuple[Alternative, ...] | None,
        msgspec.Meta(
            description="Alternative bodies, such as AMP or a calendar invitation, the least preferred first."
        ),
    ] = None
    attachments: Annotated[
        tuple[Attachment, ...] | None,
        msgspec.Meta(description="Files and inline images, in base64 or from S3."),
    ] = None
    headers: Annotated[
        dict[str, str] | None,
        msgspec.Meta(
            description="Extra headers. To replaces the To header that readers see.",
            extra={"contains": {"sender": "Sender"}},
        ),
    ] = None
    envelope_sender: Annotated[
        str | None, msgspec.Meta(description="Where SES forwards bounces and complaints.")
    ] = None
    tags: Annotated[
        tuple[str, ...] | None,
        msgspec.Meta(description="One X-Tag header each; every event has them."),
    ] = None
    metadata: Annotated[
        dict[str, MetadataValue] | None,
        msgspec.Meta(description="Scalars that every event has; at most 64 KiB, in a merge 4 KiB."),
    ] = None
    track_opens: Annotated[
        bool | None, msgspec.Meta(description="Overrides the configuration set for opens.")
    ] = None
    track_clicks: Annotated[
        bool | None, msgspec.Meta(description="Overrides the configuration set for clicks.")
    ] = None
    send_at: Annotated[
        Moment | None,
        msgspec.Meta(
            description="Not sent before this time: RFC 3339 with its offset, or epoch seconds; up to "
            "a year ahead."
        ),
    ] = None
    expires_at: Annotated[
        Moment | None,
        msgspec.Meta(description="Not sent after this time: RFC 3339 with its offset, or epoch seconds."),
    ] = None
    template_id: Annotated[
        str | None, msgspec.Meta(description="A template stored in SES; makes the job a merge.")
    ] = None
    merge_data: Annotated[
        dict[str, Annotated[dict[str, Any], _OF_RECIPIENT]] | None,
        msgspec.Meta(
            description="Template data by recipient address; makes the job a merge.",
            extra={"also_called": ["template_data"]},
        ),
    ] = None
    merge_metadata: Annotated[
        dict[str, Annotated[dict[str, MetadataValue], _OF_RECIPIENT]] | None,
        msgspec.Meta(description="Metadata by recipient address; makes the job a merge."),
    ] = None
    merge_headers: Annotated[
        dict[str, Annotated[dict[str, str], _OF_RECIPIENT]] | None,
        msgspec.Meta(description="Headers by recipient address; makes the job a merge."),
    ] = None
    merge_global_data: Annotated[
        dict[str, Any] | None,
        msgspec.Meta(
            description="Template data for all recipients; makes the job a merge.",
            extra={"also_called": ["template_data"]},
        ),
    ] = None
    esp_extra: Annotated[
        dict[str, Any] | None,
        msgspec.Meta(
            description="Parameters of SES's SendEmail (in a merge SendBulkEmail), merged last, such as "
            "TenantName or ListManagementOptions.",
            extra={
                "contains": {
                    "configuration_set": "ConfigurationSetName",
                    "configuration_set_name": "ConfigurationSetName",
                    "configurationsetname": "ConfigurationSetName",
                }
            },
        ),
    ] = None
    content_ref: Annotated[
        S3Object | None,
        msgspec.Meta(
            description="The S3 object that holds the whole job, for jobs over the queue's limit; only "
            "job_id and schema_version may be set with it.",
            extra={"hint": _S3_HINT},
        ),
    ] = None
