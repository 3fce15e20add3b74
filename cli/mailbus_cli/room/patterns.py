"""EventBridge patterns made of an event: what a rule matches to get events like it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

#: By event type what tells one kind of it from others, as paths within the detail.
_TELLING: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "bounced": (("reject_reason",), ("bounce", "type")),
    "complained": (("complaint", "feedback_type"),),
    "deferred": (("delay", "type"),),
    "failed": (("error_code",),),
    "rejected": (("reject_reason",), ("error_code",)),
    "opened": (("bot",),),
    "clicked": (("bot",),),
}


class Pattern(msgspec.Struct, frozen=True, kw_only=True):
    """A pattern with its name, and what it matches in words."""

    name: str
    sentence: str
    pattern: dict[str, Any]

    @property
    def text(self) -> str:
        """The pattern as JSON, to be copied into a rule."""
        return msgspec.json.format(msgspec.json.encode(self.pattern), indent=2).decode()

    def matches(self, entry: Mapping[str, Any]) -> bool:
        """Return True if EventBridge matches an event by this pattern: it has equality of values only."""
        return _matches(self.pattern, entry)


def patterns(entry: Mapping[str, Any]) -> tuple[Pattern, ...]:
    """Return patterns of an event as it was on the bus: this kind, this type, its job, each of its tags."""
    detail: Mapping[str, Any] = entry.get("detail") or {}
    base = {"source": [entry.get("source", "mailbus")]}
    event_type = str(detail.get("event_type", "unknown"))
    of_type = {**base, "detail-type": [entry.get("detail-type", f"email.{event_type}")]}
    telling = _telling(event_type, detail)
    found = []
    if telling:
        values = " · ".join(_leaves(telling))
        found.append(
            Pattern(
                name="Like this", sentence=f"{event_type}: {values}", pattern={**of_type, "detail": telling}
            )
        )
    found.append(Pattern(name=event_type.capitalize(), sentence=f"All {event_type} events.", pattern=of_type))
    if detail.get("job_id"):
        job = {**base, "detail": {"job_id": [detail["job_id"]]}}
        found.append(Pattern(name="This job", sentence="All events of this job.", pattern=job))
    for tag in (detail.get("tags") or ())[:3]:
        tagged = {**base, "detail": {"tags": [tag]}}
        found.append(Pattern(name=f"Tag {tag}", sentence="All events of mail with this tag.", pattern=tagged))
    return tuple(found)


def _telling(event_type: str, detail: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path in _TELLING.get(event_type, ()):
        value: Any = detail
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        if value is None:
            continue
        inner = found
        for name in path[:-1]:
            inner = inner.setdefault(name, {})
        inner[path[-1]] = [value]
    return found


def _leaves(pattern: Mapping[str, Any]) -> list[str]:
    leaves: list[str] = []
    for value in pattern.values():
        leaves += _leaves(value) if isinstance(value, dict) else [str(each) for each in value]
    return leaves


def _matches(pattern: Mapping[str, Any], value: Mapping[str, Any]) -> bool:
    for name, wanted in pattern.items():
        actual = value.get(name)
        if isinstance(wanted, dict):
            if not isinstance(actual, dict) or not _matches(wanted, actual):
                return False
        elif not any(each in wanted for each in (actual if isinstance(actual, list | tuple) else [actual])):
            return False
    return True
