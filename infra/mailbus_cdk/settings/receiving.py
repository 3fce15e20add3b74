"""The settings of receiving: its domains, and the receipt rules."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from mailbus_cdk.settings.section import Section
from mailbus_cdk.settings.values import DOMAIN, LOCAL_PART, Domain

ReceiptAction = Literal["s3", "sns", "bounce"]
SnsEncoding = Literal["UTF-8", "Base64"]

# https://docs.aws.amazon.com/ses/latest/dg/quotas.html
RULES: Final = 200
RULE_RECIPIENTS: Final = 500
RULE_NAME_CHARACTERS: Final = 64
DEFAULT_ENCODING: Final = "Base64"

# An address also matches itself with a label after a `+`; a domain with a dot before it matches all domains
# below it
# (https://docs.aws.amazon.com/ses/latest/dg/receiving-email-receipt-rules-console-walkthrough.html).
Recipient = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"^({LOCAL_PART}@|\.)?{DOMAIN}$",
        extra={
            "reason": "must be an address with its domain in lower case, such as me@inbound.example.com, "
            "or a domain: inbound.example.com for itself, .inbound.example.com for all below it"
        },
    ),
]
# Of rules and of rule sets: https://docs.aws.amazon.com/ses/latest/APIReference/API_ReceiptRule.html
RuleName = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$",
        extra={
            "reason": "must be 1 to 64 of A-Z a-z 0-9 . _ -, beginning and ending with a letter or a digit"
        },
    ),
]
# https://www.rfc-editor.org/rfc/rfc5321#section-4.2.1
SmtpReplyCode = Annotated[
    str,
    msgspec.Meta(pattern=r"^[45][0-9]{2}$", extra={"reason": 'must be an SMTP reply code, such as "550"'}),
]
# https://www.rfc-editor.org/rfc/rfc3463#section-2
SmtpStatusCode = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[45]\.[0-9]{1,3}\.[0-9]{1,3}$",
        extra={"reason": 'must be an enhanced status code, such as "5.1.1"'},
    ),
]
# A reply line has at most 512 octets: https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.5
SmtpText = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[ -~]{1,400}$", extra={"reason": "must be 1 to 400 characters of ASCII, on one line"}
    ),
]
BounceSender = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"^{LOCAL_PART}@{DOMAIN}$",
        extra={"reason": "must be an address with its domain in lower case, such as bounces@example.com"},
    ),
]


class Rule(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A receipt rule: the recipients whose mail it takes (by default all of the domains) and its action.

    SES applies every rule that matches one of a mail's recipients; with `stop`, no rule after this one is
    applied. Rules that can match the same mail must have the same action.
    """

    name: RuleName
    recipients: Annotated[tuple[Recipient, ...], msgspec.Meta(max_length=RULE_RECIPIENTS)] = ()
    action: ReceiptAction = "s3"
    # In UTF-8, SES replaces other bytes by U+FFFD.
    encoding: SnsEncoding = DEFAULT_ENCODING
    smtp_reply_code: SmtpReplyCode = "550"
    status_code: SmtpStatusCode = "5.1.1"
    message: SmtpText = "Mailbox does not exist"
    sender: BounceSender | None = None
    scan: bool = True
    require_tls: bool = False
    stop: bool = False
    enabled: bool = True

    @property
    def stops(self) -> bool:
        """True if no rule after this one is applied to its mail: what bounces is not received."""
        return self.stop or self.action == "bounce"


class Inbound(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Receiving. Without domains nothing is received."""

    domains: Annotated[
        tuple[Domain, ...],
        msgspec.Meta(
            max_length=RULE_RECIPIENTS, extra={"hint": 'write a list: domains = ["inbound.example.com"]'}
        ),
    ] = ()
    rules: Annotated[
        tuple[Rule, ...],
        msgspec.Meta(max_length=RULES, extra={"hint": "write each rule under [[inbound.rules]]"}),
    ] = ()
    existing_identities: tuple[Domain, ...] = ()
    rule_set_name: RuleName | None = None
    encrypt: bool = False
    displace_active_rule_set: bool = False

    @property
    def receipt_rules(self) -> tuple[Rule, ...]:
        """The rules to create, in order, complete; by default one that stores all mail of the domains."""
        if not self.domains:
            return ()
        return tuple(self._complete(rule) for rule in self.rules or (Rule(name="store"),))

    def _complete(self, rule: Rule) -> Rule:
        recipients = rule.recipients or self.domains
        domain = recipients[0].rpartition("@")[2].lstrip(".")
        bouncing = f"mailer-daemon@{domain}" if rule.action == "bounce" else None
        return msgspec.structs.replace(rule, recipients=recipients, sender=rule.sender or bouncing)

    @property
    def encrypted(self) -> bool:
        """True if SES encrypts mail before it stores it."""
        return bool(self.domains) and self.encrypt
