"""The settings of a deployment: typed, by keyword or from a TOML file, and checked at synth."""

from __future__ import annotations

from mailbus_cdk.settings.stage import Settings

__all__ = ["Settings"]
