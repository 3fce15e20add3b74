"""Runs Django's own tests of email backends against this one; its argument is their directory.

Django shares these tests between its backends: a subclass names the backend, and where to find the mails.
Here they are what the sender makes of the jobs that the client enqueues. Writes what failed, by test, as
JSON.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
import unittest
import warnings
from pathlib import Path
from typing import Any

sys.path.insert(0, sys.argv[1])
# the functions' code is data of the wheel
_infrastructure = importlib.util.find_spec("mailbus_cdk")
assert _infrastructure is not None
assert _infrastructure.origin is not None
sys.path.append(str(Path(_infrastructure.origin).parent / "functions"))

import django  # noqa: E402 - the paths are set first
from django.conf import settings  # noqa: E402 - as above
from django.test import SimpleTestCase  # noqa: E402 - as above

from mailbus import Client  # noqa: E402 - as above
from mailbus.django.backend import EmailBackend as Backend  # noqa: E402 - as above
from mailbus.jobs.parsing import parse_document  # noqa: E402 - as above

# as Django's own runner: its default from address is webmaster@localhost
settings.configure(DEFAULT_FROM_EMAIL="webmaster@example.com", SERVER_EMAIL="root@example.com", USE_TZ=True)
django.setup()
warnings.simplefilter("ignore")

QUEUE = "https://sqs.eu-west-1.amazonaws.com/210987654321/mailbus-prod-send"
OUTBOX: list[dict[str, Any]] = []


class Queue:
    """Stands for the client of SQS."""

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: ARG002, N803 - SQS's names
        """Keep the jobs."""
        OUTBOX.extend(json.loads(entry["MessageBody"]) for entry in Entries)
        return {"Successful": [{"Id": entry["Id"], "MessageId": entry["Id"]} for entry in Entries]}


class EmailBackend(Backend):
    """The backend, with that queue."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, client=Client(QUEUE, sqs=Queue()), **options)  # type: ignore[arg-type] # as it is used


def as_sent(job: dict[str, Any]) -> bytes:
    """Return the mail of a job as SES sends it, with its date, and with line ends as in Django's tests."""
    mime = importlib.import_module("sender.ses.mime")
    made: bytes = mime.build_message(parse_document(job, "job"), metadata_in_headers=True)
    return b"Date: Sun, 29 Nov 2026 08:00:00 +0000\n" + made.replace(b"\r\n", b"\n")


tests = importlib.import_module("mail.tests")
shared: Any = (
    importlib.import_module("mail.test_backends").SharedEmailBackendTests
    if django.VERSION >= (6, 1)
    else tests.BaseEmailBackendTests
)


class MailbusTests(shared, SimpleTestCase):  # type: ignore[misc] # Django's own
    """Django's tests, with the two methods that a backend's subclass of them has."""

    email_backend = f"{__name__}.EmailBackend"
    backend_class = EmailBackend

    def setUp(self) -> None:
        super().setUp()
        OUTBOX.clear()

    def flush_mailbox(self) -> None:
        """Forget the mails."""
        OUTBOX.clear()

    def get_mailbox_content(self) -> list[Any]:
        """Return the mails that were sent."""
        return [tests.message_from_bytes(as_sent(job)) for job in OUTBOX]


class SilentlyToo(MailbusTests):
    """As Django's subclasses for backends that support `fail_silently` do in 6.1."""

    def test_fail_silently_arg_accepted(self) -> None:
        for value in (True, False):
            assert self.create_backend(fail_silently=value).fail_silently is value


suite = unittest.defaultTestLoader.loadTestsFromTestCase(
    SilentlyToo if django.VERSION >= (6, 1) else MailbusTests
)
result = unittest.TestResult()
suite.run(result)
failed = {
    test.id().rpartition(".")[2].partition(" ")[0]: trace.strip().splitlines()[-1]
    for test, trace in (*result.errors, *result.failures)
}
json.dump({"ran": result.testsRun, "failed": failed}, sys.stdout)
