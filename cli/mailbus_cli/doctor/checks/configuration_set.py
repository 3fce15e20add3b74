"""The configuration sets exist."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mailbus_cli.doctor import elsewhere
from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.checks.sending import configuration_set
from mailbus_cli.doctor.verdict import Verdict, combined, ok, problem, warning

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus_cli.doctor.facts import Facts


def judge(name: str, found: Mapping[str, Any] | None, *, own: bool) -> Verdict:
    """Judge the answer of GetConfigurationSet, None if there is no such set; `own` is the stage's own."""
    if found is None:
        bad = problem if own else warning
        return bad(
            f"there is no configuration set {name}: SES refuses mail with it",
            fix="create it again, with its event destination (event-destinations)",
            record=f"aws sesv2 create-configuration-set --configuration-set-name {name}",
        )
    reasons = (found.get("SuppressionOptions") or {}).get("SuppressedReasons")
    if reasons == []:
        return warning(
            f"{name} does not use the account's suppression list: mail goes to addresses that bounced",
            fix="use it",
            record=f"aws sesv2 put-configuration-set-suppression-options --configuration-set-name {name}"
            " --suppressed-reasons BOUNCE COMPLAINT",
        )
    return ok(name)


def _run(facts: Facts) -> Verdict:
    if facts.ses_role:
        return elsewhere.unchecked_account(facts.ses_role)
    names = facts.configuration_sets
    verdicts = [
        judge(name, configuration_set(facts, name), own=place == 0) for place, name in enumerate(names)
    ]
    return combined(verdicts, fine=", ".join(names))


CHECK: Final = Check(
    name="configuration-set", title="Configuration set", rights=("ses:GetConfigurationSet",), run=_run
)
