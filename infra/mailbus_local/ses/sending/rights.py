"""The rights that a mail needs: actions on resources, as SES checks them.

SES checks its first API's actions, as `ses:SendRawEmail` for the raw content of a `SendEmail`
(https://github.com/anymail/django-anymail/issues/384): on the identity of the From address, which is the
address itself if it is an identity beside its domain, or if there is none at all
(https://github.com/nodemailer/nodemailer/issues/1734), on the configuration set, on the template
(https://github.com/aws/serverless-application-model/issues/2844), and in the sandbox on the identities of the
recipients (https://github.com/aws/aws-sdk-js/issues/3641). All this comes before it looks who is verified.

Whether a template needs the action of this API, too, is not documented: here it needs both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mailbus_local.ses.authorization import Check
from mailbus_local.ses.requests import Overrides

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mailbus_local.ses.formats import Origin
    from mailbus_local.ses.requests import EmailContent
    from mailbus_local.ses.sending.calls import SendCall
    from mailbus_local.ses.sending.preparation import PreparedMessage

SIMPLE: Final = ("ses:SendEmail",)
RAW: Final = ("ses:SendRawEmail",)
TEMPLATE: Final = ("ses:SendEmail", "ses:SendTemplatedEmail")
BULK: Final = ("ses:SendBulkEmail", "ses:SendBulkTemplatedEmail")
OVERRIDES: Final = "ses:ApplyTrackingConfigurationOverrides"
# It has no keys of addresses: https://docs.aws.amazon.com/service-authorization/latest/reference/list_sesv2.html
_WITHOUT_ADDRESSES: Final = frozenset({"ses:SendBulkEmail"})
_API_VERSION: Final = {"ses:apiversion": "2"}


def actions_of(content: EmailContent) -> tuple[str, ...]:
    """Return the actions that SES checks for the content of a `SendEmail`."""
    if content.raw is not None:
        return RAW
    return SIMPLE if content.simple is not None else TEMPLATE


def send_checks(
    prepared: PreparedMessage,
    call: SendCall,
    identities: Iterable[str],
    configuration_set: str | None,
    origin: Origin,
) -> Iterator[Check]:
    """Yield the rights that a mail needs; `identities` are the ARNs of those that it uses."""
    prefix = f"arn:aws:ses:{origin.region}:{origin.account_id}"
    named = {"configuration-set": configuration_set, "template": call.template_name}
    resources = (*identities, *(f"{prefix}:{kind}/{name}" for kind, name in named.items() if name))
    addresses = _address_conditions(prepared, call)
    for action in call.actions:
        known = {} if action in _WITHOUT_ADDRESSES else addresses
        for resource in dict.fromkeys(resources):
            yield Check(action=action, resource=resource, conditions={**_API_VERSION, **known})
    if call.overrides != Overrides():
        yield Check(action=OVERRIDES, resource="*", conditions=_API_VERSION)


def _address_conditions(prepared: PreparedMessage, call: SendCall) -> dict[str, Any]:
    """Return the condition keys of a mail's addresses.

    https://docs.aws.amazon.com/ses/latest/dg/control-user-access.html
    """
    return {
        "ses:fromaddress": prepared.sender.email,
        "ses:fromdisplayname": prepared.sender.name,
        "ses:feedbackaddress": call.feedback_address or prepared.sender.email,
        "ses:recipients": [recipient.email for recipient in prepared.recipients],
    }
