"""Decrypts mail that SES encrypted before it stored it ("Encrypt message").

SES uses the format of version 2 of the Amazon S3 encryption client: the object is encrypted by AES-GCM, with
its tag at the end, and its metadata has the data key, wrapped by KMS, and the encryption context.
https://docs.aws.amazon.com/kms/latest/developerguide/services-ses.html
https://docs.aws.amazon.com/amazon-s3-encryption-client/latest/developerguide/encryption-algorithms.html
"""

from __future__ import annotations

import re
from base64 import b64decode
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus.errors import InboundError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inbound.mapped import Raw

# The prefix of all metadata of the encryption client, in every version; SES writes no other metadata.
_ENVELOPE: Final = "x-amz-"
_WRAPPED_KEY: Final = "x-amz-key-v2"
_WRAPPED_KEY_V1: Final = "x-amz-key"
_WRAP: Final = "x-amz-wrap-alg"
_CIPHER: Final = "x-amz-cek-alg"
_IV: Final = "x-amz-iv"
_TAG_BITS: Final = "x-amz-tag-len"
_CONTEXT: Final = "x-amz-matdesc"
_PLAIN_BYTES: Final = "x-amz-unencrypted-content-length"

_GCM: Final = "AES/GCM/NoPadding"
_BOUND_WRAP: Final = "kms+context"
# With the newer wrap algorithm the context must name the cipher.
_BOUND_CIPHER: Final = "aws:x-amz-cek-alg"
_WRAPS: Final = frozenset({"kms", _BOUND_WRAP})

KEY_BYTES: Final = 32
_IV_BYTES: Final = 12
_TAG_BYTES: Final = 16
# https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html
_WRAPPED_BYTES: Final = 6144
# Metadata is quoted in reasons up to this length: it has nothing of the mail, but may be long.
_QUOTED_CHARACTERS: Final = 64

_NUMBER: Final = re.compile(r"[0-9]{1,12}")
_CONTEXT_DECODER: Final = msgspec.json.Decoder(dict[str, str])


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """The metadata that decrypts a mail, once KMS has unwrapped the key.

    `context` is KMS's encryption context; `plain_bytes` is the mail's size, if SES stored it.
    """

    wrapped_key: bytes
    iv: bytes
    context: dict[str, str]
    plain_bytes: int | None

    def ses_context(self, name: str) -> str | None:
        """Return a value of SES's in the context, such as `message-id`, `source-account` or `rule-name`."""
        return self.context.get(f"aws:ses:{name}")


def is_encrypted(metadata: Mapping[str, str]) -> bool:
    """Return True if an object's metadata has any field of an encryption client."""
    return any(name.lower().startswith(_ENVELOPE) for name in metadata)


def read_envelope(metadata: Mapping[str, str]) -> Envelope:
    """Return the envelope in an object's metadata, whose names may be in any case.

    Raise `InboundError` if SES cannot have written it.
    """
    values = _lowercased(metadata)
    if _WRAPPED_KEY not in values:
        raise _error(_no_key_reason(values))
    wrap, cipher = values.get(_WRAP), values.get(_CIPHER)
    if wrap not in _WRAPS:
        reason = f"{_WRAP} is {_quoted(wrap)}, not kms: its key was not wrapped by KMS, so not by SES"
        raise _error(reason)
    if cipher != _GCM:
        reason = f"{_CIPHER} is {_quoted(cipher)}: only {_GCM} detects alterations"
        raise _error(reason)
    if values.get(_TAG_BITS, str(8 * _TAG_BYTES)) != str(8 * _TAG_BYTES):
        reason = f"{_TAG_BITS} is {_quoted(values[_TAG_BITS])}, not {8 * _TAG_BYTES}"
        raise _error(reason)
    context = _context(values.get(_CONTEXT))
    if wrap == _BOUND_WRAP and context.get(_BOUND_CIPHER) != cipher:
        reason = f"{_CONTEXT} does not bind {_BOUND_CIPHER}, which {_BOUND_WRAP} requires"
        raise _error(reason)
    return Envelope(
        wrapped_key=_bytes(values, _WRAPPED_KEY, range(1, _WRAPPED_BYTES + 1)),
        iv=_bytes(values, _IV, range(_IV_BYTES, _IV_BYTES + 1)),
        context=context,
        plain_bytes=_number(values, _PLAIN_BYTES),
    )


