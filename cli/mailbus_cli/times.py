"""Times as people read them: of this machine's time zone with its offset, or in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Final

MILLISECOND: Final = 1000


class Times:
    """Shows times in one zone; None is that of this machine, with the offset of each time."""

    def __init__(self, zone: tzinfo | None = None) -> None:
        self._zone = zone

    @classmethod
    def of(cls, *, utc: bool) -> Times:
        """Return times in UTC, or in this machine's zone."""
        return cls(UTC if utc else None)

    def here(self, at: datetime) -> datetime:
        """Return a time in the zone."""
        return at.astimezone(self._zone)

    def whole(self, at: datetime) -> str:
        """Return date, time and offset: `2026-11-28 14:31:58+01:00`."""
        return f"{self.here(at):%Y-%m-%d %H:%M:%S}{self.offset(at)}"

    def day(self, at: datetime) -> str:
        """Return the date and the offset: `2026-11-28, UTC+01:00`."""
        offset = self.offset(at)
        return f"{self.here(at):%Y-%m-%d}, {'UTC' if offset == 'Z' else f'UTC{offset}'}"

    def clock(self, at: datetime) -> str:
        """Return the time of day, with milliseconds if it has any: SES gives whole seconds of some events."""
        here = self.here(at)
        return f"{here:%H:%M:%S}" + (f".{here.microsecond // MILLISECOND:03}" if here.microsecond else "")

    def offset(self, at: datetime) -> str:
        """Return the offset from UTC: `+01:00`, or `Z`."""
        if self._zone is UTC:
            return "Z"
        text = f"{self.here(at):%z}"
        return f"{text[:3]}:{text[3:5]}"


def elapsed(seconds: float) -> str:
    """Return a time span in the unit that suits it: `0.54 s`, `6 min 28 s`, `3 h`, `2 days`."""
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    for unit, length, smaller, part in (
        ("days", 86_400, "h", 3_600),
        ("h", 3_600, "min", 60),
        ("min", 60, "s", 1),
    ):
        if seconds >= length:
            whole, rest = int(seconds // length), int(seconds % length // part)
            name = "day" if unit == "days" and whole == 1 else unit
            return f"{sign}{whole} {name}" + (f" {rest} {smaller}" if rest else "")
    return f"{sign}{seconds:.2f}".rstrip("0").rstrip(".") + " s"
