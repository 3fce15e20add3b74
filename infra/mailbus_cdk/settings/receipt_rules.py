"""The rules between receipt rules: names, recipients, and mail that two of them would receive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from mailbus_cdk.settings import identities
from mailbus_cdk.settings.receiving import RULE_NAME_CHARACTERS, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailbus.validation import Path
    from mailbus_cdk.settings.schema import StageSettings

# The keys that are of one action alone, with what that action is for.
_KEYS_OF_ACTIONS: Final = {
    "encoding": ("sns", "mail in notifications"),
    **dict.fromkeys(("smtp_reply_code", "status_code", "message", "sender"), ("bounce", "mail that bounces")),
}
_DEFAULTS: Final = {field.name: field.default for field in msgspec.structs.fields(Rule)}


def findings(settings: StageSettings) -> Iterator[tuple[Path, str]]:
    """Yield what is wrong with each rule, given those before it, and domains without a rule."""
    domains, rules = settings.inbound.domains, settings.inbound.rules
    if not domains:
        return
    for index, rule in enumerate(rules):
        before = rules[:index]
        reasons = {
            "name": _wrong_name(rule, before, settings),
            "recipients": _wrong_recipients(rule, before, domains),
            "action": _conflict(rule, before, domains),
            **_keys_of_other_actions(rule),
            **_wrong_bounce(rule, settings),
        }
        for key, reason in reasons.items():
            if reason:
                yield ("inbound", "rules", index, key), reason
    receiving = [rule for rule in rules if rule.action != "bounce"]
    for index, domain in enumerate(domains):
        if rules and not any(_takes_mail_of(rule, domain) for rule in receiving):
            yield ("inbound", "domains", index), f"no rule takes mail of {domain}; add one, or remove it here"


def _wrong_name(rule: Rule, before: tuple[Rule, ...], settings: StageSettings) -> str | None:
    if any(other.name == rule.name for other in before):
        return f"{rule.name} is the name of another rule"
    in_ses = settings.rule_name(rule.name)
    if len(in_ses) > RULE_NAME_CHARACTERS:
        longest = RULE_NAME_CHARACTERS - len(settings.rule_name(""))
        return f"must have at most {longest} characters: SES knows it as {in_ses}"
    return None


def _keys_of_other_actions(rule: Rule) -> dict[str, str]:
    return {
        key: f'is for {what}, which action = "{action}" selects; remove it'
        for key, (action, what) in _KEYS_OF_ACTIONS.items()
        if rule.action != action and getattr(rule, key) != _DEFAULTS[key]
    }


def _wrong_bounce(rule: Rule, settings: StageSettings) -> dict[str, str]:
    if rule.action != "bounce":
        return {}
    reasons = {}
    if rule.status_code[0] != rule.smtp_reply_code[0]:
        # https://www.rfc-editor.org/rfc/rfc3463#section-2
        reasons["status_code"] = (
            f"must begin with {rule.smtp_reply_code[0]}, as smtp_reply_code does ({rule.smtp_reply_code})"
        )
    verified = (*identities.present(settings), *settings.inbound.domains)
    if rule.sender and not identities.covered(rule.sender, verified):
        # https://docs.aws.amazon.com/ses/latest/dg/receiving-email-action-bounce.html
        reasons["sender"] = (
            "must be verified in SES: an address of identity, other_identities, inbound.domains or "
            "inbound.existing_identities"
        )
    return reasons


def _takes_mail_of(rule: Rule, domain: str) -> bool:
    """Return True if a rule takes some mail of a domain, or of one below it."""
    return (
        not rule.recipients
        or _matches(rule.recipients, domain)
        or any(identities.covers(domain, recipient.lstrip(".")) for recipient in rule.recipients)
    )


def _wrong_recipients(rule: Rule, before: tuple[Rule, ...], domains: tuple[str, ...]) -> str | None:
    for recipient in rule.recipients:
        if not identities.covered(recipient.lstrip("."), domains):
            return f"{recipient} is not of inbound.domains ({', '.join(domains)}) or a domain below one"
        if rule.recipients.count(recipient) > 1:
            return f"{recipient} is named twice"
        if "*" in recipient:
            domain = recipient.rpartition("@")[2]
            return f"{recipient} would match only that very address: SES has no patterns; name {domain}"
    for other in before:
        stops = other.stops and other.enabled
        if stops and all(_matches(other.recipients or domains, own) for own in rule.recipients or domains):
            return f"rule {other.name} before it takes all of this mail and stops; move it after this one"
    return None


def _conflict(rule: Rule, before: tuple[Rule, ...], domains: tuple[str, ...]) -> str | None:
    """Return why a mail would be received by an earlier rule and, in another way, by this one."""
    for other in before:
        if not (other.enabled and rule.enabled) or other.stops:
            continue
        overlap = _overlap(other.recipients or domains, rule.recipients or domains)
        if rule.action == "bounce":
            if overlap:
                return (
                    f"rule {other.name} before it receives some of the mail that bounces here; move this one "
                    "before it"
                )
            continue
        actions = {_action(other), _action(rule)}
        if len(actions) > 1 and ("sns, UTF-8" in actions or overlap):
            return (
                f"rule {other.name} before it has another action ({_action(other)}, here {_action(rule)}) "
                "and does not stop: of a mail to both, each would overwrite what the other stored; set "
                "stop = true there, or give both the same action and encoding"
            )
    return None


def _action(rule: Rule) -> str:
    return rule.action if rule.action == "s3" else f"sns, {rule.encoding}"


def _overlap(ours: tuple[str, ...], theirs: tuple[str, ...]) -> bool:
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
