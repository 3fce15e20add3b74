"""Which call gets which fault: from the seed and the count of calls, never from the time."""

from __future__ import annotations

import random
import threading
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from bench.chaos.calls import Call, Fault, Service

if TYPE_CHECKING:
    from collections.abc import Sequence


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A fault of calls of a function to a service.

    It happens `times`, each for `burst` calls one after the other, with `gap` calls between on average. Of
    no `operations` are all meant, and only calls with `content` in their body. An error has `code` and
    `status`; a kill has the `point` of the worker's work.
    """

    function: str
    service: Service
    fault: Fault
    times: int
    gap: int
    operations: tuple[str, ...] = ()
    content: bytes = b""
    burst: int = 1
    code: str = ""
    status: int = 0
    point: str = ""

    def applies_to(self, call: Call) -> bool:
        """Return whether a call is one of those that it is about."""
        return (
            (self.function, self.service) == (call.function, call.service)
            and (not self.operations or call.operation in self.operations)
            and self.content in call.body
        )

    @property
    def is_kill(self) -> bool:
        """Whether it kills workers."""
        return self.fault in {"killed before", "killed after"}

    @property
    def planned(self) -> int:
        """How many calls have the fault when it has happened as often as it is to."""
        return self.times * self.burst

    def scaled(self, scale: float) -> Rule:
        """Return the rule for another size of load: at least one time."""
        return msgspec.structs.replace(self, times=max(1, round(self.times * scale)))


class _Counted:
    """A rule with the calls that it has seen, and the number of the call at which it is due next."""

    def __init__(self, rule: Rule, chance: random.Random) -> None:
        self.rule = rule
        self.seen = 0
        self.happened = 0
        self._begun = 0
        self._in_burst = 0
        self._chance = chance
        self._due = chance.randint(1, rule.gap)

    @property
    def done(self) -> bool:
        return self._begun >= self.rule.times and not self._in_burst

    def is_due(self) -> bool:
        return bool(self._in_burst) or (self._begun < self.rule.times and self.seen >= self._due)

    def take(self) -> None:
        if not self._in_burst:
            self._begun += 1
            self._in_burst = self.rule.burst
            self._due = self.seen + self._chance.randint(max(1, self.rule.gap // 2), self.rule.gap * 3 // 2)
        self._in_burst -= 1
        self.happened += 1


class Plan:
    """Decides on each call; threads may share it.

    A rule that is due when another one has the call is due at the next call. `stop` ends all faults.
    """

    def __init__(self, rules: Sequence[Rule], seed: int) -> None:
        self._lock = threading.Lock()
        self._stopped = False
        self._rules = [
            _Counted(rule, random.Random(f"{seed}:{place}"))  # noqa: S311 - the choice of faults, no secret
            for place, rule in enumerate(rules)
        ]
        self._calls: Counter[tuple[Service, str]] = Counter()

    def decide(self, call: Call) -> Rule | None:
        """Return what happens to a call; None if it is passed on."""
        with self._lock:
            self._calls[call.service, call.operation] += 1
            if self._stopped:
                return None
            matching = [each for each in self._rules if each.rule.applies_to(call)]
            for each in matching:
                each.seen += 1
            due = next((each for each in matching if each.is_due()), None)
            if due is None:
                return None
            due.take()
            return due.rule

    def done(self) -> bool:
        """Return whether each rule has happened as often as it is to."""
        with self._lock:
            return all(each.done for each in self._rules)

    def stop(self) -> None:
        """Let all calls pass from now on."""
        with self._lock:
            self._stopped = True

    def calls(self, service: Service, *operations: str) -> int:
        """Return how many calls of these operations there were."""
        with self._lock:
            return sum(self._calls[service, operation] for operation in operations)

    def happened(self) -> list[tuple[Rule, int]]:
        """Return each rule with how many calls it was applied to."""
        with self._lock:
            return [(each.rule, each.happened) for each in self._rules]
