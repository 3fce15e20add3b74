"""The job's JSON Schema, generated from its types: `python -m mailbus.schema` writes it."""

from __future__ import annotations

import json
import sys
from typing import Any

import msgspec

from mailbus.send_job import SendJob


def job_schema() -> dict[str, Any]:
    """Give the JSON Schema (2020-12) of a send job.

    It holds names, types and nesting; what the values have to be beyond that, reading a job tells.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Mailbus send job",
        **msgspec.json.schema(SendJob),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(job_schema(), indent=2) + "\n")
