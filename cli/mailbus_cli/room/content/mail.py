"""Reads a mail's bytes into what its page shows.

The parser is the inbound function's: a received mail is shown as its event has it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mailbus.errors import InboundError
from mailbus_cli.room.content import inbound_package
from mailbus_cli.room.content.frame import Picture
from mailbus_cli.room.content.names import Piece, hides_type, safe_name, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus.events import InboundMessage

#: Bytes of a mail's source that its page shows; it is downloaded whole.
SOURCE_BYTES: Final = 256 * 1024
#: Characters of a text that its page shows.
TEXT_CHARACTERS: Final = 256 * 1024


class File(msgspec.Struct, frozen=True, kw_only=True):
    """An attachment, or a part that the body shows (`is_inline`); `number` is from 1 in the mail's order."""

    number: int
    name: str | None
    content_type: str
    size: int
    sha256: str
    content_id: str | None
    is_inline: bool
    #: how the inbound function names it in the bucket
    key_name: str = ""

    @property
    def shown_name(self) -> tuple[Piece, ...]:
        """The name, with what deceives the eye by code point."""
        return shown(self.name or self.safe_name)

    @property
    def safe_name(self) -> str:
        """The name to save it by."""
        return safe_name(self.name, self.number, self.content_type)

    @property
    def hides_type(self) -> bool:
        """True if its name looks like that of another type."""
        return self.name is not None and hides_type(self.name)


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """A mail as its page shows it. `problem` says why there is no more, if it cannot be read."""

    size: int
    message: Any = None
    html: str | None = None
    text: str | None = None
    charset: str | None = None
    files: tuple[File, ...] = ()
    defects: tuple[str, ...] = ()
    problem: str | None = None

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """All headers, decoded, in order."""
        message: InboundMessage | None = self.message
        return () if message is None else message.headers

    @property
    def subject(self) -> str | None:
        """The subject, decoded."""
        message: InboundMessage | None = self.message
        return None if message is None else message.subject

    @property
    def attachments(self) -> tuple[File, ...]:
        """The files that the body does not show."""
        return tuple(file for file in self.files if not file.is_inline)

    def all(self, name: str) -> tuple[str, ...]:
        """Return the values of all headers with this name, in any case."""
        return tuple(value for key, value in self.headers if key.lower() == name.lower())


def read(raw: bytes) -> Content:
    """Return what a mail's page shows; of bytes that are no mail the reason."""
    mime = inbound_package.module("mime")
    try:
        mail = mime.parse(raw)
    except InboundError as error:
        return Content(size=len(raw), problem=str(error))
    files = tuple(_file(raw, mail, number) for number in range(1, len(mail.parts) + 1))
    return Content(
        size=len(raw),
        message=mail.message,
        html=None if mail.html is None else mail.html.decode("utf-8", "replace"),
        text=None if mail.text is None else mail.text.decode("utf-8", "replace"),
        charset=_charset(raw),
        files=files,
        defects=mail.defects,
    )


def file_content(raw: bytes, number: int) -> tuple[str, bytes] | None:
    """Return the name to save a file by and its content; None if the mail has no such file."""
    mime = inbound_package.module("mime")
    try:
        parts = mime.parse(raw).parts
    except InboundError:
        return None
    if not 1 <= number <= len(parts):
        return None
    part = parts[number - 1]
    return safe_name(part.filename, number, part.content_type), part.content(raw)[0]


def pictures(raw: bytes) -> Mapping[str, Picture]:
    """Return the mail's own pictures by Content-ID."""
    mime = inbound_package.module("mime")
    try:
        parts = mime.parse(raw).parts
    except InboundError:
        return {}
    return {
        part.content_id: Picture(content_type=part.content_type, content=part.content(raw)[0])
        for part in parts
        if part.content_id and part.content_type.startswith("image/")
    }


def source(raw: bytes) -> str:
    """Return the beginning of a mail as text, byte for byte where it is ASCII."""
    return raw[:SOURCE_BYTES].decode("utf-8", "backslashreplace").replace("\r\n", "\n")


def _file(raw: bytes, mail: Any, number: int) -> File:  # noqa: ANN401 - of the inbound function
    part = mail.parts[number - 1]
    content = part.content(raw)[0]
    stored_name = inbound_package.module("parts").safe_filename(part.filename, part.content_type)
    return File(
        number=number,
        name=part.filename,
        content_type=part.content_type,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        content_id=part.content_id,
        is_inline=part.start in mail.inlines,
        key_name=f"{number}-{stored_name}",
    )


def _charset(raw: bytes) -> str | None:
    """Return the charset that the first text of a mail names."""
    structure = inbound_package.module("structure")
    texts = (part for part in structure.read(raw).parts if part.content_type == "text/plain")
    return next((part.charset for part in texts), None)
