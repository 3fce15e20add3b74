"""Errors of AWS's calls that an application makes through the client, each with what to fix."""

from __future__ import annotations

from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from mailbus.errors import ConfigurationError, MailbusError, SendError

REASON_CHARACTERS: Final = 300

# what a call needs to be allowed
FIND: Final = "ssm:GetParameter on the parameter"
SEND: Final = "sqs:SendMessage on the queue"
READ_TAGS: Final = "sqs:ListQueueTags on the queue"
STORE: Final = "s3:PutObject on the jobs bucket"
CANCEL: Final = "dynamodb:UpdateItem on the ledger"
READ_TIMELINE: Final = "dynamodb:Query and dynamodb:BatchGetItem on the timeline and its indexes"

GRANT_SEND: Final = "grant_send"
GRANT_STATUS: Final = "grant_status"

_QUEUE: Final = "the queue does not exist; use the stack output SendQueueUrl or BulkQueueUrl"
_CREDENTIALS: Final = "the AWS credentials are invalid or have expired; check the application's role or keys"
_FIXES: Final = {
    "AWS.SimpleQueueService.NonExistentQueue": _QUEUE,
    "QueueDoesNotExist": _QUEUE,
    "InvalidAddress": _QUEUE,
    "NoSuchBucket": "the deployment's jobs bucket does not exist; deploy its stacks again",
    "ResourceNotFoundException": "the deployment's table does not exist; deploy its stacks again",
    "AuthFailure": _CREDENTIALS,
    "ExpiredToken": _CREDENTIALS,
    "ExpiredTokenException": _CREDENTIALS,
    "InvalidAccessKeyId": _CREDENTIALS,
    "InvalidClientTokenId": _CREDENTIALS,
    "InvalidSignatureException": _CREDENTIALS,
    "MissingAuthenticationToken": _CREDENTIALS,
    "SignatureDoesNotMatch": _CREDENTIALS,
    "UnrecognizedClientException": _CREDENTIALS,
    "NoCredentialsError": "no AWS credentials; give the application a role, or set them in its environment",
    "PartialCredentialsError": "half of the AWS credentials is missing; set both the key id and the secret",
    "CredentialRetrievalError": "the AWS credentials could not be read; check the application's role",
    "ProfileNotFound": "the AWS profile does not exist; check AWS_PROFILE",
    "NoRegionError": "no AWS region; set AWS_DEFAULT_REGION to the deployment's",
    "ParamValidationError": "a value has the wrong type for AWS's client; check the queue's URL and tags",
}
_NOT_ALLOWED: Final = frozenset({"AccessDenied", "AccessDeniedException", "KMS.AccessDeniedException", "403"})
# errors that are temporary although AWS answers them as the caller's fault
_TEMPORARY: Final = frozenset(
    {
        "KMS.ThrottlingException",
        "OverLimit",
        "RequestThrottled",
        "RequestTimeout",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_SERVER_ERROR: Final = 500


def translated(
    error: ClientError | BotoCoreError, permission: str, *, grant: str = GRANT_SEND
) -> MailbusError:
    """Return the error for one of boto3's.

    `permission` is what the call needs to be allowed, `grant` the construct's method that allows it.
    """
    if isinstance(error, BotoCoreError):
        # only its name: its text may have the parameters of the call, and so the mail
        return error_of(
            type(error).__name__, "AWS could not be reached", permission, retryable=True, grant=grant
        )
    answer = error.response["Error"]
    code = answer.get("Code", "Unknown")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", _SERVER_ERROR)
    retryable = status >= _SERVER_ERROR
    return error_of(code, answer.get("Message", ""), permission, retryable=retryable, grant=grant)


def error_of(
    code: str, reason: str, permission: str, *, retryable: bool, grant: str = GRANT_SEND
) -> MailbusError:
    """Return the error for one of AWS's codes; temporary ones are retryable whatever `retryable` says."""
    if code in _NOT_ALLOWED:
        return ConfigurationError(f"{code}: allow the application {permission}; {grant} of the stacks does")
    if code in _FIXES:
        return ConfigurationError(f"{code}: {_FIXES[code]}")
    return SendError(
        code, reason[:REASON_CHARACTERS] or "no reason given", retryable=retryable or code in _TEMPORARY
    )
