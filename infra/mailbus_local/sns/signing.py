"""Messages as SNS signs them.

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

_OF_SUBSCRIPTIONS: Final = (
    "Message",
    "MessageId",
    "SubscribeURL",
    "Timestamp",
    "Token",
    "TopicArn",
    "Type",
)
# Of each type, in order; what a message does not have is left out.
SIGNED_FIELDS: Final = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": _OF_SUBSCRIPTIONS,
    "UnsubscribeConfirmation": _OF_SUBSCRIPTIONS,
}
_HASHES: Final = {"1": hashes.SHA1, "2": hashes.SHA256}


def text_to_sign(message: Mapping[str, Any]) -> bytes:
    """Write the lines that a message's signature is of."""
    fields = SIGNED_FIELDS[message["Type"]]
    return "".join(f"{name}\n{message[name]}\n" for name in fields if name in message).encode()


def region_of(topic_arn: str) -> str:
    """Take the region out of a topic's ARN."""
    return topic_arn.split(":")[3]


def host_of(region: str) -> str:
    """Name the host of a region's SNS."""
    return f"sns.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"


def signed(
    message: Mapping[str, Any], *, key: RSAPrivateKey, certificate_name: str, version: str
) -> dict[str, Any]:
    """Sign a message by version "1" or "2", and point its URLs to the topic's own SNS."""
    host = host_of(region_of(message["TopicArn"]))
    complete = {**message, "SignatureVersion": version}
    if token := message.get("Token"):
        query = {"Action": "ConfirmSubscription", "TopicArn": message["TopicArn"], "Token": token}
        complete["SubscribeURL"] = f"https://{host}/?{urllib.parse.urlencode(query)}"
    signature = key.sign(text_to_sign(complete), padding.PKCS1v15(), _HASHES[version]())
    return {
        **complete,
        "Signature": base64.b64encode(signature).decode(),
        "SigningCertURL": f"https://{host}/{certificate_name}",
    }
