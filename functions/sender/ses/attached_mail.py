"""Writes an attached mail in 7 bits: MIME does not allow base64 for message/rfc822 (RFC 2046, 5.2.1).

A mail that is in 7 bits already is sent as it is, so that its signatures stay valid. Of others, the parts
that are not are encoded; what cannot be read as a mail becomes a mail with the bytes as its file.
"""

from __future__ import annotations

import base64
import io
import re
from email import message_from_bytes
from email.errors import MessageError
from email.generator import BytesGenerator
from typing import TYPE_CHECKING, Any

from mailbus.encoded_words import ENCODED_WORD, encoded_words
from mailbus.jobs.header_text import LINE_LIMIT

if TYPE_CHECKING:
    from email.message import Message
    from typing import Final

_LINE_END: Final = re.compile(rb"\r\n|\r|\n")
_UNSENDABLE: Final = re.compile(rb"[\x00\x80-\xff]|[^\r\n]{%d}" % (LINE_LIMIT + 1))
_WORD: Final = re.compile(r"[^\s<>()\[\],;:\"@]*[^\x00-\x7f][^\s<>()\[\],;:\"@]*")
_FOLD: Final = re.compile(rf"(?<=\S)([ \t]+)(?=\S{{1,{LINE_LIMIT}}})")


def seven_bit(data: bytes) -> bytes:
    """Return a mail in 7 bits, with CRLF and lines of at most 998 characters."""
    written = _LINE_END.sub(b"\r\n", data)
    if not _UNSENDABLE.search(written):
        return written
    try:
        written = _LINE_END.sub(b"\r\n", _encoded(data))
    except (MessageError, LookupError, ValueError):
        return _as_file(data)
    return _as_file(data) if _UNSENDABLE.search(written) else written


def _encoded(data: bytes) -> bytes:
    mail = message_from_bytes(data)
    for part in mail.walk():
        _encode_headers(part)
        if part.is_multipart():
            if part["Content-Transfer-Encoding"]:
                part.replace_header("Content-Transfer-Encoding", "7bit")
            # nobody sees what is before the first part or after the last
            part.preamble = part.epilogue = None
        elif part.get_content_maintype() == "multipart":
            reason = "a multipart without parts"
            raise ValueError(reason)
        else:
            _encode_content(part)
    out = io.BytesIO()
    BytesGenerator(out, mangle_from_=False, maxheaderlen=0, policy=mail.policy.clone(linesep="\r\n")).flatten(
        mail
    )
    return out.getvalue()


def _encode_headers(part: Message[Any, Any]) -> None:
    pairs = [(name, str(value).encode("ascii", "surrogateescape")) for name, value in part.raw_items()]
    for name, _ in pairs:
        del part[name]
    for name, value in pairs:
        part[name] = _header(value) if _UNSENDABLE.search(value) else value.decode("ascii")


def _header(value: bytes) -> str:
    """Return the value of a header, folded, with its words in 7 bits."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = value.decode("latin-1")
    words = _WORD.sub(lambda word: "\n ".join(encoded_words(word[0], room=ENCODED_WORD)), text)
    return _FOLD.sub(r"\n\1", words.replace("\0", ""))


def _encode_content(part: Message[Any, Any]) -> None:
    payload = str(part.get_payload())
    if payload.isascii() and not _UNSENDABLE.search(payload.encode()):
        return
    content = part.get_payload(decode=True)
    encoded = base64.encodebytes(content if isinstance(content, bytes) else b"").decode("ascii")
    del part["Content-Transfer-Encoding"]
    part["Content-Transfer-Encoding"] = "base64"
    part.set_payload(encoded)


def _as_file(data: bytes) -> bytes:
    fields = b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return b"MIME-Version: 1.0\r\n" + fields + base64.encodebytes(data).replace(b"\n", b"\r\n")
