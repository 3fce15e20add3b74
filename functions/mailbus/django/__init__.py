"""Django's mail by Mailbus: `EMAIL_BACKEND = "mailbus.django.EmailBackend"`.

The backend is loaded on first use: a project's commands that send no mail do not load AWS's client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailbus.django.backend import EmailBackend
    from mailbus.django.errors import BadHeader, InvalidSettings

__all__ = ["BadHeader", "EmailBackend", "InvalidSettings"]


def __getattr__(name: str) -> object:
    """Return the backend or an error from its module."""
    if name not in __all__:
        reason = f"module 'mailbus.django' has no attribute {name!r}"
        raise AttributeError(reason)
    from mailbus.django import backend, errors  # noqa: PLC0415 - see above

    return getattr(backend if name == "EmailBackend" else errors, name)
