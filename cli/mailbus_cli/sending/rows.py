"""Jobs as they come out of a file, and what is wrong with it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from mailbus.jobs.job_id import is_job_id

ID_CHARACTERS: Final = 128
DIGEST_CHARACTERS: Final = 16


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A job, and the line of the file where it begins; 0 for the job of a file that has only one.

    `columns` has the columns of a CSV file by the paths of the job that they became.
    """

    line: int
    job: dict[str, Any]
    columns: Mapping[str, str] = msgspec.field(default_factory=dict)


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a line; `column` is that of a CSV file."""

    line: int
    reason: str
    column: str | None = None

    def text(self, name: str) -> str:
        """Return one line, with the name of the file."""
        where = name if not self.line else f"{name}, line {self.line}"
        return f"{where}, column {self.column}: {self.reason}" if self.column else f"{where}: {self.reason}"


class Jobs(msgspec.Struct, frozen=True, kw_only=True):
    """The jobs of a file, in its order, and what is wrong."""

    name: str
    rows: tuple[Row, ...]
    problems: tuple[Problem, ...] = ()


def derived_id(campaign: str, key: str) -> str:
    """Return the same id for the same key of a campaign: readable if the key can be part of an id."""
    prefix = re.sub(r"[^A-Za-z0-9_-]+", "-", campaign).strip("-")[: ID_CHARACTERS // 2] or "jobs"
    readable = f"{prefix}-{key}"
    if is_job_id(readable):
        return readable
    return f"{prefix}-{hashlib.sha256(key.encode(errors='surrogatepass')).hexdigest()[:DIGEST_CHARACTERS]}"
