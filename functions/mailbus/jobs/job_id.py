"""A job's id: the caller's key, or the id of the job's SQS message."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

JOB_ID_PATTERN: Final = "[A-Za-z0-9_-]{1,128}"
INVALID_JOB_ID: Final = "must be 1 to 128 characters of A-Z a-z 0-9 _ -"
_JOB_ID: Final = re.compile(JOB_ID_PATTERN)


def is_job_id(value: object) -> TypeGuard[str]:
    """Return whether a value, of any type, can be the id of a job."""
    return isinstance(value, str) and _JOB_ID.fullmatch(value) is not None


def job_id_of(document: Mapping[str, object], message_id: str) -> str:
    """Return the id of a job that may be invalid otherwise; SQS's `message_id` if it has no valid one."""
    job_id = document.get("job_id")
    return job_id if is_job_id(job_id) else message_id
