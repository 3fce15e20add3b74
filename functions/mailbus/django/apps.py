"""The app `mailbus.django` for `INSTALLED_APPS`: it adds Mailbus's checks to `manage.py check`.

The backend works without it.
"""

from __future__ import annotations

from django.apps import AppConfig
from django.core import checks

from mailbus.django.checks import check_settings
from mailbus.django.deployment_checks import check_deployment

TAG = "mailbus"


class MailbusConfig(AppConfig):
    """The app. Its label is not the package's last name, `django`, which says nothing among other apps."""

    name = "mailbus.django"
    label = "mailbus"
    verbose_name = "Mailbus"

    def ready(self) -> None:
        """Register the checks."""
        checks.register(check_settings, TAG)
        checks.register(check_deployment, TAG, deploy=True)
