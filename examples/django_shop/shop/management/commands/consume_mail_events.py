"""`manage.py consume_mail_events`: sends Anymail's signals for the events in the shop's queue."""

from __future__ import annotations

import signal
import traceback
from typing import TYPE_CHECKING, Any

import boto3
from anymail.signals import inbound, tracking  # type: ignore[import-untyped] # it has no types
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import close_old_connections, transaction

from mailbus.errors import InvalidEvent
from mailbus.events import EmailEvent, InboundEvent, parse
from shop.anymail_events import inbound_event, tracking_event
from shop.models import HandledEvent

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from mailbus.events import AnyEvent

WAIT_SECONDS = 10


class Command(BaseCommand):
    """Receives events until SIGINT or SIGTERM: ends at once if it waits, or after the events that it has.

    As many processes as needed may run side by side.
    """

    help = "Handle the events of the shop's mail."
    _is_stopped = False
    _is_waiting = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add `--once`."""
        parser.add_argument("--once", action="store_true", help="end when the queue is empty")

    def handle(self, *_arguments: object, once: bool, **_options: object) -> None:
        """Receive events, and handle each."""
        url = settings.MAIL_EVENTS_QUEUE_URL
        if not url:
            reason = "set MAIL_EVENTS_QUEUE_URL to the URL of the queue that a rule sends the events to"
            raise CommandError(reason)
        if not once:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, self._stop)
        try:
            sqs = boto3.client("sqs")
            while not self._is_stopped:
                messages = self._receive(sqs, url, 0 if once else WAIT_SECONDS)
                # one that the database has closed, or that is too old
                close_old_connections()
                for message in messages:
                    if self._consume(message):
                        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                if once and not messages:
                    return
        except KeyboardInterrupt:
            return
        except (BotoCoreError, ClientError) as error:
            reason = f"the queue {url} cannot be read: {error}"
            raise CommandError(reason) from error

    def _stop(self, *_signal: object) -> None:
        self._is_stopped = True
        if self._is_waiting:
            raise KeyboardInterrupt

    def _receive(self, sqs: Any, url: str, seconds: int) -> list[Any]:  # noqa: ANN401 - boto3's client
        self._is_waiting = True
        try:
            # a signal that arrives from here on ends the call
            if self._is_stopped:
                return []
            received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=seconds)
            return list(received.get("Messages", []))
        finally:
            self._is_waiting = False

    def _consume(self, message: Any) -> bool:  # noqa: ANN401 - a message of SQS
        """Handle a message; return False if it is to be received again, and at last a dead letter."""
        try:
            event = parse(message["Body"])
        except InvalidEvent as error:
            self.stderr.write(f"message {message['MessageId']}: {error}")
            return False
        try:
            handled = handle_once(event)
        except Exception as error:  # noqa: BLE001 - one event stops no other one
            # not its text, which may have an address
            place = traceback.extract_tb(error.__traceback__)[-1]
            self.stderr.write(
                f"event {event.event_id}: {type(error).__name__} at {place.filename}:{place.lineno}"
            )
            return False
        self.stdout.write(f"{event.event_type} {event.event_id}{'' if handled else ' (repeated)'}")
        return True


def handle_once(event: AnyEvent) -> bool:
    """Send the signal of an event to Anymail's receivers; False if that was done before.

    What receivers write, and that the event is handled, are one transaction: both happen, or neither.
    """
    with transaction.atomic():
        # a mail that could not be read has the same id when it is read at last
        key = f"{event.event_type} {event.event_id}"
        _, is_new = HandledEvent.objects.get_or_create(event_id=key)
        if is_new:
            send_signal(event)
    return is_new


def send_signal(event: AnyEvent) -> None:
    """Send `tracking` or `inbound`, as Anymail's views do."""
    if isinstance(event, EmailEvent):
        tracking.send(sender=Command, event=tracking_event(event), esp_name=event.esp_name)
    elif isinstance(event, InboundEvent) and event.event_type == "inbound":
        inbound.send(sender=Command, event=inbound_event(event), esp_name=event.esp_name)
