"""Refuses AWS access keys in settings, which are committed and copied."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mailbus.validation import ValidationError

if TYPE_CHECKING:
    from mailbus.validation import Path

# Names under which people write access keys, and the form of their ids
# (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids).
_ACCESS_KEY_NAME: Final = re.compile(r"(access_?key|secret_?key|secret_access|session_token)", re.IGNORECASE)
_ACCESS_KEY_ID: Final = re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b")
_REASON: Final = (
    "access keys do not belong in a file that is committed and copied; remove it, revoke the key, "
    "and let AWS_PROFILE or the environment provide credentials"
)


def refuse(value: object, path: Path = ()) -> None:
    """Raise `ValidationError`, which does not quote the key, if a plain value has an access key in it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if _ACCESS_KEY_NAME.search(str(key)):
                raise ValidationError((*path, key), _REASON)
            refuse(inner, (*path, key))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            refuse(inner, (*path, index))
    elif isinstance(value, str) and _ACCESS_KEY_ID.search(value):
        raise ValidationError(path, _REASON)
