"""Django's mail by Mailbus: `EMAIL_BACKEND = "mailbus.django.EmailBackend"`."""

from __future__ import annotations

from mailbus.django.backend import EmailBackend

__all__ = ["EmailBackend"]
