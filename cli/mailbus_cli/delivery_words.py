"""What SES's types of bounces, delays and complaints mean, in plain words, and what to do.

The types are in https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html.
`{server}` in a sentence stands for the domain of the recipient.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus.events import RejectReason


class DeliveryWords(msgspec.Struct, frozen=True, kw_only=True):
    """A type in plain words; the code of a server's answer says more than one that is not specific."""

    sentence: str
    advice: str
    is_specific: bool = True


class ComplaintWords(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of complaint in plain words."""

    title: str
    sentence: str
    advice: str


_LATER: Final = "Try again another day."
_WAIT: Final = "Nothing to do: SES tries again by itself."

#: SES did not try to deliver, by the sub-type of the bounce.
NOT_TRIED: Final[Mapping[str, DeliveryWords]] = {
    "Suppressed": DeliveryWords(
        sentence="SES did not try: the address is on SES's own suppression list after a bounce.",
        advice="Correct the address. If it is right, try again another day.",
    ),
    "OnAccountSuppressionList": DeliveryWords(
        sentence="SES did not try: the address is on the account's suppression list after a bounce.",
        advice="Correct the address. If it is right, remove it from the suppression list, and send again.",
    ),
    "OnTenantSuppressionList": DeliveryWords(
        sentence="SES did not try: the address is on the tenant's suppression list after a bounce.",
        advice="Correct the address. If it is right, remove it from the tenant's list, and send again.",
    ),
    "EmailValidationSuppressed": DeliveryWords(
        sentence="SES did not try: its email validation takes the address for invalid.",
        advice="Check the address with the recipient.",
    ),
    "UnsubscribedRecipient": DeliveryWords(
        sentence="SES did not try: the recipient has left the contact list of this mail.",
        advice="Do not send mail of this list to the address, until the recipient joins again.",
    ),
}
#: The same by SES's texts, where only these are known.
#: https://docs.aws.amazon.com/ses/latest/dg/sending-email-suppression-list.html
NOT_TRIED_TEXTS: Final = (
    ("Amazon SES has suppressed sending to this address", "Suppressed"),
    ("it is on the suppression list for your account", "OnAccountSuppressionList"),
)
#: By type and sub-type of the bounce.
BOUNCE_WORDS: Final[Mapping[tuple[str, str], DeliveryWords]] = {
    ("Permanent", "General"): DeliveryWords(
        sentence="{server} refused the mail for good.",
        advice="Check the address; do not send to it again before you know the reason.",
        is_specific=False,
    ),
    ("Permanent", "NoEmail"): DeliveryWords(
        sentence="The mail came back for good; the report does not name the address.",
        advice="Check the addresses of the mail; do not send to them again before you know the reason.",
        is_specific=False,
    ),
    ("Transient", "General"): DeliveryWords(
        sentence="{server} did not take the mail, and SES has stopped trying.",
        advice=_LATER,
        is_specific=False,
    ),
    ("Transient", "MailboxFull"): DeliveryWords(sentence="The mailbox is full.", advice=_LATER),
    ("Transient", "MessageTooLarge"): DeliveryWords(
        sentence="The mail is too large for {server}.",
        advice="Send a smaller mail, with links in place of files.",
    ),
    ("Transient", "CustomTimeoutExceeded"): DeliveryWords(
        sentence="{server} did not take the mail within the maximum delivery time of the configuration set.",
        advice="If it is still of use, send it again.",
    ),
    ("Transient", "ContentRejected"): DeliveryWords(
        sentence="{server} does not take the content of the mail.",
        advice="Change the content, and send it again.",
        is_specific=False,
    ),
    ("Transient", "AttachmentRejected"): DeliveryWords(
        sentence="{server} does not take an attachment of the mail.",
        advice="Send it without the attachment, with a link in its place.",
    ),
    ("Undetermined", "Undetermined"): DeliveryWords(
        sentence="The mail came back, and the report does not say why.",
        advice="Check the address; if it is right, try again another day.",
        is_specific=False,
    ),
}
#: By Mailbus's reason, for types that are not above.
REJECT_REASON_WORDS: Final[Mapping[RejectReason, DeliveryWords]] = {
    "invalid": DeliveryWords(sentence="The address is not valid.", advice="Correct the address."),
    "bounced": DeliveryWords(
        sentence="The mail came back.", advice="Read the server's words before you send to the address again."
    ),
    "timed_out": DeliveryWords(
        sentence="{server} did not take the mail for as long as SES tried.", advice=_LATER
    ),
    "blocked": DeliveryWords(
        sentence="The mail was not sent: it, or the address, is blocked.",
        advice="Read the reason before you send to the address again.",
    ),
    "spam": DeliveryWords(
        sentence="The mail was taken for spam.", advice="Do not send mail of this kind to the address."
    ),
    "unsubscribed": DeliveryWords(
        sentence="The recipient has unsubscribed.", advice="Do not send mail of this kind to the address."
    ),
    "other": DeliveryWords(
        sentence="The mail was not delivered.", advice="Read the reason before you send to the address again."
    ),
}
#: By the type of the delay.
DELAY_WORDS: Final[Mapping[str, DeliveryWords]] = {
    "InternalFailure": DeliveryWords(sentence="A fault inside SES delays the mail.", advice=_WAIT),
    "General": DeliveryWords(
        sentence="{server} has not taken the mail yet.", advice=_WAIT, is_specific=False
    ),
    "MailboxFull": DeliveryWords(
        sentence="The mailbox is full.",
        advice="SES tries again by itself. Ask the recipient in another way to make room.",
    ),
    "SpamDetected": DeliveryWords(
        sentence="{server} takes much of the account's mail for spam.",
        advice="SES tries again by itself. Check what the account sends, and to whom; send less at once.",
    ),
    "RecipientServerError": DeliveryWords(
        sentence="{server} has a fault of its own.", advice=_WAIT, is_specific=False
    ),
    "IPFailure": DeliveryWords(
        sentence="{server} blocks or slows the address that SES sends from.",
        advice="SES tries again by itself. If it lasts, check the account's reputation: `mailbus doctor`.",
    ),
    "TransientCommunicationFailure": DeliveryWords(
        sentence="The connection to {server} failed.", advice=_WAIT, is_specific=False
    ),
    "BYOIPHostNameLookupUnavailable": DeliveryWords(
        sentence="SES could not look up the name of your own IP address.",
        advice="SES tries again by itself. Check the PTR records of your IP addresses.",
    ),
    "Undetermined": DeliveryWords(
        sentence="{server} has not taken the mail yet; SES does not say why.", advice=_WAIT, is_specific=False
    ),
    "SendingDeferral": DeliveryWords(sentence="SES itself holds the mail back for a while.", advice=_WAIT),
}
_STOP: Final = "Send no more mail of this kind to the address."
#: SES did not deliver, since the address is on a list of complaints; by the sub-type of the complaint.
COMPLAINT_LISTS: Final[Mapping[str, ComplaintWords]] = {
    "OnAccountSuppressionList": ComplaintWords(
        title="Not tried",
        sentence="SES did not try: the address is on the account's suppression list after a complaint.",
        advice="Send no more to the address. Only if the recipient asks for it, remove it from the list.",
    ),
    "OnTenantSuppressionList": ComplaintWords(
        title="Not tried",
        sentence="SES did not try: the address is on the tenant's suppression list after a complaint.",
        advice="Send no more to the address. Only if the recipient asks for it, remove it from the list.",
    ),
}
#: By the feedback type of the complaint; "" is for one that the provider did not give, or a new one.
#: https://www.iana.org/assignments/marf-parameters/marf-parameters.xhtml
COMPLAINT_WORDS: Final[Mapping[str, ComplaintWords]] = {
    "": ComplaintWords(title="Complaint", sentence="The recipient complained about the mail.", advice=_STOP),
    "abuse": ComplaintWords(
        title="Spam complaint", sentence="The recipient marked the mail as spam.", advice=_STOP
    ),
    "auth-failure": ComplaintWords(
        title="Authentication report",
        sentence="{server} reports that the mail failed its authentication.",
        advice="Check SPF, DKIM and DMARC of the sender's domain: `mailbus doctor`.",
    ),
    "fraud": ComplaintWords(
        title="Fraud report",
        sentence="The recipient reported the mail as fraud.",
        advice="Check that your system sent it, and what it says; send no more of it to the address.",
    ),
    "not-spam": ComplaintWords(
        title="Not spam", sentence="The recipient says that the mail is not spam.", advice="Nothing to do."
    ),
    "other": ComplaintWords(
        title="Complaint", sentence="The recipient complained about the mail.", advice=_STOP
    ),
    "virus": ComplaintWords(
        title="Virus report",
        sentence="{server} reports a virus in the mail.",
        advice="Check the attachments of the mail, and the system that made them.",
    ),
}
