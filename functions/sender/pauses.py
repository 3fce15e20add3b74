"""Remembers what SES has paused, so that jobs that wait for it cost no call of SES each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sender.ses.errors import Fault
    from sender.ses.send_bulk_email import BulkRequest
    from sender.ses.send_email import Request

# after SES's last answer, in seconds: then one call asks again
PROBE_SECONDS: Final = 10.0

# The configuration set and the tenant of a call. SES pauses the account, a configuration set or a tenant:
# https://docs.aws.amazon.com/ses/latest/APIReference/API_UpdateConfigurationSetSendingEnabled.html
# https://docs.aws.amazon.com/ses/latest/dg/tenants.html
Scope = tuple[str, str]
Step = Literal["call", "probe", "after", "paused"]


class Pauses:
    """What one worker knows of pauses; `now` is in epoch seconds."""

    def __init__(self) -> None:
        self._probe_at: dict[Scope, float] = {}

    def steps(self, scopes: Sequence[Scope], now: float) -> list[Step]:
        """Decide for turns with these scopes: make its calls, wait for the turn before it, or wait as paused.

        While a pause is known, one call (the turn's first) asks SES at a time, and all others wait for the
        answer.
        """
        probed: set[Scope] = set()
        steps: list[Step] = []
        for scope in scopes:
            probe_at = self._probe_at.get(scope)
            if probe_at is None:
                steps.append("call")
            elif now < probe_at:
                steps.append("paused")
            else:
                steps.append("after" if scope in probed else "probe")
                probed.add(scope)
        return steps

    def note(self, scope: Scope, answers: Iterable[str | Fault], now: float) -> None:
        """Note SES's answers to a call: any other than that it is paused ends the pause."""
        kinds = {"" if isinstance(answer, str) else answer.kind for answer in answers}
        if "paused" in kinds:
            self._probe_at[scope] = now + PROBE_SECONDS
        elif kinds:
            self._probe_at.pop(scope, None)


def scope_of(request: Request | BulkRequest) -> Scope:
    """Return the scope of a call."""
    params: Mapping[str, str] = request.params
    return params.get("ConfigurationSetName", ""), params.get("TenantName", "")
