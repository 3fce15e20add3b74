"""Jobs too large for a message, which are stored in the deployment's jobs bucket and sent as a reference."""

from __future__ import annotations

import hashlib
from typing import Final, Literal

# Jobs on a queue, and jobs that a schedule will put there: they are kept for different times.
Prefix = Literal["jobs/", "scheduled/"]
JOBS_PREFIX: Final = "jobs/"
SCHEDULED_PREFIX: Final = "scheduled/"
_DIGEST_CHARACTERS: Final = 32


def object_key(prefix: Prefix, job_id: str, body: bytes) -> str:
    """Return the key of a job's document in the jobs bucket; the same document always has the same key."""
    return f"{prefix}{job_id}/{hashlib.sha256(body).hexdigest()[:_DIGEST_CHARACTERS]}.json"
