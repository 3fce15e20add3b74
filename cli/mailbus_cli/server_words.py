"""What the answer of a receiving server means, by its enhanced status code, and what to do.

The codes are registered at
https://www.iana.org/assignments/smtp-enhanced-status-codes/smtp-enhanced-status-codes.xhtml. `{server}` in a
sentence stands for the domain of the recipient.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why a server did not take a mail, and what to do about it."""

    sentence: str
    advice: str


class Pattern(msgspec.Struct, frozen=True, kw_only=True):
    """A reason by the words of an answer, where its code has one of these subjects, or none."""

    words: re.Pattern[str]
    subjects: frozenset[str]
    reason: Reason


_LATER: Final = "Try again another day."
_NO_MAILBOX: Final = Reason(
    sentence="{server} has no such mailbox.", advice="Correct the address; do not send to this one again."
)
_NO_DOMAIN: Final = Reason(
    sentence="{server} takes no mail.",
    advice="Correct the domain of the address; do not send to this one again.",
)
_NO_ADDRESS: Final = Reason(
    sentence="{server} does not accept this address.",
    advice="Check the address with the recipient before you send to it again.",
)
_SENDER: Final = Reason(
    sentence="{server} does not accept the sender's address.",
    advice="Check the From address, and the DNS records of its domain and of the MAIL FROM domain: "
    "`mailbus doctor`.",
)
_MAILBOX: Final = Reason(
    sentence="The mailbox takes no mail.",
    advice="Ask the recipient in another way before you send to this address again.",
)
_FULL: Final = Reason(sentence="The mailbox is full.", advice=_LATER)
_TOO_LARGE: Final = Reason(
    sentence="The mail is too large for {server}.",
    advice="Send a smaller mail, with links in place of files.",
)
_BUSY: Final = Reason(sentence="{server} takes no mail at the moment.", advice=_LATER)
_SYSTEM: Final = Reason(
    sentence="{server} does not take the mail.",
    advice="Read the server's words: they may name the address, the mail, or a fault of the server.",
)
_NOT_NOW: Final = Reason(sentence="{server} does not accept this address at the moment.", advice=_LATER)
_UNREACHABLE: Final = Reason(
    sentence="{server} could not be reached.",
    advice="Check the domain of the address; if it is right, try again another day.",
)
_EXPIRED: Final = Reason(
    sentence="{server} did not take the mail for as long as SES tried.",
    advice="Check the domain of the address; if it is right, try again another day.",
)
_PROTOCOL: Final = Reason(
    sentence="{server} did not understand what SES sent.",
    advice="Ask the operator of the recipient's server, with the server's words.",
)
_CONTENT: Final = Reason(
    sentence="{server} does not take the content of the mail.",
    advice="Send it in another form, such as without the attachment.",
)
_UNICODE: Final = Reason(
    sentence="{server} takes no addresses with letters beyond a to z.",
    advice="Ask the recipient for another address.",
)
_POLICY: Final = Reason(
    sentence="{server} refuses the mail by its own rules.",
    advice="The server's words mostly say which: the content, the sender's reputation, SPF, DKIM, DMARC.",
)
_SPAM: Final = Reason(
    sentence="{server} takes the mail for spam.",
    advice="Check the content of the mail, and the complaints and bounces of the account; send less at once.",
)
_SPF: Final = Reason(
    sentence="{server} refuses the mail, since SPF failed.",
    advice="Check the SPF record of the MAIL FROM domain: `mailbus doctor`.",
)
_DKIM: Final = Reason(
    sentence="{server} refuses the mail, since DKIM failed.",
    advice="Check the DKIM records of the sender's domain: `mailbus doctor`.",
)
_DMARC: Final = Reason(
    sentence="{server} refuses the mail, since DMARC failed.",
    advice="Check SPF, DKIM and DMARC of the sender's domain: `mailbus doctor`.",
)
_UNAUTHENTICATED: Final = Reason(
    sentence="{server} refuses the mail, since its sender is not authenticated.",
    advice="Check SPF, DKIM and DMARC of the sender's domain: `mailbus doctor`.",
)
_REVERSE_DNS: Final = Reason(
    sentence="{server} refuses the mail, since the sending address has no valid reverse DNS.",
    advice="With dedicated or own IP addresses check their PTR records; otherwise report it to AWS.",
)
_TLS: Final = Reason(
    sentence="{server} and SES do not agree on encryption.",
    advice="Check the TLS policy of the configuration set, or ask the operator of the recipient's server.",
)

