"""Scans messages: number of parts, attachment names, viruses and spam.

The bytes are searched first, and a message is parsed only if they give a reason to, because parsing is slow.
"""

from __future__ import annotations

import re
from email import message_from_bytes
from email.utils import collapse_rfc2231_value
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message

MAX_PARTS: Final = 500

# https://docs.aws.amazon.com/ses/latest/dg/attachments.html#mime-types
BLOCKED_EXTENSIONS: Final = frozenset(
    [
        "ade",
        "adp",
        "app",
        "asp",
        "bas",
        "bat",
        "cer",
        "chm",
        "cmd",
        "com",
        "cpl",
        "crt",
        "csh",
        "der",
        "exe",
        "fxp",
        "gadget",
        "hlp",
        "hta",
        "inf",
        "ins",
        "isp",
        "its",
        "js",
        "jse",
        "ksh",
        "lib",
        "lnk",
        "mad",
        "maf",
        "mag",
        "mam",
        "maq",
        "mar",
        "mas",
        "mat",
        "mau",
        "mav",
        "maw",
        "mda",
        "mdb",
        "mde",
        "mdt",
        "mdw",
        "mdz",
        "msc",
        "msh",
        "msh1",
        "msh2",
        "mshxml",
        "msh1xml",
        "msh2xml",
        "msi",
        "msp",
        "mst",
        "ops",
        "pcd",
        "pif",
        "plg",
        "prf",
        "prg",
        "reg",
        "scf",
        "scr",
        "sct",
        "shb",
        "shs",
        "sys",
        "ps1",
        "ps1xml",
        "ps2",
        "ps2xml",
        "psc1",
        "psc2",
        "tmp",
        "url",
        "vb",
        "vbe",
        "vbs",
        "vps",
        "vsmacros",
        "vss",
        "vst",
        "vsw",
        "vxd",
        "ws",
        "wsc",
        "wsf",
        "wsh",
        "xnk",
    ]
)

# Split, so that no virus scanner reports this file.
EICAR: Final = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
GTUBE: Final = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-" + b"STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"

_NAMED: Final = re.compile(rb"name\*?[0-9]*\*?\s*=", re.IGNORECASE)
_BASE64: Final = re.compile(rb"\n[A-Za-z0-9+/]{16,}={0,2}\r?(\n|$)")


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a scan."""

    parts: int
    file_names: tuple[str, ...]
    virus: bool

    def blocked(self) -> str | None:
        """Return the first attachment name with a blocked extension, None if there is none."""
        endings = ((name, name.rpartition(".")) for name in self.file_names)
        return next(
            (name for name, (_, dot, end) in endings if dot and end.lower() in BLOCKED_EXTENSIONS), None
        )


def scan(raw: bytes) -> Findings:
    """Scan a message that is to be sent."""
    named = _NAMED.search(raw) is not None
    # Every part has a boundary line, which begins with two hyphens.
    if not named and raw.count(b"\n--") <= MAX_PARTS and not _suspicious(raw):
        return Findings(parts=1, file_names=(), virus=EICAR in raw)
    leaves = list(_leaves(message_from_bytes(raw)))
    return Findings(
        parts=len(leaves),
        file_names=tuple(name for part in leaves if (name := _file_name(part))),
        virus=EICAR in raw or any(EICAR in _payload(part) for part in leaves),
    )


def contains(raw: bytes, test_string: bytes) -> bool:
    """Return whether a message contains a test string, as plain text or in an encoded part."""
    if test_string in raw:
        return True
    if _BASE64.search(raw) is None and b"quoted-printable" not in raw.lower():
        return False
    return any(test_string in _payload(part) for part in _leaves(message_from_bytes(raw)))


def _suspicious(raw: bytes) -> bool:
    """Return whether a message contains the beginning of the EICAR string in base64."""
    return b"WDVPIVAlQEFQWzRc" in raw


def _leaves(message: Message) -> Iterator[Message]:
    return (part for part in message.walk() if not part.is_multipart())


def _file_name(part: Message) -> str | None:
    for parameter, header in (("filename", "content-disposition"), ("name", "content-type")):
        value = part.get_param(parameter, None, header)
        if value is not None:
            return collapse_rfc2231_value(value).strip()
    return None


def _payload(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""
