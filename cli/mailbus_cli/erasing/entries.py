"""Removes an address from the entries of events that stay, since they are of other recipients. Pure.

SES's JSON of each recipient's event names all recipients of its message.
"""

from __future__ import annotations

import re
from typing import Any, Final

ERASED: Final = "erased"


def without(value: Any, address: str) -> Any:  # noqa: ANN401 - any JSON
    """Return JSON with `erased` in place of the address, whatever its case and wherever it stands."""
    pattern = re.compile(rf"(?<![\w.+-]){re.escape(address)}(?![\w-]|\.\w)", re.IGNORECASE)
    return _replaced(value, pattern)


def _replaced(value: Any, pattern: re.Pattern[str]) -> Any:  # noqa: ANN401 - as above
    if isinstance(value, str):
        return pattern.sub(ERASED, value)
    if isinstance(value, list):
        return [_replaced(each, pattern) for each in value]
    if isinstance(value, dict):
        return {pattern.sub(ERASED, name): _replaced(each, pattern) for name, each in value.items()}
    return value
