"""Verifies that SNS signed a message, and recently."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from mailbus.aws.partitions import REGION, dns_suffix, partitions
from mailbus.errors import SignatureError
from webhook.messages import created_at, text_to_sign

if TYPE_CHECKING:
    from webhook.messages import Message

# SNS retries for an hour, plus the time of its attempts, up to a hundred of up to 15 s:
# https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
OLDEST: Final = timedelta(minutes=90)
AHEAD: Final = timedelta(minutes=5)
KEY_BITS: Final = 2048
HASHES: Final = {"1": SHA1, "2": SHA256}

# The names in SNS's certificates: sns.amazonaws.com; in opt-in regions sns-signing.<region>; in China,
# GovCloud and others sns-<region>; each below the domain of its partition. From AWS's own SDK:
# https://github.com/aws/aws-sdk-java-v2/blob/master/services-custom/sns-message-manager/src/main/java/software/amazon/awssdk/messagemanager/sns/internal/SnsHostProvider.java
_NAME: Final = re.compile(
    rf"sns(?:(?:-signing)?\.(?P<opt_in>{REGION})|-(?P<region>{REGION}))?\.(?P<suffix>[a-z0-9.-]+)", re.ASCII
)


def require_recent(message: Message, now: datetime) -> None:
    """Raise `SignatureError` if a message is too old, such as a replayed one, or from the future."""
    age = now - created_at(message)
    if age > OLDEST:
        reason = f"Timestamp is {_minutes(age)} minutes ago, and SNS does not retry for so long"
        raise SignatureError(reason)
    if age < -AHEAD:
        reason = f"Timestamp is {_minutes(-age)} minutes ahead of this clock"
        raise SignatureError(reason)


def verify(message: Message, certificate: x509.Certificate, now: datetime) -> None:
    """Raise `SignatureError` if the certificate is not SNS's, or its key did not sign the message.

    The certificate was fetched from SNS's own host, so its issuer is not checked.
    """
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        reason = "the signing certificate is not valid now"
        raise SignatureError(reason)
    if not any(_is_of_sns(name) for name in _names(certificate)):
        reason = "the signing certificate is not issued to SNS"
        raise SignatureError(reason)
    try:
        _key(certificate).verify(
            base64.b64decode(message.signature, validate=True),
            text_to_sign(message),
            PKCS1v15(),
            HASHES[message.signature_version](),
        )
    except (binascii.Error, ValueError) as error:
        reason = "Signature is not base64"
        raise SignatureError(reason) from error
    except InvalidSignature as error:
        reason = "Signature is not SNS's signature of these fields"
        raise SignatureError(reason) from error


def _minutes(duration: timedelta) -> int:
    return duration // timedelta(minutes=1)


def _is_of_sns(name: str) -> bool:
    parts = _NAME.fullmatch(name)
    if parts is None:
        return False
    region = parts["opt_in"] or parts["region"]
    if region is None:
        return parts["suffix"] in {one.dns_suffix for one in partitions()}
    return parts["suffix"] == dns_suffix(region)


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension):
        return []
    return names.value.get_values_for_type(x509.DNSName)


def _key(certificate: x509.Certificate) -> RSAPublicKey:
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        reason = "the signing certificate has a key of an unknown kind"
        raise SignatureError(reason) from error
    if not isinstance(key, RSAPublicKey) or key.key_size < KEY_BITS:
        reason = f"the signing certificate has no RSA key of {KEY_BITS} bits"
        raise SignatureError(reason)
    return key
