"""Writes the JSON Schemas and TypeScript declarations into a folder: `python -m mailbus.schemas FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

from mailbus.schemas.publishing import write

USAGE = "usage: python -m mailbus.schemas FOLDER (writes mailbus.d.ts, send-job.schema.json and schemas/)"

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):  # noqa: PLR2004 - the program and the folder
        sys.exit(USAGE)
    try:
        write(Path(sys.argv[1]))
    except OSError as error:
        sys.exit(f"{error.filename}: {error.strerror}; name a folder that can be written")
