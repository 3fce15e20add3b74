"""The processor time of a sent mail, with all guarantees, against boto3's `send_email` and django-anymail.

All call services in another process, so that this process's time is what is measured: with an SES that takes
as long as AWS's, and with one that answers at once. The first costs a processor more a call, which begins
anew after each wait, and is what a function is billed for; the second shows the code alone.
"""

from __future__ import annotations

import contextlib
import io
import os
import time
from typing import TYPE_CHECKING, Final
from unittest import mock

import msgspec
from aws_lambda_powertools import Logger

from bench.results import Goal
from bench.support import one_mail, successful_services
from bench.support.comparison import compare
from bench.support.jobs import FUNCTION_NAME, body, record
from bench.world.sender import SETTINGS
from mailbus.aws.sqs import records
from mailbus.environment import to_environment
from sender import wiring
from sender.batch import process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.results import Result
    from sender.wiring import Sender

MAILS: Final = 100
# one after the other, each of them waits for SES
BARE_MAILS: Final = 40
ROUNDS: Final = 5
FUNCTION_SECONDS: Final = 60.0
# by the queue's ARN: the batch's size
BATCHES: Final = {SETTINGS.send_queue_arn: 10, SETTINGS.bulk_queue_arn: 100}
USUAL: Final = "SES at 50 ms"
AT_ONCE: Final = "SES at once"
SES_SECONDS: Final = {USUAL: 0.05, AT_ONCE: 0.0}
BASELINES: Final = {USUAL: (one_mail.BOTO3,), AT_ONCE: (one_mail.BOTO3, one_mail.ANYMAIL)}
GOALS: Final = {USUAL: Goal(of="ratio", at_most=1.25)}
ENVIRONMENT: Final = {
    **to_environment(SETTINGS),
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def measure() -> Iterator[Result]:
    """Compare batches of both lanes' sizes with one call for each mail."""
    for ses, seconds in SES_SECONDS.items():
        with (
            successful_services.serving(ses_seconds=seconds) as url,
            mock.patch.dict(os.environ, {**ENVIRONMENT, "AWS_ENDPOINT_URL": url}),
        ):
            wiring.wire.cache_clear()
            sender = msgspec.structs.replace(
                wiring.wire(FUNCTION_NAME), log=Logger(service="sender-bench", stream=io.StringIO())
            )
            for queue_arn, jobs in BATCHES.items():
                for name in BASELINES[ses]:
                    with one_mail.WAYS[name](url) as send:
                        yield compare(
                            f"processor time of a sent mail, batches of {jobs}, {ses}",
                            ("sender: claim, SES, ledger, event", _sending(sender, queue_arn, jobs)),
                            (name, _one_by_one(send)),
                            rounds=ROUNDS,
                            goal=GOALS.get(ses),
                        )
            wiring.wire.cache_clear()


def _sending(sender: Sender, queue_arn: str, jobs: int) -> Callable[[], float]:
    def run() -> float:
        batches = [
            {"Records": [record(queue_arn, body()) for _ in range(jobs)]} for _ in range(MAILS // jobs)
        ]
        # the metrics of a batch are a line on stdout
        with contextlib.redirect_stdout(io.StringIO()):
            began = time.process_time()
            answers = [process(sender, records(batch), time.time() + FUNCTION_SECONDS) for batch in batches]
            ended = time.process_time()
        assert not any(answer["batchItemFailures"] for answer in answers), answers  # noqa: S101 - not measured then
        return (ended - began) / MAILS

    return run


def _one_by_one(send: Callable[[], None]) -> Callable[[], float]:
    def run() -> float:
        began = time.process_time()
        for _ in range(BARE_MAILS):
            send()
        return (time.process_time() - began) / BARE_MAILS

    return run
