"""The checks of `manage.py check --deploy`: whether each mailer's queues can be used from here, by AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

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


def check_deployment(app_configs: object, **_options: object) -> list[CheckMessage]:  # noqa: ARG001 - Django's signature
    """Read the tags of each queue: it is there, and the application's role has the rights of `grant_send`."""
    found: list[CheckMessage] = []
    seen: set[settings.QueueName] = set()
    for mailer in _own_mailers():
        try:
            own, other = (
                settings.queue(mailer.options, bulk=bulk) for bulk in (mailer.is_bulk, not mailer.is_bulk)
            )
        except ConfigurationError:
            # `check_settings` reports it
            continue
        if own is None:
            found.append(_no_queue(mailer))
        for queue in filter(None, (own, other)):
            error = None if queue in seen else _error_of(queue)
            seen.add(queue)
            if error:
                found.append(_unusable(mailer, queue, error))
            if error and not isinstance(error, ConfigurationError):
                # AWS does not answer: each other queue would wait as long
                return found
            if error and queue.stage:
                # the same is wrong with its other queue
                break
    return found


def _own_mailers() -> Iterator[Mailer]:
    for mailer in mailers():
        try:
            if sends_by_mailbus(mailer):
                yield mailer
        except ImportError:
            # `check_settings` reports it, or Django
            continue


def _no_queue(mailer: Mailer) -> CheckMessage:
    return Error(
        f"{mailer.setting} has no queue, so that it could be checked.",
        hint="Run the check with the settings and the environment of the application.",
        id="mailbus.E101",
    )


def _error_of(queue: settings.QueueName) -> MailbusError | None:
    # AWS's client is loaded by this check alone
    from mailbus.client import Client  # noqa: PLC0415

    session = cast("boto3.Session", _Brief())
    try:
        Client(queue.url, stage=queue.stage, lane=queue.lane, session=session).check()
    except MailbusError as error:
        return error
    return None


def _unusable(mailer: Mailer, queue: settings.QueueName, error: MailbusError) -> CheckMessage:
    name = f"the {queue.lane} queue of the stage {queue.stage!r}" if queue.stage else queue.url
    is_setting = isinstance(error, ConfigurationError)
    way = "" if is_setting else " Is the region right, and can AWS be reached from here?"
    return Error(
        f"{mailer.setting}: {error}",
        hint=f"This is {name}.{way}",
        id="mailbus.E102" if is_setting else "mailbus.E103",
    )


class _Brief:
    """A session whose clients try once, and not for long."""

    def client(self, service_name: str, **options: Any) -> Any:  # noqa: ANN401 - any client of AWS
        from mailbus.aws import sessions  # noqa: PLC0415 - as above

        config = sessions.config(max_attempts=1, connect_timeout=_CONNECT_TIMEOUT, read_timeout=_READ_TIMEOUT)
        return cast("Any", sessions.open_session()).client(service_name, **{**options, "config": config})
