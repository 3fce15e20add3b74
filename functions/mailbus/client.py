"""The client: puts send jobs on a deployment's queue, and takes back what is not sent yet.

It needs nothing but boto3 and msgspec. Threads may share a client; after a fork each process needs its own.
Where a client tries a call again it enqueues the same job, which is sent once.
"""

from __future__ import annotations

import hashlib
import random
import re
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from mailbus.aws import sessions
from mailbus.errors import ConfigurationError, InvalidJob, MailbusError, SendError
from mailbus.jobs.contract import S3Object, SendJob
from mailbus.jobs.job_id import INVALID_JOB_ID, is_job_id
from mailbus.jobs.queue_message import Message, fits, to_message, to_reference
from mailbus.ledger.cancellation import cancel
from mailbus.ledger.table import LedgerTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import boto3
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_s3.client import S3Client
    from types_boto3_sqs.client import SQSClient
    from types_boto3_sqs.type_defs import SendMessageBatchResultTypeDef

    from mailbus.ledger.cancellation import Cancellation

LEDGER_TAG: Final = "mailbus:ledger-table"
BUCKET_TAG: Final = "mailbus:jobs-bucket"
CALL_ATTEMPTS: Final = 4
BATCH_ATTEMPTS: Final = 5
BACKOFF_SECONDS: Final = 0.1
# Longer than any job can be scheduled ahead, so that a cancelled one stays cancelled.
CANCELLED_SECONDS: Final = 400 * 24 * 60 * 60
REASON_CHARACTERS: Final = 300
DIGEST_CHARACTERS: Final = 32

