"""The settings of the Django project that django-anymail is measured in."""

from __future__ import annotations

from django.conf import settings


def configure() -> None:
    """Configure Django, once in a process."""
    if not settings.configured:
        settings.configure(ANYMAIL={"WEBHOOK_SECRET": "bench:bench"}, USE_TZ=True)
