"""The settings of receiving: its domains, and the receipt rules."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from mailbus_cdk.settings.section import Section
from mailbus_cdk.settings.values import DOMAIN, LOCAL_PART, Domain, ReaderConcurrency

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

    name: Annotated[
        RuleName,
        msgspec.Meta(
            description="Its name; SES knows it as `mailbus-<stage>.<name>`. That has at most 64 characters."
        ),
    ]
    recipients: Annotated[
        tuple[Recipient, ...],
        msgspec.Meta(
            description="Addresses and domains; `.` before a domain is for all below it. By default all "
            "domains. An address also matches with any label after a `+`. Each is of `inbound.domains`, "
            "or below one.",
            max_length=RULE_RECIPIENTS,
        ),
    ] = ()
    action: Annotated[
        ReceiptAction,
        msgspec.Meta(
            description="Where the mail goes. `s3` stores mail up to 40 MB; with `sns` it is in its "
            "notification, up to 150 KB, and larger mail bounces; `bounce` refuses it."
        ),
    ] = "s3"
    # In UTF-8, SES replaces other bytes by U+FFFD.
    encoding: Annotated[
        SnsEncoding,
        msgspec.Meta(
            description="How a notification has the mail. `Base64` keeps every byte. In `UTF-8`, which is "
            "easier to read, SES replaces each byte that is not UTF-8 by U+FFFD, so that attachments and "
            "bodies in another charset may be lost."
        ),
    ] = DEFAULT_ENCODING
    smtp_reply_code: Annotated[
        SmtpReplyCode, msgspec.Meta(description="Of refused mail: the SMTP reply.")
    ] = "550"
    status_code: Annotated[
        SmtpStatusCode,
        msgspec.Meta(
            description="Of refused mail: the enhanced status code. Its first digit is that of "
            "`smtp_reply_code`."
        ),
    ] = "5.1.1"
    message: Annotated[SmtpText, msgspec.Meta(description="Of refused mail: the text.")] = (
        "Mailbox does not exist"
    )
    sender: Annotated[
        BounceSender | None,
        msgspec.Meta(
            description="Of refused mail: whom the bounce is from. SES must have verified it. By default "
            "`mailer-daemon@` the domain of the rule's first recipient."
        ),
    ] = None
    scan: Annotated[
        bool,
        msgspec.Meta(
            description="Scan for spam and viruses. If no rule scans, both verdicts are `DISABLED`."
        ),
    ] = True
    require_tls: Annotated[bool, msgspec.Meta(description="Mail that arrives without TLS bounces.")] = False
    stop: Annotated[bool, msgspec.Meta(description="No rule after this one is applied.")] = False
    enabled: Annotated[bool, msgspec.Meta(description="If `false`, the rule exists and matches nothing.")] = (
        True
    )

    @property
    def stops(self) -> bool:
        """True if no rule after this one is applied to its mail: what bounces is not received."""
        return self.stop or self.action == "bounce"


class Inbound(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Receiving."""

    domains: Annotated[
        tuple[Domain, ...],
        msgspec.Meta(
            description="The receiving domains. Without any nothing is received, and nothing is deployed "
            "for it.",
            max_length=RULE_RECIPIENTS,
            extra={"hint": 'write a list: domains = ["inbound.example.com"]'},
        ),
    ] = ()
    rules: Annotated[
        tuple[Rule, ...],
        msgspec.Meta(
            description="The receipt rules, in order. By default one that stores all mail of the domains.",
            max_length=RULES,
            extra={"hint": "write each rule under [[inbound.rules]]"},
        ),
    ] = ()
    existing_identities: Annotated[
        tuple[Domain, ...],
        msgspec.Meta(
            description="Domains that are identities in SES already. None is created for them, and for "
            "domains below."
        ),
    ] = ()
    rule_set_name: Annotated[
        RuleName | None,
        msgspec.Meta(
            description="A receipt rule set that exists, to which the rules are added. By default the "
            "deployment has its own, `mailbus-<stage>`."
        ),
    ] = None
    encrypt: Annotated[
        bool, msgspec.Meta(description="SES encrypts mail with a key of the deployment before it stores it.")
    ] = False
    displace_active_rule_set: Annotated[
        bool,
        msgspec.Meta(
            description="Replace a receipt rule set that is active already. Otherwise the deployment fails."
        ),
    ] = False
    max_concurrency: Annotated[
        ReaderConcurrency, msgspec.Meta(description="Workers that read received mail at a time.")
    ] = 5

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
