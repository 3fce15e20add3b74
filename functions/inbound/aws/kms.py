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

# What no further try changes, by KMS's code, with what to do:
# https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html#API_Decrypt_Errors
_FINAL: Final = {
    "DisabledException": "enable the receipt rule's KMS key again",
    "IncorrectKeyException": "let the receipt rule encrypt by the key that the function may use",
    "InvalidCiphertextException": (
        "the wrapped key or its context was altered, or the KMS key is of another region than the function"
    ),
    "InvalidKeyUsageException": "let the receipt rule encrypt by a symmetric KMS key",
    "KMSInvalidStateException": "the receipt rule's KMS key waits for its deletion or import: cancel that",
    "NotFoundException": "the receipt rule's KMS key is gone, or of another region than the function",
    "UnsupportedOperationException": "let the receipt rule encrypt by a symmetric KMS key",
    "ValidationException": "the wrapped key or its context is none that KMS made",
}


class Keys:
    """Unwraps data keys by whatever KMS key wrapped them; the function's role says by which it may."""

    def __init__(self, client: KMSClient) -> None:
        self._client = client

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes | Unavailable:
        """Give the key; without the right to it, `Unavailable`.

        What KMS refuses for good is an `InboundError`. Trouble that may pass is raised as it came.
        """
        try:
            answer = self._client.decrypt(CiphertextBlob=wrapped, EncryptionContext=context)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == ACCESS_DENIED:
                return Unavailable(code=code)
            if code not in _FINAL:
                raise
            reason = (
                f"the mail is encrypted, and KMS answers {code} for its key: {_FINAL[code]}. "
                "The raw message is kept"
            )
            raise InboundError(reason) from error
        return answer["Plaintext"]
