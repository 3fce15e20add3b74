"""The checks of `manage.py check`: what is wrong in the settings, as far as it is seen without AWS."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec
from django.conf import settings as project
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as Caution

from mailbus.addresses import parse_mailboxes
from mailbus.django import settings
from mailbus.django.anymail_settings import WITHOUT_MEANING
from mailbus.django.mailers import BACKEND, Mailer, mailers, sends_by_mailbus
from mailbus.django.values import plain_str
from mailbus.errors import ConfigurationError, InvalidJob
from mailbus.queue_urls import check_queue_url
from mailbus.stages import check_lane, check_stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Final

_EXAMPLE: Final = 'For example: MAILBUS = {"STAGE": "prod"}.'
_VALIDATORS: Final[Mapping[str, Callable[[object], None]]] = {
    settings.STAGE: check_stage,
    settings.QUEUE_URL: check_queue_url,
    settings.BULK_QUEUE_URL: check_queue_url,
    # of a mailer alone
    "LANE": check_lane,
}


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Where settings are written: `MAILBUS`, or the `OPTIONS` of a mailer, which have lower-case names."""

    setting: str
    values: object
    known: frozenset[str]

    def value(self, name: str) -> object:
        """Return a value by its name in `MAILBUS`; None if it is missing."""
        return next((value for key, value in self.items() if key.upper() == name), None)

    def items(self) -> Iterable[tuple[str, object]]:
        """Return the names as they are written, with their values."""
        return self.values.items() if isinstance(self.values, Mapping) else ()


def check_settings(app_configs: object, **_options: object) -> list[CheckMessage]:  # noqa: ARG001 - Django's signature
    """Check the settings of Mailbus, and those of Anymail where Mailbus has taken its place."""
    found: list[CheckMessage] = []
    ours: list[Mailer] = []
    others: list[Mailer] = []
    for mailer in mailers():
        try:
            (ours if sends_by_mailbus(mailer) else others).append(mailer)
        except ImportError as error:
            found += _misspelled_backend(mailer, error)
    own = Source(setting="MAILBUS", values=getattr(project, "MAILBUS", None), known=settings.KNOWN)
    found += _check_source(own)
    for mailer in ours:
        options = Source(setting=mailer.options_setting, values=mailer.options, known=settings.OPTIONS)
        found += _check_source(options)
        found += _check_queue(mailer, is_checked=bool(found))
    if ours:
        found += _check_senders()
        found += _check_anymail(others)
    elif own.values and not found and all(mailer.sends_elsewhere for mailer in others):
        found.append(_unused())
    return found


# --- names and values


def _check_source(source: Source) -> Iterator[CheckMessage]:
    if source.values is not None and not isinstance(source.values, Mapping):
        kind = type(source.values).__name__
        yield Error(f"{source.setting} must be a dict, not {kind}.", hint=_EXAMPLE, id="mailbus.E001")
    for name, value in source.items():
        place = f"{source.setting}[{name!r}]"
        if name not in source.known:
            hint = _nearest(name, source.known)
            yield Error(f"{place} is unknown.", hint=hint, id="mailbus.E002")
        elif validate := _VALIDATORS.get(name.upper()):
            # an empty one is as a missing one: settings read it from an environment that may not have it
            if value:
                yield from _reported(lambda: validate(value), "mailbus.E003", place)  # noqa: B023 - called here
        elif name.upper() == settings.SEND_DEFAULTS:
            yield from _reported(lambda: settings.checked_defaults(value, place), "mailbus.E005")  # noqa: B023 - called here
    if source.value(settings.STAGE) and any(map(source.value, (settings.QUEUE_URL, settings.BULK_QUEUE_URL))):
        yield Error(
            f"{source.setting} has both a stage and a queue's URL.",
            hint="Remove the URLs: the stage's queues are found by its name.",
            id="mailbus.E004",
        )


