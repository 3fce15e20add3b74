"""The client: enqueues send jobs for a deployment, and cancels those that are not sent yet.

It needs only boto3, msgspec and idna. Threads may share a client; after a fork each process needs its own. A
repeated call enqueues the same job, which is sent once.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError, NoRegionError

from mailbus.aws import call_errors, queue_endpoints, sessions, stage_queues
from mailbus.aws.stage_queues import StageQueue
from mailbus.chunks import chunked
from mailbus.environment import JOBS_BUCKET_TAG, LEDGER_TABLE_TAG
from mailbus.errors import ConfigurationError, InvalidJob, MailbusError, SendError
from mailbus.jobs.claim_check import JOBS_PREFIX, SCHEDULED_PREFIX, object_key
from mailbus.jobs.contract import S3Object, SendJob
from mailbus.jobs.job_id import INVALID_JOB_ID, is_job_id
from mailbus.jobs.queue_message import Message, to_message, to_reference
from mailbus.ledger.cancellation import cancel
from mailbus.ledger.table import LedgerTable
from mailbus.queue_urls import check_queue_url
from mailbus.sqs_messages import MAX_CALL_MESSAGES, MAX_MESSAGE_BYTES
from mailbus.stages import LOCAL, TRANSACTIONAL, Lane, check_lane, check_stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import boto3
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_s3.client import S3Client
    from types_boto3_sqs.client import SQSClient
    from types_boto3_sqs.type_defs import SendMessageBatchResultTypeDef
    from types_boto3_ssm.client import SSMClient

    from mailbus.ledger.cancellation import Cancellation

CALL_ATTEMPTS: Final = 4
BATCH_ATTEMPTS: Final = 5
BACKOFF_SECONDS: Final = 0.1
# Longer than any job can be scheduled ahead, so that a cancelled job stays cancelled.
CANCELLED_SECONDS: Final = 400 * 24 * 60 * 60


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A job that was enqueued. `message_id` is SQS's; events have the `job_id`."""

    job_id: str
    message_id: str


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one job of many: the `message_id` if it was enqueued, otherwise the `error`.

    `job_id` is None for an invalid job without one.
    """

    job_id: str | None
    message_id: str | None = None
    error: MailbusError | None = None


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a deployment that a client uses, other than the queue."""

    jobs_bucket: str
    ledger_table: str


