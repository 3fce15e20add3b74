"""The JSON Schemas of jobs and events that `docs/` publishes; `python -m mailbus.schema docs` writes them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from mailbus.jobs.contract import SendJob
from mailbus.schemas.events import event_schemas


def job_schema() -> dict[str, Any]:
    """Give the JSON Schema (2020-12) of a send job.

    It holds names, types and nesting; what the values have to be beyond that, reading a job tells.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Mailbus send job",
        **msgspec.json.schema(SendJob),
    }


def published() -> dict[str, str]:
    """Give the text of every schema by its path in `docs/`."""
    schemas = {
        "send-job.schema.json": job_schema(),
        **{f"schemas/{event.detail_type}.json": event.schema for event in event_schemas()},
    }
    return {path: json.dumps(schema, indent=2) + "\n" for path, schema in schemas.items()}


def write(folder: Path) -> None:
    """Write them all."""
    for path, text in published().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
