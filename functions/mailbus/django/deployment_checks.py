"""The checks of `manage.py check --deploy`: whether each mailer's queues can be used from here, by AWS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import msgspec
from django.conf import settings as project
from django.core.checks import CheckMessage, Error

from mailbus.django import settings
from mailbus.django.mailers import Mailer, mailers, sends_by_mailbus
from mailbus.errors import ConfigurationError, MailbusError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

    import boto3

# A check has to end soon: one attempt, in seconds.
_CONNECT_TIMEOUT: Final = 2.0
_READ_TIMEOUT: Final = 5.0


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """A queue that a mailer uses, by its URL."""

    url: str


def check_deployment(app_configs: object, **_options: object) -> list[CheckMessage]:  # noqa: ARG001 - Django's signature
    """Read the tags of each queue: it is there, and the application's role has the rights of `grant_send`."""
    used: dict[Queue, str] = {}
    found: list[CheckMessage] = []
    for mailer in _own_mailers():
        queues = tuple(_queues(mailer))
        if not queues:
            found.append(_no_queue(mailer))
        for queue in queues:
            used.setdefault(queue, mailer.setting)
    for queue, setting in used.items():
        found += _check_queue(queue, setting)
    return found


def _own_mailers() -> Iterator[Mailer]:
    for mailer in mailers():
        try:
            if sends_by_mailbus(mailer):
                yield mailer
        except ImportError:
            # `check_settings` reports it, or Django
            continue


def _queues(mailer: Mailer) -> Iterator[Queue]:
    own = getattr(project, "MAILBUS", None)
    common = own if isinstance(own, Mapping) else {}
    for name in (settings.QUEUE_URL, settings.BULK_QUEUE_URL):
        url = mailer.options.get(name.lower()) or settings.value(common, name)
        if url:
            yield Queue(url=str(url))


def _no_queue(mailer: Mailer) -> CheckMessage:
    return Error(
        f"{mailer.setting} has no queue, so that it could be checked.",
        hint="Run the check with the settings and the environment of the application.",
        id="mailbus.E101",
    )


def _check_queue(queue: Queue, setting: str) -> Iterator[CheckMessage]:
    # AWS's client is loaded by this check alone
    from mailbus.client import Client  # noqa: PLC0415

    try:
        Client(queue.url, session=cast("boto3.Session", _Brief())).check()
    except ConfigurationError as error:
        yield Error(f"{setting}: {error}", hint=f"The queue is {queue.url}", id="mailbus.E102")
    except MailbusError as error:
        yield Error(
            f"{setting}: {error}",
            hint=f"Check the region, and the way from here to AWS. The queue is {queue.url}",
            id="mailbus.E103",
        )


class _Brief:
    """A session whose clients try once, and not for long."""

    def client(self, service_name: str, **options: Any) -> Any:  # noqa: ANN401 - any client of AWS
        from mailbus.aws import sessions  # noqa: PLC0415 - as above

        config = sessions.config(max_attempts=1, connect_timeout=_CONNECT_TIMEOUT, read_timeout=_READ_TIMEOUT)
        return cast("Any", sessions.open_session()).client(service_name, **{**options, "config": config})
