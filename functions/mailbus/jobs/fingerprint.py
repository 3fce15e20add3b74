"""The fingerprint of a job document: jobs with the same id and fingerprint are the same job."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from mailbus.jobs.defaults import without_nulls
from mailbus.jobs.strict_json import refuse_invalid_values

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

FINGERPRINT_CHARACTERS: Final = 32


def fingerprint(document: Mapping[str, Any]) -> str:
    """Return a hash of a document's content, whatever the order of its keys.

    32 hexadecimal digits. `job_id` and null fields do not count. Raises `InvalidJob` if a string has half of
    a surrogate pair.
    """
    content = {name: value for name, value in without_nulls(document).items() if name != "job_id"}
    try:
        canonical = msgspec.json.encode(content, order="sorted")
    except UnicodeEncodeError:
        refuse_invalid_values(document)
    return hashlib.sha256(canonical).hexdigest()[:FINGERPRINT_CHARACTERS]
