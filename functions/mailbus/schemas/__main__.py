"""Writes the published JSON Schemas: `python -m mailbus.schemas docs`."""

from __future__ import annotations

import sys
from pathlib import Path

from mailbus.schemas.publishing import write

if __name__ == "__main__":
    write(Path(sys.argv[1]))