# queue URLs of today, of https://docs.aws.amazon.com/general/latest/gr/sqs-service.html, and in China
_REGION: Final = re.compile(
    r"https://(?:sqs\.(?P<today>[a-z0-9-]+)|(?P<legacy>[a-z0-9-]+)\.queue)\.amazonaws\.com(?:\.cn)?/"
)


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A job is on the queue. `message_id` is SQS's; events name the `job_id`."""

    job_id: str
    message_id: str


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one job of many: on the queue, with its `message_id`, or not, with the `error`.

    `job_id` is None where an invalid job has none.
    """

    job_id: str | None
    message_id: str | None = None
    error: MailbusError | None = None


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """Where a deployment keeps what does not fit into its queue, and what it knows of jobs."""

    jobs_bucket: str
    ledger_table: str


class Client:
    """Talks to one send queue: the stack output `SendQueueUrl`, or `BulkQueueUrl` for the bulk lane.

    Clients of AWS are made from `session` (by default boto3's own way to credentials) when they are first
    needed, unless they are given. `send_defaults` are the deployment's setting of that name: give them where
    jobs leave out what they fill in, so that such jobs pass the check here. `clock` is in epoch seconds.
    """

    def __init__(  # noqa: PLR0913 - each is something that an application or a test may bring
        self,
        queue_url: str,
        *,
        session: boto3.Session | None = None,
        sqs: SQSClient | None = None,
        s3: S3Client | None = None,
        dynamodb: DynamoDBClient | None = None,
        send_defaults: Mapping[str, Any] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not re.match(r"https?://[^/]+/.", queue_url or ""):
            reason = "the queue's URL is missing or none; give the stack output SendQueueUrl or BulkQueueUrl"
            raise ConfigurationError(reason)
        self._queue_url = queue_url
        self._session = session
        self._sqs = sqs
        self._s3 = s3
        self._dynamodb = dynamodb
        self._send_defaults = send_defaults
        self._sleep = sleep
        self._clock = clock
        self._places: Places | None = None
        self._making = threading.Lock()

    def send(self, job: SendJob | Mapping[str, Any]) -> Sent:
        """Enqueue one job.

        Raises `InvalidJob` or `ConfigurationError`, and then nothing is enqueued, or `SendError`: the job may
        be on the queue all the same, so whoever tries again gives it a `job_id` before the first time.
        """
        message = self._placed(to_message(job, send_defaults=self._send_defaults))
        try:
            answer = self._sqs_client().send_message(QueueUrl=self._queue_url, MessageBody=message.body)
        except (ClientError, BotoCoreError) as error:
            raise _translated(error, _SENDING) from error
        return Sent(job_id=message.job_id, message_id=answer["MessageId"])

    def send_many(self, jobs: Iterable[SendJob | Mapping[str, Any]]) -> list[Result]:
        """Enqueue any number of jobs in batches; one result for each, in order.

        What is wrong with one job, or with a call, is in its results and stops nothing. Only a batch of jobs
        is in memory at a time, so `jobs` may be a generator; what it raises passes through, after the jobs
        before it were enqueued.
        """
        results: list[Result] = []
        batch: list[Message] = []
        positions: list[int] = []

        def flush() -> None:
            for position, result in zip(positions, self._send_batch(batch), strict=True):
                results[position] = result
            batch.clear()
            positions.clear()

        try:
            for job in jobs:
                try:
                    message = self._placed(to_message(job, send_defaults=self._send_defaults))
                except MailbusError as error:
                    results.append(Result(job_id=_given_id(job), error=error))
                    continue
                if not fits(batch, message):
                    flush()
                positions.append(len(results))
                results.append(Result(job_id=message.job_id))
                batch.append(message)
        finally:
            if batch:
                flush()
        return results

    def cancel(self, job_id: str) -> Cancellation:
        """Take a job back; "too_late" once it was handed to a worker to be sent.

        A job that is scheduled can be cancelled until it is due, and one that the ledger does not know yet is
        refused when it comes. Raises `InvalidJob` for what is no id, `ConfigurationError`, or `SendError`.
        """
        if not is_job_id(job_id):
            path = "$.job_id"
            raise InvalidJob(path, INVALID_JOB_ID)
        table = LedgerTable(self._dynamodb_client(), self._deployment().ledger_table)
        now = self._clock()
        try:
            return cancel(table, job_id, now=now, expires_at=int(now) + CANCELLED_SECONDS)
        except SendError as error:
            reason = "ask again in a moment: a worker has the job in hand, or the ledger did not answer"
            raise _error(error.code, reason, _CANCELLING, retryable=True) from error

    def _placed(self, message: Message) -> Message:
        """Move a job to S3 that is too large for the queue; the same job always to the same key."""
        if not message.too_large:
            return message
        body = message.body.encode()
        prefix = "scheduled/" if message.delayed else "jobs/"
        digest = hashlib.sha256(body).hexdigest()[:DIGEST_CHARACTERS]
        at = S3Object(bucket=self._deployment().jobs_bucket, key=f"{prefix}{message.job_id}/{digest}.json")
        try:
            self._s3_client().put_object(
                Bucket=at.bucket, Key=at.key, Body=body, ContentType="application/json"
            )
        except (ClientError, BotoCoreError) as error:
            raise _translated(error, _KEEPING) from error
        return to_reference(message, at)

    def _send_batch(self, batch: Sequence[Message]) -> list[Result]:
        results = [_unanswered(message) for message in batch]
        pending = list(range(len(batch)))
        for attempt in range(BATCH_ATTEMPTS):
            if attempt:
                self._sleep(random.uniform(0, BACKOFF_SECONDS * 2**attempt))  # noqa: S311 - jitter, no secret
            try:
                answer = self._sqs_client().send_message_batch(
                    QueueUrl=self._queue_url,
                    Entries=[{"Id": str(index), "MessageBody": batch[index].body} for index in pending],
                )
            except (ClientError, BotoCoreError) as error:
                failure = _translated(error, _SENDING)
                for index in pending:
                    results[index] = Result(job_id=batch[index].job_id, error=failure)
                break
            said = _said(batch, answer)
            results = [said.get(index, result) for index, result in enumerate(results)]
            pending = [index for index in pending if _may_pass(results[index])]
            if not pending:
                break
        return results

    def _deployment(self) -> Places:
        """Read where the deployment has its bucket and its ledger, from the queue's tags; once."""
        if self._places is None:
            try:
                answer = self._sqs_client().list_queue_tags(QueueUrl=self._queue_url)
            except (ClientError, BotoCoreError) as error:
                raise _translated(error, _LOOKING) from error
            tags = answer.get("Tags", {})
            missing = [tag for tag in (BUCKET_TAG, LEDGER_TAG) if not tags.get(tag)]
            if missing:
                reason = (
                    f"the queue has no tag {' and no tag '.join(missing)}: give the stack output SendQueueUrl"
                    " or BulkQueueUrl of a deployment of this version, and leave its tags as they are"
                )
                raise ConfigurationError(reason)
            self._places = Places(jobs_bucket=tags[BUCKET_TAG], ledger_table=tags[LEDGER_TAG])
        return self._places

    def _sqs_client(self) -> SQSClient:
        with self._making:
            if self._sqs is None:
                self._sqs = self._own_session().client(
                    "sqs", region_name=self._region(), config=sessions.config(max_attempts=CALL_ATTEMPTS)
                )
            return self._sqs

    def _s3_client(self) -> S3Client:
        with self._making:
            if self._s3 is None:
                self._s3 = self._own_session().client(
                    "s3", region_name=self._region(), config=sessions.config(max_attempts=CALL_ATTEMPTS)
                )
            return self._s3

    def _dynamodb_client(self) -> DynamoDBClient:
        with self._making:
            if self._dynamodb is None:
                self._dynamodb = self._own_session().client(
                    "dynamodb", region_name=self._region(), config=sessions.config(max_attempts=CALL_ATTEMPTS)
                )
            return self._dynamodb

    def _own_session(self) -> boto3.Session:
        if self._session is None:
            self._session = sessions.open_session()
        return self._session

    def _region(self) -> str | None:
        """Read the region out of the queue's URL, so that an application need not configure it."""
        found = _REGION.match(self._queue_url)
        return found and (found["today"] or found["legacy"])


def _given_id(job: object) -> str | None:
    given = job.get("job_id") if isinstance(job, Mapping) else getattr(job, "job_id", None)
    return given if isinstance(given, str) else None


def _said(batch: Sequence[Message], answer: SendMessageBatchResultTypeDef) -> dict[int, Result]:
    """Read SQS's answer: 200, with what failed inside."""
    said: dict[int, Result] = {}
    for entry in answer.get("Successful", []):
        index = int(entry["Id"])
        said[index] = Result(job_id=batch[index].job_id, message_id=entry["MessageId"])
    for failed in answer.get("Failed", []):
        index = int(failed["Id"])
        code = failed["Code"]
        error = _error(
            code,
            failed.get("Message", ""),
            _SENDING,
            retryable=not failed["SenderFault"] or code in _PASSING,
        )
        said[index] = Result(job_id=batch[index].job_id, error=error)
    return said


def _unanswered(message: Message) -> Result:
    error = SendError("NoAnswer", "SQS did not say what became of the message", retryable=True)
    return Result(job_id=message.job_id, error=error)


def _may_pass(result: Result) -> bool:
    return isinstance(result.error, SendError) and result.error.retryable


# --- AWS's errors


_SENDING: Final = "sqs:SendMessage on the queue"
_LOOKING: Final = "sqs:ListQueueTags on the queue"
_KEEPING: Final = "s3:PutObject on the jobs bucket"
_CANCELLING: Final = "dynamodb:UpdateItem on the ledger"
_QUEUE: Final = "the queue does not exist there; give the stack output SendQueueUrl or BulkQueueUrl"
_CREDENTIALS: Final = (
    "AWS does not know these credentials, or they are over; see to the application's role or keys"
)
_FIXES: Final = {
    "AWS.SimpleQueueService.NonExistentQueue": _QUEUE,
    "QueueDoesNotExist": _QUEUE,
    "InvalidAddress": _QUEUE,
    "NoSuchBucket": "the deployment's jobs bucket is gone; deploy its stacks again",
    "ResourceNotFoundException": "the deployment's ledger is gone; deploy its stacks again",
    "AuthFailure": _CREDENTIALS,
    "ExpiredToken": _CREDENTIALS,
    "ExpiredTokenException": _CREDENTIALS,
    "InvalidAccessKeyId": _CREDENTIALS,
    "InvalidClientTokenId": _CREDENTIALS,
    "InvalidSignatureException": _CREDENTIALS,
    "MissingAuthenticationToken": _CREDENTIALS,
    "SignatureDoesNotMatch": _CREDENTIALS,
    "UnrecognizedClientException": _CREDENTIALS,
    "NoCredentialsError": "no AWS credentials; give the application a role, or its environment keys",
    "PartialCredentialsError": "half of the AWS credentials is missing; give key id and secret",
    "CredentialRetrievalError": "the AWS credentials could not be read; see to the application's role",
    "ProfileNotFound": "the AWS profile does not exist; see to AWS_PROFILE",
    "NoRegionError": "no AWS region; set AWS_DEFAULT_REGION to the deployment's",
    "ParamValidationError": "a value of the wrong type reached AWS's client; see to the queue's URL and tags",
}
_NOT_ALLOWED: Final = frozenset({"AccessDenied", "AccessDeniedException", "KMS.AccessDeniedException", "403"})
# what passes by itself though it looks like the caller's fault
_PASSING: Final = frozenset(
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


def _translated(error: ClientError | BotoCoreError, right: str) -> MailbusError:
    """Say what one of boto3's errors means; `right` is what the call needs to be allowed."""
    if isinstance(error, BotoCoreError):
        # only its name: its text may hold the parameters of the call, so the mail
        return _error(type(error).__name__, "AWS could not be reached", right, retryable=True)
    said = error.response["Error"]
    code = said.get("Code", "Unknown")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", _SERVER_ERROR)
    return _error(code, said.get("Message", ""), right, retryable=status >= _SERVER_ERROR or code in _PASSING)


def _error(code: str, reason: str, right: str, *, retryable: bool) -> MailbusError:
    if code in _NOT_ALLOWED:
        return ConfigurationError(f"{code}: allow the application {right}; grant_send of the stacks does")
    if code in _FIXES:
        return ConfigurationError(f"{code}: {_FIXES[code]}")
    return SendError(code, reason[:REASON_CHARACTERS] or "without a reason", retryable=retryable)
