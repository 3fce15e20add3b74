"""The settings of the stage `local`: those of the folder's `mailbus.toml`, or those of this package."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final

import msgspec

from mailbus.stages import LOCAL
from mailbus_cdk.settings import Settings
from mailbus_cdk.settings.tables import SessionParams

PACKAGED: Final = Path(__file__).with_name("mailbus.toml")

# What a stage may have from the defaults of its file, and what does not exist on this machine: functions of
# another architecture, a DNS zone, SES of another account.
_HERE: Final[dict[str, Any]] = {
    "architecture": "host",
    "hosted_zone_id": None,
    "session_params": SessionParams(),
}


def settings_file(folder: Path) -> Path:
    """Return the folder's `mailbus.toml` if it has the stage `local`, or is no TOML; else this package's."""
    own = folder / "mailbus.toml"
    try:
        stages = tomllib.loads(own.read_text(encoding="utf-8")).get("stages")
    except FileNotFoundError:
        return PACKAGED
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return own
    return own if isinstance(stages, dict) and LOCAL in stages else PACKAGED


def load_settings(path: Path) -> Settings:
    """Return the settings of the stage `local`, for this machine. Raises `ConfigurationError`."""
    return msgspec.structs.replace(Settings.load(path, LOCAL), **_HERE)
