"""Stores attachments and inline parts in S3, at keys that are the same after a retry."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import TYPE_CHECKING, Final

import msgspec

from inbound import mime
from inbound.mapped import release
from inbound.uploads import Uploads
from mailbus.events import StoredPart

if TYPE_CHECKING:
    from inbound.aws.s3 import Bucket
    from inbound.mapped import Raw
    from inbound.mime import ParsedMail

NAME_CHARACTERS: Final = 100
_EXTENSION_CHARACTERS: Final = 16

_FOLDERS: Final = re.compile(r"^.*[/\\]", re.DOTALL)
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9.-]+")
# What remains of a name's stem in another alphabet.
_NO_STEM: Final = re.compile(r"^_[_.-]*\.(?=[A-Za-z0-9])")

# Not Python's `mimetypes`, which reads the machine's files: keys must be the same everywhere.
NAMES: Final = {
    "application/ms-tnef": "winmail.dat",
    "application/pdf": "part.pdf",
    "application/pgp-signature": "signature.asc",
    "application/pkcs7-mime": "smime.p7m",
    "application/pkcs7-signature": "smime.p7s",
    "application/vnd.ms-tnef": "winmail.dat",
    "image/gif": "part.gif",
    "image/jpeg": "part.jpg",
    "image/png": "part.png",
    "message/delivery-status": "delivery-status.txt",
    "message/disposition-notification": "disposition-notification.txt",
    "message/feedback-report": "feedback-report.txt",
    "message/rfc822": "message.eml",
    "text/calendar": "invite.ics",
    "text/html": "part.html",
    "text/plain": "part.txt",
    "text/rfc822-headers": "headers.txt",
}


class StoredParts(msgspec.Struct, frozen=True, kw_only=True):
    """The stored parts of a mail, and the defects of their encoding."""

    attachments: tuple[StoredPart, ...]
    inlines: tuple[StoredPart, ...]
    defects: tuple[str, ...]


def folder(parts_prefix: str, message_id: str) -> str:
    """Return the folder of a mail's parts and bodies, with its slash."""
    return f"{parts_prefix}{message_id}/"


def safe_filename(filename: str | None, content_type: str) -> str:
    """Return a name for a key: ASCII letters, digits, `.`, `-` and `_`, at most 100 characters.

    Folders and accents are removed. If nothing remains, the name depends on the content type.
    """
    plain = unicodedata.normalize("NFKD", _FOLDERS.sub("", filename or "")[: 4 * NAME_CHARACTERS])
    letters = "".join(c for c in plain if not unicodedata.combining(c))
    name = _NO_STEM.sub("part.", _UNSAFE.sub("_", letters)).strip("._")
    if not name.strip("-"):
        return NAMES.get(content_type, "part.bin")
    stem, dot, extension = name.rpartition(".")
    if len(name) <= NAME_CHARACTERS or not dot or len(extension) > _EXTENSION_CHARACTERS:
        return name[:NAME_CHARACTERS]
    return f"{stem[: NAME_CHARACTERS - len(extension) - 1]}.{extension}"


def store(raw: Raw, mail: ParsedMail, bucket: Bucket, parts_folder: str) -> StoredParts:
    """Store the parts of a mail in S3 at `<parts_folder><n>-<safe filename>`, n from 1 in the mail's order.

    A part is decoded when there is memory for it, and written while the next ones are decoded. Errors of S3
    are raised, and nothing more is written then.
    """
    attachments: list[StoredPart] = []
    inlines: list[StoredPart] = []
    defects: list[str] = []
    with Uploads(bucket) as uploads:
        for number, part in enumerate(mail.parts, start=1):
            uploads.wait_for_memory(part.end - part.start)
            content, wrong = part.content(raw)
            release(raw, part.start, part.end)
            key = f"{parts_folder}{number}-{safe_filename(part.filename, part.content_type)}"
            stored = StoredPart(
                filename=part.filename,
                content_type=part.content_type,
                charset=part.charset,
                method=part.method,
                size=len(content),
                sha256=hashlib.sha256(content).hexdigest(),
                content_id=part.content_id,
                disposition=part.disposition,
                s3=uploads.begin(key, content),
            )
            # only the upload still needs it when the next one is decoded
            del content
            (inlines if part.start in mail.inlines else attachments).append(stored)
            defects += wrong
    return StoredParts(attachments=tuple(attachments), inlines=tuple(inlines), defects=mime.distinct(defects))
