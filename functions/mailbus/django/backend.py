"""Django's email backend: `EMAIL_BACKEND = "mailbus.django.EmailBackend"`.

Settings: `MAILBUS = {"QUEUE_URL": …, "BULK_QUEUE_URL": …, "SEND_DEFAULTS": {…}}`. The URLs may also be the
settings or environment variables `MAILBUS_QUEUE_URL` and `MAILBUS_BULK_QUEUE_URL`. Anymail's `SEND_DEFAULTS`
hold here too, its general ones and those for Amazon SES.
"""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, cast

import msgspec
from django.conf import settings
from django.core.mail.backends.base import BaseEmailBackend

from mailbus.client import Client, Result
from mailbus.django.messages import check_defaults, convert
from mailbus.errors import ConfigurationError, MailbusError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django.core.mail import EmailMessage

QUEUE_URL: Final = "QUEUE_URL"
BULK_QUEUE_URL: Final = "BULK_QUEUE_URL"
SEND_DEFAULTS: Final = "SEND_DEFAULTS"
_KNOWN: Final = frozenset({QUEUE_URL, BULK_QUEUE_URL, SEND_DEFAULTS})


class RecipientStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one recipient when `send` returns; `message_id` is the job's id."""

    message_id: str | None
    status: str | None


class SendStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A message's `anymail_status`: `status` is {"queued"}, or None where it did not get onto the queue.

    `message_id` is the job's id, which events name. `recipients` are keyed by bare address, international
    domains in their ASCII form. `esp_response` is the client's `Result`.
    """

    message_id: str | None = None
    status: frozenset[str] | None = None
    recipients: dict[str, RecipientStatus] = msgspec.field(default_factory=dict)
    esp_response: Result | None = None


class EmailBackend(BaseEmailBackend):
    """Turns Django's messages into send jobs on the queue.

    What is given here goes before the settings; `client` and `bulk_client` are for an application that has
    its own, with credentials of its own for instance.
    """

    def __init__(  # noqa: PLR0913 - Django's signature, and what settings can be given in place
        self,
        fail_silently: bool = False,  # noqa: FBT001, FBT002 - Django's signature
        *,
        alias: str | None = None,
        username: str | None = None,  # noqa: ARG002 - send_mail() gives it to every backend
        password: str | None = None,  # noqa: ARG002 - send_mail() gives it to every backend
        queue_url: str | None = None,
        bulk_queue_url: str | None = None,
        send_defaults: Mapping[str, object] | None = None,
        client: Client | None = None,
        bulk_client: Client | None = None,
    ) -> None:
        super().__init__(fail_silently=fail_silently, alias=alias)
        own = _own_settings()
        self._defaults = {
            **_anymail_defaults(),
            **_checked(own.get(SEND_DEFAULTS), f"MAILBUS[{SEND_DEFAULTS!r}]"),
            **_checked(send_defaults, "send_defaults"),
        }
        self._queue_url = queue_url or _url(own, QUEUE_URL)
        self._bulk_queue_url = bulk_queue_url or _url(own, BULK_QUEUE_URL)
        self._client = client
        self._bulk_client = bulk_client
        if client is None and not self._queue_url:
            raise ConfigurationError(_missing(QUEUE_URL, "SendQueueUrl"))

    def open(self) -> bool:
        """Open nothing: the process has one client, whose connections are kept."""
        return False

    def close(self) -> None:
        """Close nothing, since nothing was opened."""

    def send_messages(self, email_messages: Iterable[EmailMessage]) -> int:
        """Enqueue messages, and count those that are on a queue now.

        Each message's `anymail_status` says what became of it; one without recipients is left alone. An error
        stops no other message: without `fail_silently`, the first one is raised in the end.
        """
        sent = 0
        errors: list[MailbusError] = []
        for bulk, messages in itertools.groupby(email_messages, _is_bulk):
            enqueued, failed = self._enqueue(messages, bulk=bulk)
            sent += enqueued
            errors += failed
        if errors and not self.fail_silently:
            raise errors[0]
        return sent

    def _enqueue(self, messages: Iterable[EmailMessage], *, bulk: bool) -> tuple[int, list[MailbusError]]:
        """Enqueue messages of one lane; the errors stand in the order of the messages."""
        errors: dict[int, MailbusError] = {}
        asked: list[tuple[int, EmailMessage, tuple[str, ...]]] = []

        def documents() -> Iterator[dict[str, object]]:
            for position, message in enumerate(messages):
                _tell(message, SendStatus())
                try:
                    converted = convert(message, self._defaults) if message.recipients() else None
                except MailbusError as error:
                    errors[position] = error
                    continue
                if converted is not None:
                    asked.append((position, message, converted.recipients))
                    yield converted.document

        try:
            client = self._lane(bulk=bulk)
        except ConfigurationError as error:
            for message in messages:
                _tell(message, SendStatus())
            return 0, [error]
        results = client.send_many(documents())
        for (position, message, recipients), result in zip(asked, results, strict=True):
            if result.error is not None:
                errors[position] = result.error
            else:
                _tell(message, _queued(result, recipients))
        sent = sum(result.error is None for result in results)
        return sent, [errors[position] for position in sorted(errors)]

    def _lane(self, *, bulk: bool) -> Client:
        given, url = (self._bulk_client, self._bulk_queue_url) if bulk else (self._client, self._queue_url)
        if given is not None:
            return given
        if not url:
            raise ConfigurationError(_missing(BULK_QUEUE_URL, "BulkQueueUrl"))
        return _process_client(url, os.getpid())


@functools.cache
def _process_client(queue_url: str, _process: int) -> Client:
    """Give a process its one client of a queue: making one takes longer than sending a mail.

    A forked process has one of its own, since the connections of its parent are not its own.
    """
    return Client(queue_url)


def _is_bulk(message: EmailMessage) -> bool:
    return bool(getattr(message, "mailbus_bulk", False))


def _tell(message: EmailMessage, status: SendStatus) -> None:
    message.anymail_status = status  # type: ignore[attr-defined] # Anymail adds it to Django's class too


def _queued(result: Result, recipients: tuple[str, ...]) -> SendStatus:
    one = RecipientStatus(message_id=result.job_id, status="queued")
    return SendStatus(
        message_id=result.job_id,
        status=frozenset({"queued"}),
        recipients=dict.fromkeys(recipients, one),
        esp_response=result,
    )


# --- settings


def _own_settings() -> Mapping[str, object]:
    own = getattr(settings, "MAILBUS", None) or {}
    for name in own:
        if name not in _KNOWN:
            reason = f"MAILBUS[{name!r}] is unknown; valid names are {', '.join(sorted(_KNOWN))}"
            raise ConfigurationError(reason)
    return cast("Mapping[str, object]", own)


def _url(own: Mapping[str, object], name: str) -> str | None:
    variable = f"MAILBUS_{name}"
    found = own.get(name) or getattr(settings, variable, None) or os.environ.get(variable)
    return str(found) if found else None


def _missing(name: str, output: str) -> str:
    return (
        f"the queue's URL is missing: set MAILBUS = {{{name!r}: …}} in Django's settings, or MAILBUS_{name}"
        f" there or in the environment, to the stack output {output}"
    )


def _anymail_defaults() -> dict[str, object]:
    """Read Anymail's settings: the service's own replace the general ones, attribute by attribute."""
    anymail = getattr(settings, "ANYMAIL", None) or {}
    found: dict[str, object] = {}
    for name in ("SEND_DEFAULTS", "AMAZON_SES_SEND_DEFAULTS"):
        bare = f"ANYMAIL_{name}"
        if name in anymail:
            found |= _checked(anymail[name], f"ANYMAIL[{name!r}]")
        else:
            found |= _checked(getattr(settings, bare, None), bare)
    return found


def _checked(defaults: object, setting: str) -> Mapping[str, object]:
    if defaults is None:
        return {}
    if not isinstance(defaults, Mapping):
        reason = f"{setting}: must be a dict of attributes, not {type(defaults).__name__}"
        raise ConfigurationError(reason)
    check_defaults(defaults, setting)
    return defaults
