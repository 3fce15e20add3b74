"""What DynamoDB lets through: write units a second, for each item and for the table.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

ITEM_UNITS: Final = 1000.0
# of a table that is new and has no warm throughput
NEW_TABLE_UNITS: Final = 4000.0
UNIT_BYTES: Final = 1024
READ_UNIT_BYTES: Final = 4096
COLLECTION_BYTES: Final = 3
# in units: differences of epoch seconds lose that much precision
TOLERANCE: Final = 0.001


class Capacity:
    """A token bucket for each key, which holds one second of `units`. `clock` returns seconds."""

    def __init__(self, units: float, clock: Callable[[], float]) -> None:
        self._units = units
        self._clock = clock
        self._tokens: dict[Hashable, tuple[float, float]] = {}

    def has(self, key: Hashable, units: float) -> bool:
        """Return whether so many units are left."""
        return self._left(key) + TOLERANCE >= units

    def take(self, key: Hashable, units: float) -> None:
        """Use up so many units."""
        self._tokens[key] = (self._left(key) - units, self._clock())

    def _left(self, key: Hashable) -> float:
        known = self._tokens.get(key)
        if known is None:
            return self._units
        left, at = known
        return min(self._units, left + (self._clock() - at) * self._units)


def item_bytes(item: Mapping[str, Any]) -> int:
    """Return an item's size as DynamoDB counts it, in bytes.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(attribute: Mapping[str, Any]) -> int:
    ((kind, value),) = attribute.items()
    match kind:
        case "S":
            return len(value.encode())
        case "N":
            return len(value.strip("-0.").replace(".", "")) // 2 + 2
        case "M":
            return COLLECTION_BYTES + len(value) + item_bytes(value)
        case "L":
            return COLLECTION_BYTES + len(value) + sum(map(_value_bytes, value))
        case _:
            return len(value) if kind == "B" else 1