class Client:
    """A client of one send queue.

    The queue is that of a `lane` of a `stage`, which is looked up once, on first use, in the session's
    region, or that of `queue_url`, the stack output `SendQueueUrl` or `BulkQueueUrl`. Clients of AWS are
    created on first use from `session` (by default with boto3's own credentials and region), unless they are
    given. `send_defaults` are the deployment's setting of that name: pass them if jobs leave fields out that
    they fill in, so that such jobs are valid here. `clock` is in epoch seconds.
    """

    def __init__(  # noqa: PLR0913 - an application or a test may pass each of these
        self,
        queue_url: str | None = None,
        *,
        stage: str | None = None,
        lane: Lane = TRANSACTIONAL,
        session: boto3.Session | None = None,
        ssm: SSMClient | None = None,
        sqs: SQSClient | None = None,
        s3: S3Client | None = None,
        dynamodb: DynamoDBClient | None = None,
        send_defaults: Mapping[str, Any] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._queue = _queue(queue_url, stage, lane)
        self._session = session
        self._clients: dict[str, Any] = {"ssm": ssm, "sqs": sqs, "s3": s3, "dynamodb": dynamodb}
        self._send_defaults = send_defaults
        self._sleep = sleep
        self._clock = clock
        self._deployment: Deployment | None = None
        self._lock = threading.Lock()
        self._finding = threading.Lock()

    def send(self, job: SendJob | Mapping[str, Any]) -> Sent:
        """Enqueue one job.

        Raises `InvalidJob` or `ConfigurationError` if nothing was enqueued, or `SendError` if the job may
        have been enqueued: to retry safely, give the job a `job_id` before the first call.
        """
        message = self._message(job)
        sqs: SQSClient = self._aws("sqs")
        try:
            answer = sqs.send_message(QueueUrl=self._queue_url(), MessageBody=message.body)
        except (ClientError, BotoCoreError) as error:
            raise call_errors.translated(error, call_errors.SEND) from error
        return Sent(job_id=message.job_id, message_id=answer["MessageId"])

    def send_many(self, jobs: Iterable[SendJob | Mapping[str, Any]]) -> list[Result]:
        """Enqueue any number of jobs in batches; return one result for each, in order.

        An error of a job or of a call is in the results and does not stop the others. Only one batch of jobs
        is in memory at a time, so `jobs` may be a generator; an exception that it raises is raised here,
        after the jobs before it were enqueued.
        """
        results: list[Result] = []
        failures: list[Exception] = []

        def messages() -> Iterator[tuple[int, Message]]:
            try:
                for job in jobs:
                    try:
                        message = self._message(job)
                    except MailbusError as error:
                        results.append(Result(job_id=_job_id_of(job), error=error))
                    else:
                        results.append(_unanswered(message))
                        yield len(results) - 1, message
            except Exception as error:  # noqa: BLE001 - raised below, after the jobs before it are enqueued
                failures.append(error)

        for batch in chunked(
            messages(),
            MAX_CALL_MESSAGES,
            most_bytes=MAX_MESSAGE_BYTES,
            size=lambda numbered: numbered[1].size,
        ):
            sent = self._send_batch([message for _, message in batch])
            for (position, _), result in zip(batch, sent, strict=True):
                results[position] = result
        if failures:
            raise failures[0]
        return results

    def cancel(self, job_id: str) -> Cancellation:
        """Cancel a job; "too_late" if a worker has begun to send it.

        A scheduled job can be cancelled until it is due. A job that the ledger does not know yet is refused
        when it arrives. Raises `InvalidJob` for an invalid id, `ConfigurationError`, or `SendError`.
        """
        if not is_job_id(job_id):
            path = "$.job_id"
            raise InvalidJob(path, INVALID_JOB_ID)
        table = LedgerTable(self._aws("dynamodb"), self._find_deployment().ledger_table)
        now = self._clock()
        try:
            return cancel(table, job_id, now=now, expires_at=int(now) + CANCELLED_SECONDS)
        except SendError as error:
            reason = "try again in a moment: a worker has leased the job, or the ledger did not respond"
            raise call_errors.error_of(error.code, reason, call_errors.CANCEL, retryable=True) from error

    def check(self) -> None:
        """Check that the queue is there, that it is a deployment's, and that its tags can be read.

        Nothing is sent. Raises `ConfigurationError` with what to fix, or `SendError` if AWS does not answer.
        """
        self._find_deployment()

    def _message(self, job: SendJob | Mapping[str, Any]) -> Message:
        """Return a job's message; a job that is too large is stored in S3, and the message refers to it."""
        message = to_message(job, send_defaults=self._send_defaults)
        if not message.too_large:
            return message
        body = message.body.encode()
        key = object_key(SCHEDULED_PREFIX if message.delayed else JOBS_PREFIX, message.job_id, body)
        stored = S3Object(bucket=self._find_deployment().jobs_bucket, key=key)
        s3: S3Client = self._aws("s3")
        try:
            s3.put_object(Bucket=stored.bucket, Key=key, Body=body, ContentType="application/json")
        except (ClientError, BotoCoreError) as error:
            raise call_errors.translated(error, call_errors.STORE) from error
        return to_reference(message, stored)

    def _send_batch(self, batch: Sequence[Message]) -> list[Result]:
        sqs: SQSClient = self._aws("sqs")
        results = [_unanswered(message) for message in batch]
        pending = list(range(len(batch)))
        for attempt in range(BATCH_ATTEMPTS):
            if attempt:
                self._sleep(random.uniform(0, BACKOFF_SECONDS * 2**attempt))  # noqa: S311 - jitter, no secret
            try:
                answer = sqs.send_message_batch(
                    QueueUrl=self._queue_url(),
                    Entries=[{"Id": str(index), "MessageBody": batch[index].body} for index in pending],
                )
            except (ClientError, BotoCoreError) as error:
                failure = call_errors.translated(error, call_errors.SEND)
                for index in pending:
                    results[index] = Result(job_id=batch[index].job_id, error=failure)
                break
            answered = _results(batch, answer)
            results = [answered.get(index, result) for index, result in enumerate(results)]
            pending = [index for index in pending if _is_retryable(results[index])]
            if not pending:
                break
        return results

    def _find_deployment(self) -> Deployment:
        """Return the deployment's bucket and ledger, which are read from the queue's tags once."""
        if self._deployment is None:
            sqs: SQSClient = self._aws("sqs")
            try:
                answer = sqs.list_queue_tags(QueueUrl=self._queue_url())
            except (ClientError, BotoCoreError) as error:
                raise call_errors.translated(error, call_errors.READ_TAGS) from error
            tags = answer.get("Tags", {})
            missing = [tag for tag in (JOBS_BUCKET_TAG, LEDGER_TABLE_TAG) if not tags.get(tag)]
            if missing:
                reason = (
                    f"the queue has no tag {' and no tag '.join(missing)}; use the stack output SendQueueUrl"
                    " or BulkQueueUrl of a deployment of this version, and do not change its tags"
                )
                raise ConfigurationError(reason)
            self._deployment = Deployment(
                jobs_bucket=tags[JOBS_BUCKET_TAG], ledger_table=tags[LEDGER_TABLE_TAG]
            )
        return self._deployment

    def _queue_url(self) -> str:
        """Return the queue's URL; that of a stage is looked up once."""
        with self._finding:
            if isinstance(self._queue, StageQueue):
                self._queue = stage_queues.find(self._queue, self._aws("ssm"))
            return self._queue

    def _aws(self, service: str) -> Any:  # noqa: ANN401 - the caller names the client's type
        """Return the client of a service of AWS; it is created on first use."""
        # a stage is in the session's region, and its queue's URL, if it is AWS's, has the same
        queue = self._queue if service == "ssm" else self._queue_url()
        with self._lock:
            if self._clients[service] is None:
                self._clients[service] = self._create(service, queue)
            return self._clients[service]

    def _create(self, service: str, queue: str | StageQueue) -> Any:  # noqa: ANN401 - as above
        session: Any = self._session
        region = queue_endpoints.region_in(queue) if isinstance(queue, str) else None
        try:
            if session is None:
                session = self._session = sessions.open_session()
            # with the queue's region, so that an application need not configure it
            client = session.client(
                service, region_name=region, config=sessions.config(max_attempts=CALL_ATTEMPTS)
            )
        except NoRegionError as error:
            if isinstance(queue, StageQueue) and queue.stage == LOCAL:
                raise stage_queues.not_local(None) from error
            raise call_errors.translated(error, call_errors.SEND) from error
        except BotoCoreError as error:
            raise call_errors.translated(error, call_errors.SEND) from error
        except ValueError as error:
            # botocore's, of the environment and the profile
            reason = f"AWS_ENDPOINT_URL must be a URL, such as http://127.0.0.1:4566: {error}"
            raise ConfigurationError(reason) from error
        endpoint = str(client.meta.endpoint_url)
        if isinstance(queue, StageQueue):
            stage_queues.check_endpoint(queue, endpoint)
        elif service == "sqs":
            queue_endpoints.check_endpoint(queue, endpoint)
        return client


def _queue(url: str | None, stage: str | None, lane: Lane) -> str | StageQueue:
    """Return the queue that an application names by its URL, or by stage and lane."""
    check_lane(lane)
    if stage is None:
        check_queue_url(url)
        if lane != TRANSACTIONAL:
            reason = f'lane is of a stage, Client(stage="prod", lane={lane!r}); a URL is of one lane already'
            raise ConfigurationError(reason)
        return str(url)
    if url is not None:
        reason = "pass either the queue's URL or the stage, not both: the stage has its queue's URL"
        raise ConfigurationError(reason)
    check_stage(stage)
    return StageQueue(stage=stage, lane=lane)


def _job_id_of(job: object) -> str | None:
    job_id = job.get("job_id") if isinstance(job, Mapping) else getattr(job, "job_id", None)
    return job_id if isinstance(job_id, str) else None


def _results(batch: Sequence[Message], answer: SendMessageBatchResultTypeDef) -> dict[int, Result]:
    """Return the results in SQS's answer by index; it is 200 even if messages failed."""
    results: dict[int, Result] = {}
    for sent in answer.get("Successful", []):
        index = int(sent["Id"])
        results[index] = Result(job_id=batch[index].job_id, message_id=sent["MessageId"])
    for failed in answer.get("Failed", []):
        index = int(failed["Id"])
        error = call_errors.error_of(
            failed["Code"],
            failed.get("Message", ""),
            call_errors.SEND,
            retryable=not failed["SenderFault"],
        )
        results[index] = Result(job_id=batch[index].job_id, error=error)
    return results


def _unanswered(message: Message) -> Result:
    error = SendError("NoAnswer", "SQS returned no result for the message", retryable=True)
    return Result(job_id=message.job_id, error=error)


def _is_retryable(result: Result) -> bool:
    return isinstance(result.error, SendError) and result.error.retryable
