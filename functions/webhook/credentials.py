"""Basic credentials: of a request's header and of the secret, and their comparison.

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
_FIX: Final = (
    'put a version that is {"username": "...", "password": "..."}, neither empty, no colon in the username'
)


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """A valid user and password, which its text never shows."""

    username: str
    password: str

    def __repr__(self) -> str:
        return "Credentials(...)"

    def encoded(self) -> bytes:
        """Return the pair as the header has it in base64."""
        return f"{self.username}:{self.password}".encode()


_DECODER: Final = msgspec.json.Decoder(Credentials)


def parse_secret(text: str) -> Credentials:
    """Parse a version of the secret; a malformed one is a `ConfigurationError` that does not quote it."""
    try:
        credentials = _DECODER.decode(text)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError) as error:
        # The parser's message is left out: it may quote the secret.
        reason = f"the webhook's secret is not the JSON object that it must be: {_FIX}"
        raise ConfigurationError(reason) from error
    if not credentials.username or not credentials.password or ":" in credentials.username:
        reason = f"the webhook's secret has credentials that cannot be sent in a header: {_FIX}"
        raise ConfigurationError(reason)
    return credentials


def from_headers(headers: Mapping[str, str]) -> bytes | None:
    """Return the `user:password` of a request; None if it is missing, repeated or malformed."""
    found = [value for name, value in headers.items() if name.lower() == HEADER]
    basic = _BASIC.fullmatch(found[0].strip()) if len(found) == 1 else None
    if basic is None:
        return None
    try:
        return base64.b64decode(basic[1], validate=True)
    except binascii.Error:
        return None


def matches(pair: bytes, valid: Iterable[Credentials]) -> bool:
    """Return True if a pair is one of the valid ones, in constant time.

    Digests are compared, since the comparison itself reveals lengths, and always with all valid pairs.
    """
    digest = hashlib.sha256(pair).digest()
    equal = [hmac.compare_digest(digest, hashlib.sha256(each.encoded()).digest()) for each in valid]
    return any(equal)
