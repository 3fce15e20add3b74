"""The rules between receipt rules: names, recipients, and mail that two of them would store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailbus_cdk.settings.schema import DEFAULT_ENCODING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailbus.validation import Path
    from mailbus_cdk.settings.schema import Inbound, Rule


def findings(inbound: Inbound) -> Iterator[tuple[Path, str]]:
    """Yield what is wrong with each rule, given those before it."""
    if inbound.domain is None:
        return
    for index, rule in enumerate(inbound.rules):
        before = inbound.rules[:index]
        reasons = {
            "name": f"{rule.name} is the name of another rule"
            if any(other.name == rule.name for other in before)
            else None,
            "recipients": _wrong_recipients(rule, before, inbound.domain),
            "action": _conflict(rule, before, inbound.domain),
            "encoding": 'is for mail in notifications, which action = "sns" selects; remove it'
            if rule.action == "s3" and rule.encoding != DEFAULT_ENCODING
            else None,
        }
        for key, reason in reasons.items():
            if reason:
                yield ("inbound", "rules", index, key), reason


def _wrong_recipients(rule: Rule, before: tuple[Rule, ...], domain: str) -> str | None:
    for recipient in rule.recipients:
        if not f".{recipient.rpartition('@')[2].lstrip('.')}".endswith(f".{domain}"):
            return f"{recipient} is not of inbound.domain ({domain}) or a domain below it"
        if rule.recipients.count(recipient) > 1:
            return f"{recipient} is named twice"
        if "*" in recipient:
            return f"{recipient} would match only that very address: SES has no patterns; name {domain}"
    for other in before:
        stops = other.stop and other.enabled
        if stops and all(
            _matches(other.recipients or (domain,), own) for own in rule.recipients or (domain,)
        ):
            return f"rule {other.name} before it takes all of this mail and stops; move it after this one"
    return None


def _conflict(rule: Rule, before: tuple[Rule, ...], domain: str) -> str | None:
    """Return why a mail would be stored twice, by an earlier rule and by this one, under the same keys."""
    for other in before:
        if not (other.enabled and rule.enabled) or other.stop:
            continue
        actions = {_action(other), _action(rule)}
        if len(actions) > 1 and ("sns, UTF-8" in actions or _overlap(other, rule, domain)):
            return (
                f"rule {other.name} before it has another action ({_action(other)}, here {_action(rule)}) "
                "and does not stop: of a mail to both, each would overwrite what the other stored; set "
                "stop = true there, or give both the same action and encoding"
            )
    return None


def _action(rule: Rule) -> str:
    return rule.action if rule.action == "s3" else f"sns, {rule.encoding}"


def _overlap(one: Rule, other: Rule, domain: str) -> bool:
    ours, theirs = one.recipients or (domain,), other.recipients or (domain,)
    return any(_matches(ours, each) for each in theirs) or any(_matches(theirs, each) for each in ours)


def _matches(conditions: tuple[str, ...], recipient: str) -> bool:
    """Return True if a rule with these recipients takes all mail to a recipient of another rule."""
    local, at, domain = recipient.rpartition("@")
    # An address also matches with any label:
    # https://docs.aws.amazon.com/ses/latest/dg/receiving-email-receipt-rules-console-walkthrough.html
    unlabelled = f"{local.partition('+')[0]}{at}{domain}"
    below = domain if domain.startswith(".") else f".{domain}"
    return any(
        condition in {recipient, unlabelled, domain}
        or (condition.startswith(".") and below.endswith(condition) and domain != condition[1:])
        for condition in conditions
    )
