"""The mailers of a project that send by Mailbus: those of `MAILERS`, or the one of `EMAIL_BACKEND`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from django.conf import settings
from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from typing import Final

BACKEND: Final = "mailbus.django.EmailBackend"
# where its class is
_HOME: Final = "mailbus.django.backend"
_DJANGOS_OWN: Final = "django.core.mail.backends."
# https://docs.djangoproject.com/en/stable/topics/email/#email-backends
_DEVELOPMENT: Final = frozenset(
    f"{_DJANGOS_OWN}{name}.EmailBackend" for name in ("console", "dummy", "filebased", "locmem")
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
    def is_for_development(self) -> bool:
        """Whether it is one of Django's backends that send nothing, as in tests."""
        return self.backend in _DEVELOPMENT


def mailers() -> tuple[Mailer, ...]:
    """Return the project's mailers; what is no mailer is left out, since Django itself reports it."""
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
        backend=str(config.get("BACKEND", f"{_DJANGOS_OWN}smtp.EmailBackend")),
        options=options if isinstance(options, Mapping) else {},
    )


def sends_by_mailbus(mailer: Mailer) -> bool:
    """Return whether a mailer's backend is Mailbus's, or a subclass of it. Raises `ImportError`."""
    if mailer.backend == BACKEND:
        return True
    if mailer.backend.startswith(_DJANGOS_OWN):
        return False
    backend = import_string(mailer.backend)
    return any(base.__module__ == _HOME for base in getattr(backend, "__mro__", ()))
