"""Basic credentials: those that a caller gives, against those of the secret.

https://www.rfc-editor.org/rfc/rfc7617
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

HEADER: Final = "authorization"
_BASIC: Final = re.compile(r"basic +([A-Za-z0-9+/]+={0,2})", re.ASCII | re.IGNORECASE)
_REMEDY: Final = (
    'put a version that is {"username": "...", "password": "..."}, neither empty, no colon in the username'
)


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """One valid pair. Its text never shows it."""

    username: str
    password: str

    def __repr__(self) -> str:
        return "Credentials(...)"

    def encoded(self) -> bytes:
        """Write the pair as it stands, in base64, in the header."""
        return f"{self.username}:{self.password}".encode()


_DECODER: Final = msgspec.json.Decoder(Credentials)


def parse_secret(text: str) -> Credentials:
    """Read a version of the secret; a malformed one is a `ConfigurationError` that does not quote it."""
    try:
        credentials = _DECODER.decode(text)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError) as error:
        # not even the parser's words: they quote what they stumble over
        reason = f"the webhook's secret is not the JSON that it has to be: {_REMEDY}"
        raise ConfigurationError(reason) from error
    if not credentials.username or not credentials.password or ":" in credentials.username:
        reason = f"the webhook's secret has credentials that cannot stand in a header: {_REMEDY}"
        raise ConfigurationError(reason)
    return credentials


def given(headers: Mapping[str, str]) -> bytes | None:
    """Find the `user:password` of a request; None where there is none, or more than one, or a broken one."""
    found = [value for name, value in headers.items() if name.lower() == HEADER]
    basic = _BASIC.fullmatch(found[0].strip()) if len(found) == 1 else None
    if basic is None:
        return None
    try:
        return base64.b64decode(basic[1], validate=True)
    except binascii.Error:
        return None


def matches(pair: bytes, valid: Iterable[Credentials]) -> bool:
    """Tell whether a pair is one of the valid ones, in a time that says nothing of which, or how nearly.

    Digests are compared, as comparing in constant time tells lengths; and each with all.
    """
    digest = hashlib.sha256(pair).digest()
    compared = [hmac.compare_digest(digest, hashlib.sha256(one.encoded()).digest()) for one in valid]
    return any(compared)
