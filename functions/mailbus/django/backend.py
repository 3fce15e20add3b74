"""Django's email backend: `EMAIL_BACKEND = "mailbus.django.EmailBackend"`.

Settings: `MAILBUS = {"STAGE": …, "SEND_DEFAULTS": {…}}`, or `"QUEUE_URL"` and `"BULK_QUEUE_URL"` in place of
the stage. What names the queue may also be settings or environment variables, `MAILBUS_STAGE` and so on.
Anymail's `SEND_DEFAULTS` apply too, its general ones and those for Amazon SES.
"""

from __future__ import annotations

import functools
import itertools
import os
from typing import TYPE_CHECKING, Any

import msgspec
from django.core.mail.backends.base import BaseEmailBackend

from mailbus.client import Client, Result
from mailbus.django import settings
from mailbus.django.errors import as_djangos
from mailbus.django.messages import convert
from mailbus.django.signals import send_post_send, send_pre_send
from mailbus.errors import ConfigurationError, MailbusError
from mailbus.stages import Lane, check_lane

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from django.core.mail import EmailMessage


class RecipientStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The status of one recipient when `send` returns; `message_id` is the job's id."""

    message_id: str | None
    status: str | None


class SendStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A message's `anymail_status`: `status` is {"queued"}, or None if it was not enqueued.

    `message_id` is the job's id, which events have. `recipients` are keyed by bare address, international
    domains in their ASCII form. `esp_response` is the client's `Result`.
    """

    message_id: str | None = None
    status: frozenset[str] | None = None
    recipients: dict[str, RecipientStatus] = msgspec.field(default_factory=dict)
    esp_response: Result | None = None


class EmailBackend(BaseEmailBackend):
    """Enqueues Django's messages as send jobs.

    Arguments, in Django 6.1 the `OPTIONS` of a mailer, override the settings. `lane` is that of messages
    without an attribute `mailbus_bulk`; `client` and `bulk_client` are for an application with clients of its
    own, such as with other credentials. Other arguments, such as `host`, are ignored, or refused, as by
    Django's own backends.
    """

    def __init__(  # noqa: PLR0913 - Django's signature, and arguments in place of settings
        self,
        fail_silently: bool = False,  # noqa: FBT001, FBT002 - Django's signature
        *,
        stage: str | None = None,
        queue_url: str | None = None,
        bulk_queue_url: str | None = None,
        lane: Lane = "transactional",
        send_defaults: Mapping[str, object] | None = None,
        client: Client | None = None,
        bulk_client: Client | None = None,
        **kwargs: Any,  # noqa: ANN401 - Django's signature
    ) -> None:
        super().__init__(**kwargs)
        self.fail_silently = fail_silently
        # Django sets it from 6.1 on
        self.alias: str | None = kwargs.get("alias")
        self._bulk = lane == "bulk"
        self._clients = (client, bulk_client)
        named = {"stage": stage, "queue_url": queue_url, "bulk_queue_url": bulk_queue_url}
        with settings.naming(self.alias):
            check_lane(lane)
            settings.check_idna_encoder()
            self._defaults = {
                **settings.send_defaults(),
                **settings.checked_defaults(send_defaults, "send_defaults"),
            }
            self._queues = (settings.queue(named), settings.queue(named, bulk=True))
            if self._clients[self._bulk] is None and self._queues[self._bulk] is None:
                raise ConfigurationError(settings.missing_queue(bulk=self._bulk))

    def open(self) -> bool:
        """Return False: there is nothing to open, since the process has one client."""
        return False

    def close(self) -> None:
        """Do nothing: the process keeps its client."""

    def send_messages(self, email_messages: Iterable[EmailMessage]) -> int:
        """Enqueue messages and return how many were enqueued.

        Each message's `anymail_status` has its result; a message without recipients is skipped. An error does
        not stop the other messages: without `fail_silently`, the first error is raised at the end. An error
        of a receiver of Anymail's signals is raised even with it, as Anymail does.
        """
        sent = 0
        errors: list[Exception] = []
        announced = self._announced(email_messages)
        for bulk, messages in itertools.groupby(announced, lambda one: self._is_bulk(one[0])):
            count, failed = self._enqueue(messages, bulk=bulk)
            sent += count
            errors += map(as_djangos, failed)
        for error in errors:
            if not (self.fail_silently and isinstance(error, MailbusError)):
                raise error
        return sent

    def _announced(self, messages: Iterable[EmailMessage]) -> Iterator[tuple[EmailMessage, Exception | None]]:
        """Send `pre_send` for each message; return those to send, as receivers changed them, and errors.

        A message without recipients, or that a receiver cancels, is left out.
        """
        for message in messages:
            _set_status(message, SendStatus())
            failure = None
            try:
                is_sent = send_pre_send(type(self), message) and message.recipients()
            except Exception as error:  # noqa: BLE001 - raised after the other messages
                failure = error
            if failure is not None or is_sent:
                yield message, failure

    def _enqueue(
        self, messages: Iterable[tuple[EmailMessage, Exception | None]], *, bulk: bool
    ) -> tuple[int, list[Exception]]:
        """Enqueue messages of one lane; return how many were enqueued, and the errors in order."""
        errors: dict[int, Exception] = {}
        enqueued: list[tuple[int, EmailMessage, tuple[str, ...]]] = []

        def documents() -> Iterator[dict[str, object]]:
            for position, (message, failure) in enumerate(messages):
                if failure is not None:
                    errors[position] = failure
                    continue
                try:
                    converted = convert(message, self._defaults)
                except Exception as error:  # noqa: BLE001 - raised below, after the other messages
                    errors[position] = error
                    continue
                enqueued.append((position, message, converted.recipients))
                yield converted.document

        try:
            results = self._lane(bulk=bulk).send_many(documents())
        except MailbusError as error:
            # there is no queue, or no way to it: none of the messages was enqueued
            return 0, [error]
        for (position, message, recipients), result in zip(enqueued, results, strict=True):
            if result.error is not None:
                errors[position] = result.error
            else:
                status = _queued(result, recipients)
                _set_status(message, status)
                if failure := send_post_send(type(self), message, status):
                    errors[position] = failure
        sent = sum(result.error is None for result in results)
        return sent, [errors[position] for position in sorted(errors)]

    def _is_bulk(self, message: EmailMessage) -> bool:
        own = getattr(message, "mailbus_bulk", None)
        return self._bulk if own is None else bool(own)

    def _lane(self, *, bulk: bool) -> Client:
        client, queue = self._clients[bulk], self._queues[bulk]
        if client is not None:
            return client
        with settings.naming(self.alias):
            if queue is None:
                raise ConfigurationError(settings.missing_queue(bulk=bulk))
            return _process_client(queue, os.getpid())


@functools.cache
def _process_client(queue: settings.QueueName, _process: int) -> Client:
    """Return the process's client of a queue: creating one takes longer than sending a mail.

    A forked process has its own client, since it cannot use its parent's connections.
    """
    return Client(queue.url) if queue.url else Client(stage=queue.stage, lane=queue.lane)


def _set_status(message: EmailMessage, status: SendStatus) -> None:
    message.anymail_status = status  # type: ignore[attr-defined] # Anymail adds it to Django's class too


def _queued(result: Result, recipients: tuple[str, ...]) -> SendStatus:
    one = RecipientStatus(message_id=result.job_id, status="queued")
    return SendStatus(
        message_id=result.job_id,
        status=frozenset({"queued"}),
        recipients=dict.fromkeys(recipients, one),
        esp_response=result,
    )
