"""The settings of a deployment: one TOML file, read and checked at synth."""

from __future__ import annotations

from mailbus_cdk.settings.loading import load
from mailbus_cdk.settings.schema import Settings

__all__ = ["Settings", "load"]