def _reported(validate: Callable[[], object], check_id: str, place: str = "") -> Iterator[CheckMessage]:
    """Yield an error for what a validation raises; its text says what to write instead."""
    try:
        validate()
    except ConfigurationError as error:
        yield Error(f"{place}: {error}" if place else str(error), id=check_id)


def _nearest(name: object, known: Iterable[str]) -> str:
    by_lower_case = {each.lower(): each for each in known}
    near = difflib.get_close_matches(str(name).lower(), by_lower_case, n=1)
    return (
        f"Did you mean {by_lower_case[near[0]]!r}?" if near else f"Valid names: {', '.join(sorted(known))}."
    )


# --- mailers


def _misspelled_backend(mailer: Mailer, error: ImportError) -> Iterator[CheckMessage]:
    """Yield an error for a backend that is not there, if it was to be Mailbus's."""
    if difflib.get_close_matches(mailer.backend, [BACKEND], cutoff=0.7):
        yield Error(f"{mailer.setting}: {error}.", hint=f"Write {BACKEND!r}.", id="mailbus.E007")


def _check_queue(mailer: Mailer, *, is_checked: bool) -> Iterator[CheckMessage]:
    """Yield a warning if a mailer has no queue; no error, since the environment may set it elsewhere.

    What names the queue is checked here if it is in the environment, or a setting of its own.
    """
    try:
        queue = settings.queue(mailer.options, bulk=mailer.is_bulk)
    except ConfigurationError as error:
        if not is_checked:
            yield Error(f"{mailer.setting}: {error}.", id="mailbus.E004")
        return
    if queue is None:
        yield Caution(
            f"{mailer.setting} has no queue: each mail will fail.",
            hint=f"{_EXAMPLE} Or set MAILBUS_STAGE or MAILBUS_QUEUE_URL in the environment.",
            id="mailbus.W001",
        )
    elif not is_checked:
        name, value = (settings.STAGE, queue.stage) if queue.stage else (settings.QUEUE_URL, queue.url)
        yield from _reported(lambda: _VALIDATORS[name](value), "mailbus.E003", f"{mailer.setting}: {name}")


def _check_senders() -> Iterator[CheckMessage]:
    """Yield a warning for a default sender that cannot be one, as Django's own are, `root@localhost`.

    Django sends the mails of errors with `fail_silently`: they would be lost without a trace.
    """
    is_server_used = bool(project.ADMINS or project.MANAGERS)
    for name in ("DEFAULT_FROM_EMAIL", *(["SERVER_EMAIL"] if is_server_used else [])):
        try:
            parse_mailboxes(plain_str(getattr(project, name)), name)
        except InvalidJob as error:
            yield Caution(
                f"{name} cannot be a sender: {error.reason}.",
                hint="Write an address of an identity that is verified in SES.",
                id="mailbus.W004",
            )


def _unused() -> CheckMessage:
    return Caution(
        "MAILBUS is set, but no mailer has its backend.",
        hint=f'Write "BACKEND": {BACKEND!r} in MAILERS (before Django 6.1 EMAIL_BACKEND = {BACKEND!r}).',
        id="mailbus.W002",
    )


# --- Anymail's settings


def _check_anymail(others: Iterable[Mailer]) -> Iterator[CheckMessage]:
    for name in ("SEND_DEFAULTS", "AMAZON_SES_SEND_DEFAULTS"):
        value, place = settings.anymail_setting(name)
        yield from _reported(lambda: settings.checked_defaults(value, place), "mailbus.E005")  # noqa: B023 - called here
    yield from _reported(settings.check_idna_encoder, "mailbus.E006")
    if any(mailer.backend.startswith("anymail.") for mailer in others):
        return
    for name, hint in WITHOUT_MEANING.items():
        value, place = settings.anymail_setting(name)
        if value is not None:
            yield Caution(f"{place} has no effect on mail that Mailbus sends.", hint=hint, id="mailbus.W003")
