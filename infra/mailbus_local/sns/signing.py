"""Signs messages as SNS does.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message-verify-message-signature.html
"""

from __future__ import annotations

import base64
import urllib.parse
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_CONFIRMATION_FIELDS: Final = (
    "Message",
    "MessageId",
    "SubscribeURL",
    "Timestamp",
    "Token",
    "TopicArn",
    "Type",
)
# The signed fields of each type, in order; fields that a message lacks are skipped.
SIGNED_FIELDS: Final = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": _CONFIRMATION_FIELDS,
    "UnsubscribeConfirmation": _CONFIRMATION_FIELDS,
}
_HASHES: Final = {"1": hashes.SHA1, "2": hashes.SHA256}


def string_to_sign(message: Mapping[str, Any]) -> bytes:
    """Return the text that the signature of a message covers."""
    fields = SIGNED_FIELDS[message["Type"]]
    return "".join(f"{name}\n{message[name]}\n" for name in fields if name in message).encode()


def region_of(topic_arn: str) -> str:
    """Return the region of a topic's ARN."""
    return topic_arn.split(":")[3]


def host_of(region: str) -> str:
    """Return SNS's host name in a region."""
    return f"sns.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"


def sign_message(
    message: Mapping[str, Any], *, key: RSAPrivateKey, certificate_name: str, version: str
) -> dict[str, Any]:
    """Return a message signed with version "1" or "2", with the URLs of SNS in the topic's region."""
    host = host_of(region_of(message["TopicArn"]))
    signed = {**message, "SignatureVersion": version}
    if token := message.get("Token"):
        query = {"Action": "ConfirmSubscription", "TopicArn": message["TopicArn"], "Token": token}
        signed["SubscribeURL"] = f"https://{host}/?{urllib.parse.urlencode(query)}"
    signature = key.sign(string_to_sign(signed), padding.PKCS1v15(), _HASHES[version]())
    return {
        **signed,
        "Signature": base64.b64encode(signature).decode(),
        "SigningCertURL": f"https://{host}/{certificate_name}",
    }
