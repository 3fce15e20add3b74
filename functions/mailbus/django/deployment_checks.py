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
    used: dict[settings.QueueName, str] = {}
    found: list[CheckMessage] = []
    for mailer in _own_mailers():
        try:
            queues = [settings.queue(mailer.options, bulk=bulk) for bulk in (False, True)]
        except ConfigurationError:
            # `check_settings` reports it
            continue
        if queues[mailer.is_bulk] is None:
            found.append(_no_queue(mailer))
        for queue in filter(None, queues):
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


def _no_queue(mailer: Mailer) -> CheckMessage:
    return Error(
        f"{mailer.setting} has no queue, so that it could be checked.",
        hint="Run the check with the settings and the environment of the application.",
        id="mailbus.E101",
    )


def _check_queue(queue: settings.QueueName, setting: str) -> Iterator[CheckMessage]:
    # AWS's client is loaded by this check alone
    from mailbus.client import Client  # noqa: PLC0415

    name = f"the {queue.lane} queue of the stage {queue.stage!r}" if queue.stage else queue.url
    session = cast("boto3.Session", _Brief())
    try:
        Client(queue.url, stage=queue.stage, lane=queue.lane, session=session).check()
    except ConfigurationError as error:
        yield Error(f"{setting}: {error}", hint=f"It is {name}.", id="mailbus.E102")
    except MailbusError as error:
        hint = f"It is {name}. Is its region right, and can AWS be reached from here?"
        yield Error(f"{setting}: {error}", hint=hint, id="mailbus.E103")


class _Brief:
    """A session whose clients try once, and not for long."""

    def client(self, service_name: str, **options: Any) -> Any:  # noqa: ANN401 - any client of AWS
        from mailbus.aws import sessions  # noqa: PLC0415 - as above

        config = sessions.config(max_attempts=1, connect_timeout=_CONNECT_TIMEOUT, read_timeout=_READ_TIMEOUT)
        return cast("Any", sessions.open_session()).client(service_name, **{**options, "config": config})
