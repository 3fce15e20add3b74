"""Django's email backend: `EMAIL_BACKEND = "mailbus.django.EmailBackend"`.

Settings: `MAILBUS = {"QUEUE_URL": …, "BULK_QUEUE_URL": …, "SEND_DEFAULTS": {…}}`. The URLs may also be the
settings or environment variables `MAILBUS_QUEUE_URL` and `MAILBUS_BULK_QUEUE_URL`. Anymail's `SEND_DEFAULTS`
apply too, its general ones and those for Amazon SES.
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
from mailbus.django.defaults import check_defaults
from mailbus.django.messages import convert
from mailbus.errors import ConfigurationError, MailbusError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django.core.mail import EmailMessage

QUEUE_URL: Final = "QUEUE_URL"
BULK_QUEUE_URL: Final = "BULK_QUEUE_URL"
SEND_DEFAULTS: Final = "SEND_DEFAULTS"
_KNOWN: Final = frozenset({QUEUE_URL, BULK_QUEUE_URL, SEND_DEFAULTS})
# of Anymail; None is its default, "idna2008", which has no symbols, such as emoji
_SAME_ENCODERS: Final = (None, "idna2008", "uts46")


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

    Arguments override the settings; `client` and `bulk_client` are for an application with clients of its
    own, such as with other credentials.
    """

    def __init__(  # noqa: PLR0913 - Django's signature, and arguments in place of settings
        self,
        fail_silently: bool = False,  # noqa: FBT001, FBT002 - Django's signature
        *,
        alias: str | None = None,
        username: str | None = None,  # noqa: ARG002 - send_mail() passes it to every backend
        password: str | None = None,  # noqa: ARG002 - send_mail() passes it to every backend
        queue_url: str | None = None,
        bulk_queue_url: str | None = None,
        send_defaults: Mapping[str, object] | None = None,
        client: Client | None = None,
        bulk_client: Client | None = None,
    ) -> None:
        super().__init__(fail_silently=fail_silently, alias=alias)
        own = _own_settings()
        _check_idna_encoder()
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
        """Return False: there is nothing to open, since the process has one client."""
        return False

    def close(self) -> None:
        """Do nothing: the process keeps its client."""

    def send_messages(self, email_messages: Iterable[EmailMessage]) -> int:
        """Enqueue messages and return how many were enqueued.

        Each message's `anymail_status` has its result; a message without recipients is skipped. An error does
        not stop the other messages: without `fail_silently`, the first error is raised at the end.
        """
        sent = 0
        errors: list[MailbusError] = []
        for bulk, messages in itertools.groupby(email_messages, _is_bulk):
            count, failed = self._enqueue(messages, bulk=bulk)
            sent += count
            errors += failed
        if errors and not self.fail_silently:
            raise errors[0]
        return sent

    def _enqueue(self, messages: Iterable[EmailMessage], *, bulk: bool) -> tuple[int, list[MailbusError]]:
        """Enqueue messages of one lane; return how many were enqueued, and the errors in order."""
        errors: dict[int, MailbusError] = {}
        enqueued: list[tuple[int, EmailMessage, tuple[str, ...]]] = []

        def documents() -> Iterator[dict[str, object]]:
            for position, message in enumerate(messages):
                _set_status(message, SendStatus())
                try:
                    converted = convert(message, self._defaults) if message.recipients() else None
                except MailbusError as error:
                    errors[position] = error
                    continue
                if converted is not None:
                    enqueued.append((position, message, converted.recipients))
                    yield converted.document

        try:
            client = self._lane(bulk=bulk)
        except ConfigurationError as error:
            for message in messages:
                _set_status(message, SendStatus())
            return 0, [error]
        results = client.send_many(documents())
        for (position, message, recipients), result in zip(enqueued, results, strict=True):
            if result.error is not None:
                errors[position] = result.error
            else:
                _set_status(message, _queued(result, recipients))
        sent = sum(result.error is None for result in results)
        return sent, [errors[position] for position in sorted(errors)]

    def _lane(self, *, bulk: bool) -> Client:
        client, url = (self._bulk_client, self._bulk_queue_url) if bulk else (self._client, self._queue_url)
        if client is not None:
            return client
        if not url:
            raise ConfigurationError(_missing(BULK_QUEUE_URL, "BulkQueueUrl"))
        return _process_client(url, os.getpid())


@functools.cache
def _process_client(queue_url: str, _process: int) -> Client:
    """Return the process's client of a queue: creating one takes longer than sending a mail.

    A forked process has its own client, since it cannot use its parent's connections.
    """
    return Client(queue_url)


def _is_bulk(message: EmailMessage) -> bool:
    return bool(getattr(message, "mailbus_bulk", False))


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
    """Return Anymail's settings: the service's own replace the general ones, attribute by attribute."""
    found: dict[str, object] = {}
    for name in ("SEND_DEFAULTS", "AMAZON_SES_SEND_DEFAULTS"):
        defaults, setting = _anymail_setting(name)
        found |= _checked(defaults, setting)
    return found


def _check_idna_encoder() -> None:
    """Raise `ConfigurationError` if Anymail is to encode domains in another way than the sender does.

    https://github.com/anymail/django-anymail/pull/448
    """
    encoder, setting = _anymail_setting("IDNA_ENCODER")
    if encoder not in _SAME_ENCODERS:
        reason = (
            f"{setting}: must be 'idna2008' or 'uts46'; Mailbus encodes domains by UTS 46 alone, since SES "
            "accepts ASCII only: remove the setting, and write other forms of domains in xn-- form"
        )
        raise ConfigurationError(reason)


def _anymail_setting(name: str) -> tuple[object, str]:
    """Return one of Anymail's settings, None if it is missing, and what the setting is called."""
    anymail = getattr(settings, "ANYMAIL", None) or {}
    bare = f"ANYMAIL_{name}"
    return (anymail[name], f"ANYMAIL[{name!r}]") if name in anymail else (getattr(settings, bare, None), bare)


def _checked(defaults: object, setting: str) -> Mapping[str, object]:
    if defaults is None:
        return {}
    if not isinstance(defaults, Mapping):
        reason = f"{setting}: must be a dict of attributes, not {type(defaults).__name__}"
        raise ConfigurationError(reason)
    check_defaults(defaults, setting)
    return defaults
