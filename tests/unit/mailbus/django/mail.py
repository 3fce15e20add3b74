from __future__ import annotations

import base64
from typing import Any

import pytest
from django.conf import settings as project
from django.core import mail
from django.core.mail import EmailMessage, EmailMultiAlternatives

from mailbus import Client
from mailbus.django import EmailBackend
from mailbus.errors import InvalidJob
from tests.unit.mailbus.fake_deployment import QUEUE, Bucket, Queue

if not project.configured:
    project.configure(
        DEFAULT_FROM_EMAIL="Shop <shop@example.com>",
        USE_TZ=True,
        TIME_ZONE="Europe/Berlin",
        EMAIL_BACKEND="mailbus.django.EmailBackend",
    )


BACKEND = "mailbus.django.EmailBackend"


PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAHElEQVR42mP4TyJgGOQaRKIWYEWjGuirYYimJQADmoFfND6HVQAA"
    "AABJRU5ErkJggg=="
)


class Mail:
    """Django with the backend, on a queue in memory."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.queue = Queue()
        self.bucket = Bucket()
        self.bulk_queue = Queue()
        self.client = Client(QUEUE, sqs=self.queue.client, s3=self.bucket.client, sleep=lambda _: None)
        self.bulk_client = Client(QUEUE, sqs=self.bulk_queue.client, sleep=lambda _: None)
        self._monkeypatch = monkeypatch

    def setting(self, name: str, value: object) -> None:
        self._monkeypatch.setattr(project, name, value, raising=False)

    def connection(self, **options: Any) -> EmailBackend:
        connection = mail.get_connection(BACKEND, **{"client": self.client, **options})
        assert isinstance(connection, EmailBackend)
        return connection

    def send(self, message: EmailMessage, **options: Any) -> dict[str, Any]:
        """Send one message as applications do; the answer is the job on the queue."""
        message.connection = self.connection(**options)
        assert message.send() == 1
        job: dict[str, Any] = self.queue.jobs[-1]
        return job

    def refusal(self, message: EmailMessage, **options: Any) -> InvalidJob:
        message.connection = self.connection(**options)
        with pytest.raises(InvalidJob) as refused:
            message.send()
        assert self.queue.jobs == []
        return refused.value


def message(**fields: Any) -> EmailMultiAlternatives:
    return EmailMultiAlternatives(
        **{
            "subject": "Your order 1001",
            "body": "It is on its way.",
            "to": ["Jürgen Müller <juergen@example.net>"],
            **fields,
        }
    )


def with_attributes(target: EmailMessage, **attributes: Any) -> EmailMessage:
    """Set what Anymail adds, as its documentation does it on any message."""
    for name, value in attributes.items():
        setattr(target, name, value)
    return target
