"""The JSON Schemas and TypeScript declarations of jobs and events, as they are published in `docs/`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from mailbus.jobs.contract import SendJob
from mailbus.schemas.events import event_schemas
from mailbus.schemas.typescript import declarations

if TYPE_CHECKING:
    from pathlib import Path


def job_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a send job: names, types and nesting.

    Everything else is checked when a job is parsed.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Mailbus send job",
        **msgspec.json.schema(SendJob),
    }


def published() -> dict[str, str]:
    """Return the text of every published file by its path in `docs/`."""
    schemas = {
        "send-job.schema.json": job_schema(),
        **{f"schemas/{event.detail_type}.json": event.schema for event in event_schemas()},
    }
    texts = {path: json.dumps(schema, indent=2) + "\n" for path, schema in schemas.items()}
    return {"mailbus.d.ts": declarations(), **texts}


def write(folder: Path) -> None:
    """Write every published file into `folder`."""
    for path, text in published().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
