"""The edge to KMS: unwraps the key of an encrypted mail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from inbound.aws.s3 import Unavailable
from mailbus.errors import InboundError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from types_boto3_kms.client import KMSClient

ACCESS_DENIED: Final = "AccessDeniedException"

# Permanent errors by KMS's code, with what to do:
# https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html#API_Decrypt_Errors
_PERMANENT: Final = {
    "DisabledException": "enable the receipt rule's KMS key again",
    "IncorrectKeyException": "let the receipt rule encrypt with the key that the function may use",
    "InvalidCiphertextException": (
        "the wrapped key or its context was altered, or the KMS key is in another region than the function"
    ),
    "InvalidKeyUsageException": "let the receipt rule encrypt with a symmetric KMS key",
    "KMSInvalidStateException": "the receipt rule's KMS key is pending deletion or import: cancel that",
    "NotFoundException": "the receipt rule's KMS key was deleted, or is in another region than the function",
    "UnsupportedOperationException": "let the receipt rule encrypt with a symmetric KMS key",
    "ValidationException": "the wrapped key or its context was not made by KMS",
}


class Keys:
    """Unwraps data keys; the function's role decides with which KMS keys it may."""

    def __init__(self, client: KMSClient) -> None:
        self._client = client

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes | Unavailable:
        """Return the key, or `Unavailable` if access is denied.

        A permanent error is raised as `InboundError`, a temporary one as it is.
        """
        try:
            answer = self._client.decrypt(CiphertextBlob=wrapped, EncryptionContext=context)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == ACCESS_DENIED:
                return Unavailable(code=code)
            if code not in _PERMANENT:
                raise
            reason = (
                f"the mail is encrypted, and KMS returned {code} for its key: {_PERMANENT[code]}. "
                "The raw message is kept"
            )
            raise InboundError(reason) from error
        return answer["Plaintext"]
