"""Which faults a schedule has, and how often."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    import random


class Faults(msgspec.Struct, frozen=True, kw_only=True):
    """The probability of each fault.

    A process's call of a service is its last (`death`); a request or its answer is `lost`; a service has an
    `error`, before or after it did what was asked; it puts only a `part` of a batch; SES is `slow`; a message
    is received `twice`. Of SES's notifications some are `repeated`, some `late`: more than `doubt_seconds`.
    """

    death: float = 0.0
    lost: float = 0.0
    error: float = 0.0
    part: float = 0.0
    slow: float = 0.0
    twice: float = 0.0
    repeated: float = 0.0
    late: float = 0.0


NONE: Final = Faults()
# How often a fault happens that a schedule has: some schedules have few, so that each is seen alone.
CHOICES: Final[dict[str, tuple[float, ...]]] = {
    "death": (0.0, 0.01, 0.03, 0.1),
    "lost": (0.0, 0.0, 0.02, 0.1),
    "error": (0.0, 0.0, 0.02, 0.1),
    "part": (0.0, 0.0, 0.1),
    "slow": (0.0, 0.0, 0.05),
    "twice": (0.0, 0.05, 0.2),
    "repeated": (0.0, 0.2),
    "late": (0.0, 0.0, 0.0, 0.2),
}


def draw(chance: random.Random) -> Faults:
    """Return the faults of a schedule."""
    return Faults(**{name: chance.choice(choices) for name, choices in CHOICES.items()})


def happens(chance: random.Random, probability: float) -> bool:
    """Draw whether something of this probability happens."""
    return chance.random() < probability
