"""The mailers of a project that send by Mailbus: those of `MAILERS`, or the one of `EMAIL_BACKEND`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec
from django.conf import settings
from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

BACKEND: Final = "mailbus.django.EmailBackend"
# where its class is
_HOME: Final = "mailbus.django.backend"
_DJANGOS_OWN: Final = "django.core.mail.backends."
_SMTP: Final = f"{_DJANGOS_OWN}smtp.EmailBackend"
# packages whose backends pass the mail on to another one, and the setting that names it:
# https://github.com/pmclanahan/django-celery-email, https://github.com/pinax/django-mailer,
# https://github.com/ui/django-post_office
_PASSED_ON: Final[Mapping[str, str]] = MappingProxyType(
    {
        "djcelery_email": "CELERY_EMAIL_BACKEND",
        "mailer": "MAILER_EMAIL_BACKEND",
        "post_office": "POST_OFFICE",
    }
)


class Mailer(msgspec.Struct, frozen=True, kw_only=True):
    """One mailer: what its setting is called, its backend, and the backend's options."""

    setting: str
    backend: str
    options: Mapping[str, object] = msgspec.field(default_factory=dict)

    @property
    def options_setting(self) -> str:
        """What the setting of its options is called."""
        return f"{self.setting}['OPTIONS']"

    @property
    def is_bulk(self) -> bool:
        """Whether its messages take the bulk lane."""
        return self.options.get("lane") == "bulk"

    @property
    def sends_elsewhere(self) -> bool:
        """Whether it sends by another service; not Django's backends for development, nor unknown ones."""
        return self.backend == _SMTP or self.backend.startswith("anymail.")


def mailers() -> tuple[Mailer, ...]:
    """Return the project's mailers, and those that they pass mail on to."""
    configured = _configured()
    return (*configured, *(other for mailer in configured for other in _passed_on(mailer)))


def _configured() -> tuple[Mailer, ...]:
    """Return the mailers of Django's settings; what is no mailer is left out, since Django reports it."""
    configured = getattr(settings, "MAILERS", None)
    if configured is None:
        with warnings.catch_warnings():
            # Django 6.1 has deprecated the setting, which is for the project to hear where it uses it.
            warnings.simplefilter("ignore")
            return (Mailer(setting="EMAIL_BACKEND", backend=settings.EMAIL_BACKEND),)
    found = configured if isinstance(configured, Mapping) else {}
    return tuple(_mailer(alias, config) for alias, config in found.items() if isinstance(config, Mapping))


def _mailer(alias: str, config: Mapping[str, Any]) -> Mailer:
    options = config.get("OPTIONS", {})
    return Mailer(
        setting=f"MAILERS[{alias!r}]",
        backend=str(config.get("BACKEND", _SMTP)),
        options=options if isinstance(options, Mapping) else {},
    )


def _passed_on(mailer: Mailer) -> Iterator[Mailer]:
    setting = _PASSED_ON.get(mailer.backend.partition(".")[0], "")
    value = getattr(settings, setting, None)
    if isinstance(value, str):
        yield Mailer(setting=setting, backend=value)
    elif isinstance(value, Mapping):
        backends = value.get("BACKENDS")
        for alias, backend in (backends if isinstance(backends, Mapping) else {}).items():
            yield Mailer(setting=f"{setting}['BACKENDS'][{alias!r}]", backend=str(backend))


def sends_by_mailbus(mailer: Mailer) -> bool:
    """Return whether a mailer's backend is Mailbus's, or a subclass of it. Raises `ImportError`."""
    if mailer.backend == BACKEND:
        return True
    if mailer.backend.startswith(_DJANGOS_OWN):
        return False
    backend = import_string(mailer.backend)
    return any(base.__module__ == _HOME for base in getattr(backend, "__mro__", ()))
