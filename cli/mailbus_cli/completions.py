"""Values that the shell completes: stages of `mailbus.toml`, and profiles of AWS's configuration."""

from __future__ import annotations

import configparser
import os
import tomllib
from pathlib import Path


def stage_names(incomplete: str) -> list[str]:
    """Return the stages of this folder's `mailbus.toml` that begin so."""
    try:
        stages = tomllib.loads(Path("mailbus.toml").read_text(encoding="utf-8")).get("stages")
    except (OSError, ValueError):
        return []
    return [name for name in stages if name.startswith(incomplete)] if isinstance(stages, dict) else []


def profile_names(incomplete: str) -> list[str]:
    """Return the profiles that begin so."""
    # https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html
    folder = Path("~/.aws").expanduser()
    files = (
        os.environ.get("AWS_CONFIG_FILE") or folder / "config",
        os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or folder / "credentials",
    )
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read(files, encoding="utf-8")
    except (configparser.Error, ValueError):
        return []
    kinds = (section.split() for section in parser.sections())
    names = {kind[-1] for kind in kinds if len(kind) == 1 or kind[0] == "profile"}
    return sorted(name for name in names if name.startswith(incomplete))
