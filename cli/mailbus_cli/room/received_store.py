"""The edge to the bucket of received mail: reads raw mails, and decrypts those that SES encrypted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from mailbus.errors import InboundError
from mailbus_cli.room.content import inbound_package

if TYPE_CHECKING:
    from mailbus.timeline.mails import ReceivedMail
    from mailbus_cli.deployment import Deployment

#: SES receives up to 40 MB: https://docs.aws.amazon.com/ses/latest/dg/quotas.html
RAW_BYTES: Final = 64 * 1024 * 1024
#: Bytes of a mail that its row in the list is read from.
BEGINNING_BYTES: Final = 128 * 1024
#: An encrypted mail is decrypted whole: for the list only to this size.
ENCRYPTED_BYTES: Final = 1024 * 1024

_GONE: Final = "The raw mail is not in the bucket any more: it is kept for the setting retention.raw_days."
_DENIED: Final = (
    "These credentials may not read the raw mail: they need `s3:GetObject` on the bucket's objects, and "
    "`kms:Decrypt` on its key if it is encrypted."
)
_PROBLEMS: Final = {
    "NoSuchKey": _GONE,
    "404": _GONE,
    "NoSuchBucket": "The bucket of received mail does not exist: deploy the stage again.",
    "AccessDenied": _DENIED,
    "AccessDeniedException": _DENIED,
    "403": _DENIED,
    "InvalidRange": "The raw mail is empty.",
}


class Raw(msgspec.Struct, frozen=True, kw_only=True):
    """A raw mail, or the reason why there is none. `is_whole` is false of its beginning alone."""

    content: bytes | None = None
    problem: str | None = None
    is_encrypted: bool = False
    is_whole: bool = True


def read(deployment: Deployment, mail: ReceivedMail, *, beginning: bool = False) -> Raw:
    """Return the raw mail, decrypted; with `beginning` only so much of it as the list needs.

    Only the deployment's own bucket is read, whatever the event names.
    """
    bucket = deployment.outputs.get("InboundBucketName")
    if mail.raw is None:
        return Raw(problem="The event names no raw mail.")
    if bucket is None or mail.raw.bucket != bucket:
        return Raw(problem=f"The raw mail is in {mail.raw.bucket}, which is not this stage's bucket.")
    wanted = {"Range": f"bytes=0-{BEGINNING_BYTES - 1}"} if beginning else {}
    try:
        answer = deployment.client("s3").get_object(Bucket=bucket, Key=mail.raw.key, **wanted)
        return _content(deployment, mail, answer, beginning=beginning)
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        return Raw(problem=_PROBLEMS.get(code, f"S3 or KMS answers {code}: try again."))
    except BotoCoreError as error:
        return Raw(problem=f"S3 or KMS cannot be reached ({type(error).__name__}): try again.")
    except InboundError as error:
        return Raw(problem=str(error), is_encrypted=True)


def _content(deployment: Deployment, mail: ReceivedMail, answer: Any, *, beginning: bool) -> Raw:  # noqa: ANN401
    decryption = inbound_package.module("decryption")
    size = _size(answer)
    if not decryption.is_encrypted(answer["Metadata"]):
        if size > RAW_BYTES and not beginning:
            return Raw(problem=f"The object has {size} bytes, more than a mail can have.")
        content = answer["Body"].read()
        return Raw(content=content, is_whole=len(content) == size)
    if beginning and size > ENCRYPTED_BYTES:
        return Raw(problem="It is encrypted, and large: open it to read it.", is_encrypted=True)
    client, at = deployment.client("s3"), {"Bucket": mail.raw.bucket, "Key": mail.raw.key} if mail.raw else {}
    whole = client.get_object(**at)
    envelope = decryption.read_envelope(whole["Metadata"])
    key = deployment.client("kms").decrypt(
        CiphertextBlob=envelope.wrapped_key, EncryptionContext=envelope.context
    )["Plaintext"]
    try:
        content = decryption.decrypt(envelope, key, whole["Body"].read())
    except ModuleNotFoundError:
        return Raw(
            problem="It is encrypted: install the package cryptography (mailbus[local] has it) to read it.",
            is_encrypted=True,
        )
    return Raw(content=content, is_encrypted=True)


def _size(answer: Any) -> int:  # noqa: ANN401
    """Return the size of the whole object, of which the answer may be a part."""
    total = str(answer.get("ContentRange", "")).rpartition("/")[2]
    return int(total) if total.isdigit() else int(answer["ContentLength"])
