"""The job of a letter as a text to edit, and an edited text as the body of a message.

A job that is too large for a message is in S3, and the message refers to it: what is edited is the job.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from mailbus.errors import InvalidJob
from mailbus.jobs.claim_check import JOBS_PREFIX, SCHEDULED_PREFIX, object_key
from mailbus.jobs.contract import S3Object
from mailbus.jobs.parsing import content_reference
from mailbus.jobs.strict_json import read_document
from mailbus.sqs_messages import MAX_BODY_BYTES
from mailbus_cli import aws_errors
from mailbus_cli.dead_letters import aws
from mailbus_cli.dead_letters.checking import Defaults, compact, document_of, pretty

if TYPE_CHECKING:
    from mailbus_cli.dead_letters.letters import Letter
    from mailbus_cli.deployment import Deployment

_JOBS: Final = "JobsBucketName"
#: Variables of the sender's environment: its settings of these names (`mailbus.environment`).
SEND_DEFAULTS: Final = "SEND_DEFAULTS"
MESSAGE_TAG_NAME: Final = "MESSAGE_TAG_NAME"


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """The text of a letter's job; `problem` says why it is the message's and not that of the job in S3."""

    text: str
    is_in_s3: bool = False
    problem: str | None = None


def load(deployment: Deployment, letter: Letter) -> Document:
    """Return a letter's job, from S3 if it is there, or any other letter's body, as JSON to read."""
    at = _reference(letter) if letter.lane else None
    if at is None:
        return Document(text=pretty(letter.body))
    if at.bucket != deployment.outputs.get(_JOBS):
        return Document(text=pretty(letter.body), problem=f"the job is in S3, in the bucket {at.bucket}")
    try:
        return Document(text=pretty(aws.read_object(deployment, at)), is_in_s3=True)
    except (ClientError, BotoCoreError) as error:
        why = aws_errors.explain(error).reason
    except UnicodeDecodeError:
        why = "its object is not UTF-8"
    return Document(text=pretty(letter.body), problem=f"the job is in S3, and cannot be read: {why}")


def body_of(deployment: Deployment, letter: Letter, text: str) -> str:
    """Return the body of an edited and checked job; a large one is stored in S3, and the body refers to it.

    Raises `CommandError` if it cannot be stored.
    """
    body = compact(text)
    if len(body.encode()) <= MAX_BODY_BYTES:
        return body
    document = document_of(body)
    job_id = document.get("job_id")
    data, name = body.encode(), str(job_id or letter.original_id)
    is_delayed = document.get("send_at") is not None
    key = object_key(SCHEDULED_PREFIX if is_delayed else JOBS_PREFIX, name, data)
    at = S3Object(bucket=deployment.output(_JOBS), key=key)
    try:
        aws.store_object(deployment, at, data)
    except (ClientError, BotoCoreError) as error:
        doing = "the job is too large for a message, and cannot be stored"
        raise aws_errors.explain(error).as_error(doing) from error
    reference = {"content_ref": msgspec.to_builtins(at)}
    return msgspec.json.encode({"job_id": job_id, **reference} if job_id else reference).decode()


def defaults(deployment: Deployment) -> Defaults | None:
    """Return what the sender's settings add to jobs; None if these credentials may not read them."""
    name = deployment.outputs.get("SenderFunctionName")
    environment = aws.function_environment(deployment, name) if name else {}
    fields = environment.get(SEND_DEFAULTS)
    if not environment:
        return None
    return Defaults(
        fields=msgspec.json.decode(fields) if fields else {},
        message_tag_name=environment.get(MESSAGE_TAG_NAME),
    )


def _reference(letter: Letter) -> S3Object | None:
    try:
        return content_reference(read_document(letter.body))
    except InvalidJob:
        return None
