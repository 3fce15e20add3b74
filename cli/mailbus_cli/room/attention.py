"""What needs attention: a few words with a link each, and a sentence on whether mail flows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from mailbus_cli.room.doctor_run import DoctorRun
    from mailbus_cli.room.readings import Reading

_DEAD_LETTERS_ALARM: Final = "DeadLetters"
_LANE_ALARM: Final = "LanePaused"


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """Something that needs attention, and where to read more."""

    text: str
    path: str


def items(reading: Reading, run: DoctorRun | None) -> tuple[Item, ...]:
    """Return all that needs attention, the worst first."""
    limits, queues = reading.limits.value, reading.queues.value
    known = _known(reading)
    found: list[Item] = []
    if limits and not limits.is_enabled:
        found.append(Item(text="sending is paused", path="/overview#queues"))
    found += [
        Item(text=f"the {event.lane} lane is paused", path="/overview#queues")
        for event in reading.lanes.value or ()
    ]
    if limits and not limits.left and limits.left is not None:
        found.append(Item(text="the 24-hour quota is used up", path="/overview#quota"))
    letters = queues.dead_letters if queues else {}
    if letters:
        count = sum(letters.values())
        text = f"{count:,} dead letter{'' if count == 1 else 's'}"
        found.append(Item(text=text, path=f"/dead-letters/{next(iter(letters))}"))
    found += [
        Item(text=f"alarm {name}", path="/overview#alarms")
        for name, _ in reading.alarms.value or ()
        # the letters are there already, and so is the lane
        if not (letters and name.endswith(_DEAD_LETTERS_ALARM))
        and not (reading.lanes.value and name == _LANE_ALARM)
    ]
    found += [
        Item(text=finding.title, path=f"/overview#doctor-{finding.check}")
        for finding in (run.problems if run else ())
        if finding.check not in known
    ]
    return tuple(found)


def _known(reading: Reading) -> frozenset[str]:
    """Return the checks of the doctor of which the reading says how it is now."""
    limits = reading.limits.value
    checks = {
        "alarms": reading.alarms.value is not None,
        "dead-letters": reading.queues.value is not None,
        "lanes": reading.lanes.value is not None,
        "quota": limits is not None,
        # a configuration set may be paused too
        "sending": limits is not None and not limits.is_enabled,
    }
    return frozenset(name for name, is_known in checks.items() if is_known)


def flow(reading: Reading) -> str:
    """Return whether mail flows, as a sentence."""
    limits, pace, queues = reading.limits.value, reading.pace.value, reading.queues.value
    waiting = queues.waiting if queues else None
    if limits and not limits.is_enabled:
        return "Mail waits until sending is resumed; nothing is lost."
    if limits and limits.left == 0:
        return "Mail waits until older mail is 24 hours old; nothing is lost."
    for event in reading.lanes.value or ():
        return f"Mail of the {event.lane} lane waits until it is resumed; nothing is lost."
    if pace and pace.now:
        return "Mail is flowing."
    if waiting:
        return f"{waiting:,} job{' waits' if waiting == 1 else 's wait'}."
    return "No mail is on its way." if pace and waiting == 0 else ""
