"""The shop's app."""

from __future__ import annotations

from django.apps import AppConfig


class ShopConfig(AppConfig):
    """The app; its receivers are connected when it is ready."""

    name = "shop"

    def ready(self) -> None:
        """Connect the receivers."""
        from shop import receivers  # noqa: F401, PLC0415 - needs the models
