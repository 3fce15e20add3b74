"""The last run of the doctor, for as long as the room runs."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus_cli import doctor
from mailbus_cli.doctor.report import worst_first
from mailbus_cli.doctor.verdict import Finding

if TYPE_CHECKING:
    from mailbus_cli.deployment import Deployment

# It removes what killed runs of `mailbus tail` left; a room that only reads must not.
SKIPPED: Final = ("tails",)
_COMMANDS: Final = ("aws ", "mailbus ")


class DoctorRun(msgspec.Struct, frozen=True, kw_only=True):
    """What a run found, problems first, and when it ended after how many seconds."""

    findings: tuple[Finding, ...]
    at: datetime
    seconds: float

    @property
    def open(self) -> tuple[Finding, ...]:
        """What is not fine."""
        return tuple(one for one in self.findings if one.level != "ok")

    @property
    def fine(self) -> tuple[Finding, ...]:
        """What is fine."""
        return tuple(one for one in self.findings if one.level == "ok" and one.checked)

    @property
    def unchecked(self) -> tuple[Finding, ...]:
        """What was not checked."""
        return tuple(one for one in self.findings if one.level == "ok" and not one.checked)

    @property
    def problems(self) -> tuple[Finding, ...]:
        """What stops or endangers mail."""
        return tuple(one for one in self.findings if one.level == "problem")


class Doctor:
    """Runs the doctor on a deployment, once at a time; `last` is None before the first run."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._lock = threading.Lock()
        self.last: DoctorRun | None = None

    def run(self) -> None:
        """Run it; whoever asks while it runs waits for that run."""
        before = self.last
        with self._lock:
            if self.last is not before:
                return
            begun = time.monotonic()
            findings = doctor.run(self._deployment, skip=SKIPPED)
            self.last = DoctorRun(
                findings=tuple(worst_first(findings)),
                at=datetime.now(UTC),
                seconds=time.monotonic() - begun,
            )


def kind_of_record(record: str) -> str:
    """Return what a button that copies a finding's record says: `Copy command`, `Copy records`."""
    if record.startswith(_COMMANDS):
        return "Copy command"
    return "Copy records" if "\n" in record else "Copy record"