def check(envelope: Envelope, *, message_id: str, account: str, size: int) -> None:
    """Raise `InboundError` if an envelope does not belong to this mail, account and size of the object.

    KMS verifies that the context is the one that the key was wrapped with, but not that it is this mail's.
    """
    for name, wanted in (("message-id", message_id), ("source-account", account)):
        bound = envelope.ses_context(name)
        if bound is None:
            reason = f"{_CONTEXT} has no aws:ses:{name}: it was not encrypted by SES"
            raise _error(reason)
        if bound != wanted:
            reason = f"its key is bound to another mail: aws:ses:{name} is {_quoted(bound)}, not {wanted}"
            raise _error(reason)
    if envelope.plain_bytes is not None and size != envelope.plain_bytes + _TAG_BYTES:
        reason = (
            f"its object has {size} bytes, not the {envelope.plain_bytes + _TAG_BYTES} of "
            f"{_PLAIN_BYTES} and a tag: it was cut or extended"
        )
        raise _error(reason)


def decrypt(envelope: Envelope, key: bytes, content: Raw) -> bytes:
    """Return the authenticated mail, decrypted by the unwrapped key; raise `InboundError` if that fails."""
    if len(key) != KEY_BYTES:
        reason = f"its key has {len(key)} bytes, not the {KEY_BYTES} of AES-256"
        raise _error(reason)
    # imported here: it takes 10 MB of memory, and few mails are encrypted
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    try:
        return AESGCM(key).decrypt(envelope.iv, memoryview(content), None)
    except InvalidTag as error:
        reason = "its tag does not match: the object, its tag or its metadata was altered or cut"
        raise _error(reason) from error


def _lowercased(metadata: Mapping[str, str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for given, value in metadata.items():
        name = given.lower()
        if name in values and name.startswith(_ENVELOPE):
            reason = f"its metadata has {name} twice"
            raise _error(reason)
        values[name] = value
    return values


def _no_key_reason(values: Mapping[str, str]) -> str:
    if _WRAPPED_KEY_V1 in values:
        return f"it has the older envelope ({_WRAPPED_KEY_V1}), whose cipher does not detect alterations"
    return (
        f"its metadata has no {_WRAPPED_KEY}: a part of the envelope is missing, or it is of another version"
    )


def _context(text: str | None) -> dict[str, str]:
    if text is None:
        reason = f"its metadata has no {_CONTEXT}: the context of its key is missing"
        raise _error(reason)
    try:
        return _CONTEXT_DECODER.decode(_unfolded(text))
    except (msgspec.MsgspecError, HeaderParseError, UnicodeError, LookupError, RecursionError) as error:
        reason = f"{_CONTEXT} is not a JSON object of strings ({type(error).__name__})"
        raise _error(reason) from error


def _unfolded(text: str) -> str:
    """Decode S3's encoding of metadata that is not ASCII.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html#UserMetadata
    """
    return str(make_header(decode_header(text))) if text.startswith("=?") else text


def _bytes(values: Mapping[str, str], name: str, lengths: range) -> bytes:
    if name not in values:
        reason = f"its metadata has no {name}"
        raise _error(reason)
    try:
        content = b64decode(values[name], validate=True)
    except ValueError as error:
        reason = f"{name} is not base64"
        raise _error(reason) from error
    if len(content) not in lengths:
        least, most = lengths[0], lengths[-1]
        reason = f"{name} has {len(content)} bytes, not {least if least == most else f'{least} to {most}'}"
        raise _error(reason)
    return content


def _number(values: Mapping[str, str], name: str) -> int | None:
    text = values.get(name)
    if text is None:
        return None
    if not _NUMBER.fullmatch(text):
        reason = f"{name} is {_quoted(text)}, not a number of bytes"
        raise _error(reason)
    return int(text)


def _quoted(value: str | None) -> str:
    return "missing" if value is None else repr(value[:_QUOTED_CHARACTERS])


def _error(problem: str) -> InboundError:
    return InboundError(
        f"the mail is encrypted, and {problem}; let SES alone write under the raw prefix, by a receipt rule "
        "with a KMS key. The raw message is kept"
    )
