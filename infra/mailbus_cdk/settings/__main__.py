"""Writes the settings' reference: `python -m mailbus_cdk.settings docs`."""

from __future__ import annotations

import sys
from pathlib import Path

from mailbus_cdk.settings.reference import page

if __name__ == "__main__":
    (Path(sys.argv[1]) / "settings.md").write_text(page(), encoding="utf-8")