#: By subject and detail, whatever the class: `1.1` is 5.1.1 and 4.1.1.
BY_CODE: Final[Mapping[str, Reason]] = {
    "1.0": _NO_ADDRESS,
    "1.1": _NO_MAILBOX,
    "1.2": _NO_DOMAIN,
    "1.3": Reason(sentence="The address is not written as {server} requires.", advice="Correct the address."),
    "1.4": Reason(
        sentence="The address may be one of several mailboxes.",
        advice="Ask the recipient for the whole address.",
    ),
    "1.6": Reason(
        sentence="The mailbox has moved, and left no new address.",
        advice="Ask the recipient for the new address; do not send to this one again.",
    ),
    "1.7": _SENDER,
    "1.8": _SENDER,
    # the domain says by a null MX that it takes no mail: https://datatracker.ietf.org/doc/html/rfc7505
    "1.10": _NO_DOMAIN,
    "2.0": _MAILBOX,
    "2.1": _MAILBOX,
    "2.2": _FULL,
    "2.3": _TOO_LARGE,
    "2.4": Reason(
        sentence="{server} could not pass the mail on to its mailing list.",
        advice="Ask the owner of the mailing list.",
    ),
    "3.0": _SYSTEM,
    "3.1": Reason(sentence="The disks of {server} are full.", advice=_LATER),
    "3.2": _SYSTEM,
    "3.3": _CONTENT,
    "3.4": _TOO_LARGE,
    "3.5": Reason(
        sentence="{server} is not set up correctly.", advice="Ask the operator of the recipient's server."
    ),
    "4.0": _UNREACHABLE,
    "4.1": _UNREACHABLE,
    "4.2": _UNREACHABLE,
    "4.3": _UNREACHABLE,
    "4.4": _UNREACHABLE,
    "4.5": _BUSY,
    "4.6": Reason(
        sentence="The mail went in circles between servers.",
        advice="Check the address; if it is right, ask the operator of the recipient's server.",
    ),
    "4.7": _EXPIRED,
    "5.3": Reason(sentence="{server} does not take so many recipients at once.", advice=_LATER),
    "6.7": _UNICODE,
    "6.8": _UNICODE,
    "6.9": _UNICODE,
    "6.10": _UNICODE,
    "7.2": Reason(
        sentence="The sender may not write to this mailing list.", advice="Ask the owner of the mailing list."
    ),
    "7.10": _TLS,
    "7.13": _MAILBOX,
    # the mailbox or its domain has another owner now: https://datatracker.ietf.org/doc/html/rfc7293
    "7.17": Reason(
        sentence="The mailbox has another owner now.",
        advice="Do not send to this address again until the recipient confirms it.",
    ),
    "7.18": Reason(
        sentence="{server} has another owner now.",
        advice="Do not send to this address again until the recipient confirms it.",
    ),
    # https://datatracker.ietf.org/doc/html/rfc7372
    "7.20": _DKIM,
    "7.21": _DKIM,
    "7.22": _DKIM,
    "7.23": _SPF,
    "7.24": _SPF,
    "7.25": _REVERSE_DNS,
    "7.26": _UNAUTHENTICATED,
    # X.7.27, .29 and .30 mean one thing in the registry, and to Google SPF, TLS and DKIM: only words decide.
    # https://knowledge.workspace.google.com/admin/support/troubleshooting/gmail-smtp-errors-and-codes
    "7.28": _SPAM,
}
#: By subject, for details that are not above.
BY_SUBJECT: Final[Mapping[str, Reason]] = {
    "1": _NO_ADDRESS,
    "2": _MAILBOX,
    "3": _SYSTEM,
    "4": _UNREACHABLE,
    "5": _PROTOCOL,
    "6": _CONTENT,
    "7": _POLICY,
}
#: Codes that mean less as a temporary error; 4.2.1 is a mailbox that gets too much mail at once, say, by
#: Google's page as above.
BY_WHOLE_CODE: Final[Mapping[str, Reason]] = {
    "4.1.0": _NOT_NOW,
    "4.1.1": _NOT_NOW,
    "4.1.2": _UNREACHABLE,
    "4.1.10": _UNREACHABLE,
    "4.2.0": _BUSY,
    "4.2.1": _BUSY,
    "4.3.0": _BUSY,
    "4.3.2": _BUSY,
}
# 5.3.0 is what Sendmail answers for several reasons
_UNSPECIFIC: Final = frozenset({"", "0", "3"})
_OF_POLICY: Final = frozenset({"", "0", "7"})
#: In the order in which they are tried, before the code; all others' words are only shown.
PATTERNS: Final = (
    # "550 5.7.26 Unauthenticated email from example.com is not accepted due to domain's DMARC policy."
    Pattern(words=re.compile(r"\bDMARC\b", re.IGNORECASE), subjects=_OF_POLICY, reason=_DMARC),
    # several of them: "fails to pass authentication checks (SPF or DKIM)"
    Pattern(
        words=re.compile(r"\bSPF\b.*\bDKIM\b|\bDKIM\b.*\bSPF\b", re.IGNORECASE | re.DOTALL),
        subjects=_OF_POLICY,
        reason=_UNAUTHENTICATED,
    ),
    Pattern(words=re.compile(r"\bSPF\b", re.IGNORECASE), subjects=_OF_POLICY, reason=_SPF),
    Pattern(words=re.compile(r"\bDKIM\b", re.IGNORECASE), subjects=_OF_POLICY, reason=_DKIM),
    Pattern(
        words=re.compile(r"\bspam(?:haus)?\b|\bunsolicited\b|\bblock ?list|\bblack ?list", re.IGNORECASE),
        subjects=_OF_POLICY,
        reason=_SPAM,
    ),
    # without a code, or with 5.0.0: only where the words leave no doubt
    Pattern(
        words=re.compile(r"\b(?:user unknown|unknown user|no such (?:user|mailbox))\b", re.IGNORECASE),
        subjects=_UNSPECIFIC,
        reason=_NO_MAILBOX,
    ),
    Pattern(
        words=re.compile(r"\bmailbox (?:is )?full\b|\bover ?quota\b", re.IGNORECASE),
        subjects=_UNSPECIFIC,
        reason=_FULL,
    ),
    # Exchange Online for an address that it does not have, with 5.4.1:
    # https://learn.microsoft.com/en-us/exchange/troubleshoot/email-delivery/ndr/non-delivery-reports-in-exchange-online
    Pattern(
        words=re.compile(r"\brecipient address rejected: access denied", re.IGNORECASE),
        subjects=frozenset({"", "0", "4"}),
        reason=_NO_ADDRESS,
    ),
)
# "550 5.1.1 user unknown", "550-5.7.26 This mail …": in the first words of the answer, not of what it quotes
_CODE: Final = re.compile(r"^(?:\w+; ?)?(?:[245]\d\d[ -])?#?([245]\.\d{1,3}\.\d{1,3})(?!\.?\d)")
_STATUS: Final = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")


def code_of(text: str | None, status: str | None) -> str | None:
    """Return the enhanced status code of an answer, else the one that SES reports beside it; None if none."""
    if found := _CODE.match((text or "").strip()):
        return found[1]
    return status if status and _STATUS.fullmatch(status) else None


def reason_of(text: str | None, status: str | None) -> Reason | None:
    """Return why a server did not take a mail, by its words and its code; None if neither says."""
    code = code_of(text, status)
    kind, _, rest = (code or "").partition(".")
    subject = rest.partition(".")[0]
    if kind == "2":
        return None
    for pattern in PATTERNS:
        if subject in pattern.subjects and pattern.words.search(text or ""):
            return pattern.reason
    return BY_WHOLE_CODE.get(code or "") or BY_CODE.get(rest) or BY_SUBJECT.get(subject)
