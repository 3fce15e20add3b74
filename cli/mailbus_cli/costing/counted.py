"""What a mail uses, as it was counted: `counted.json`, which `make cost` writes, and `deployed.json`.

`make goldens` writes the second from the templates.
"""

from __future__ import annotations

import functools
from importlib import resources
from typing import Any, Final, Literal

import msgspec

#: `mailing`: all mail is on the queue, and leaves at the account's rate. `alone`: mails come one at a time.
Load = Literal["mailing", "alone"]
COUNTED: Final = "counted.json"
DEPLOYED: Final = "deployed.json"


class FunctionUse(msgspec.Struct, frozen=True, kw_only=True):
    """What a function uses: for each mail the sender, for each event the others.

    `requests` are those of SQS to receive and delete, each of up to 64 KB.
    """

    invocations: float
    seconds: float
    requests: float
    write_units: float
    read_units: float
    log_bytes: float


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One simulation: at so many mails a second, with or without `email.sent` on the bus.

    `event_bytes` is the mean size of an event on the bus, `ledger_bytes` what the ledger stores of a mail,
    and `timeline_bytes` the timeline of an event.
    """

    load: Load
    rate: float
    sent: bool
    event_bytes: float
    ledger_bytes: float
    timeline_bytes: float
    sender: FunctionUse
    tracking: FunctionUse
    timeline: FunctionUse


class Resources(msgspec.Struct, frozen=True, kw_only=True):
    """What is paid for by the month: metrics that alarms watch, keys, secrets, dashboards and queues.

    `custom_metrics` are those of Mailbus's own that an alarm or a dashboard shows. `pollers` is how many
    queues Lambda asks for messages all the time.
    """

    alarm_metrics: int
    custom_metrics: int
    dashboards: int
    keys: int
    secrets: int
    pollers: int

    def __add__(self, other: Resources) -> Resources:
        """Return both together."""
        names = self.__struct_fields__
        return Resources(**{name: getattr(self, name) + getattr(other, name) for name in names})


class Deployed(msgspec.Struct, frozen=True, kw_only=True):
    """The resources of every stage, and what those of some settings add."""

    every: Resources
    timeline: Resources
    inbound: Resources
    webhook: Resources


@functools.cache
def points() -> tuple[Point, ...]:
    """Return the simulations that were counted."""
    return msgspec.json.decode(_read(COUNTED), type=tuple[Point, ...])


@functools.cache
def deployed() -> Deployed:
    """Return the resources that a stage deploys."""
    return msgspec.json.decode(_read(DEPLOYED), type=Deployed)


def written(value: Any) -> bytes:  # noqa: ANN401 - points or resources
    """Return the text of a file, as it is committed."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def nearest(rate: float, load: Load, *, sent: bool) -> Point:
    """Return the simulation of the highest rate that is no higher, or else of the lowest."""
    found = sorted(
        (point for point in points() if point.load == load and point.sent == sent),
        key=lambda point: point.rate,
    )
    lower = [point for point in found if point.rate <= rate]
    return lower[-1] if lower else found[0]


def _read(name: str) -> bytes:
    return resources.files("mailbus_cli.costing").joinpath(name).read_bytes()
