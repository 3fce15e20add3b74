"""The jobs of a JSON file: one object, an array of them, or one on each line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mailbus.errors import InvalidJob
from mailbus.jobs.fingerprint import FINGERPRINT_CHARACTERS, fingerprint
from mailbus.jobs.strict_json import read_document
from mailbus_cli.errors import CommandError
from mailbus_cli.sending.rows import Jobs, Problem, Row, derived_id

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def read_text(path: Path) -> str:
    """Return a text file's content, in UTF-8 with or without a byte order mark."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        reason = f"{path}: byte {error.start} is not UTF-8"
        raise CommandError(reason, hint="save the file as UTF-8 (in Excel: CSV UTF-8)") from error


def read_object(text: str, name: str) -> dict[str, Any]:
    """Return the only object of a file. Raises `CommandError`."""
    try:
        return read_document(text)
    except InvalidJob as error:
        reason = f"{name}: {error}"
        raise CommandError(reason, hint="a job is one JSON object: `mailbus schema job`") from error


def read_jobs(text: str, name: str, fields: Mapping[str, Any], *, campaign: str) -> Jobs:
    """Return the jobs of a file; `fields` replace those of each.

    Jobs of a file with several, which have no id, get one of their content, so that a second run enqueues
    the same jobs.
    """
    stripped = text.strip()
    if not stripped:
        reason = f"{name} is empty"
        raise CommandError(reason, hint="a job is one JSON object: `mailbus schema job`")
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if len(lines) == 1 or not _is_whole(lines[0][1]):
        return Jobs(name=name, rows=(Row(line=0, job={**read_object(stripped, name), **fields}),))
    rows: list[Row] = []
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    for number, line in lines:
        try:
            job = {**read_document(line), **fields}
            job_id = job.get("job_id") or derived_id(campaign, fingerprint(job)[:FINGERPRINT_CHARACTERS])
        except InvalidJob as error:
            problems.append(Problem(line=number, reason=str(error)))
            continue
        first = seen.setdefault(str(job_id), number)
        if first != number:
            problems.append(Problem(line=number, reason=f"is the same job as line {first}"))
            continue
        rows.append(Row(line=number, job={**job, "job_id": job_id}))
    return Jobs(name=name, rows=tuple(rows), problems=tuple(problems))


def _is_whole(line: str) -> bool:
    """Return whether a line is a JSON value by itself, so that each line is a job."""
    try:
        msgspec.json.decode(line)
    except msgspec.DecodeError:
        return False
    return True
