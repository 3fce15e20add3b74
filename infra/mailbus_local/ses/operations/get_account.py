"""GetAccount: the account's limits.

https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetAccount.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from mailbus_local.ses.state.account import Account
    from mailbus_local.ses.state.suppression_list import SuppressionList


class SendQuota(msgspec.Struct, frozen=True, kw_only=True):
    """Part of `GetAccount`."""

    max_24_hour_send: float = msgspec.field(name="Max24HourSend")
    max_send_rate: float = msgspec.field(name="MaxSendRate")
    sent_last_24_hours: float = msgspec.field(name="SentLast24Hours")


class GetAccountResponse(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """The answer of `GetAccount`."""

    send_quota: SendQuota
    sending_enabled: bool
    production_access_enabled: bool
    dedicated_ip_auto_warmup_enabled: bool = False
    enforcement_status: str
    suppression_attributes: dict[str, tuple[str, ...]]
    details: dict[str, Any] = msgspec.field(
        default_factory=lambda: {
            "MailType": "TRANSACTIONAL",
            "WebsiteURL": "https://www.example.com",
            "ContactLanguage": "EN",
            "UseCaseDescription": "",
            "AdditionalContactEmailAddresses": [],
            "ReviewDetails": {"Status": "GRANTED", "CaseId": "0000000000"},
        }
    )
    vdm_attributes: dict[str, Any] = msgspec.field(default_factory=lambda: {"VdmEnabled": "DISABLED"})
    pricing_attributes: dict[str, str]


def get_account(account: Account, suppression_list: SuppressionList) -> GetAccountResponse:
    """Return the account's limits. Raise if it is called more than once a second."""
    account.count_get_account()
    limits = account.limits
    return GetAccountResponse(
        send_quota=SendQuota(
            max_24_hour_send=limits.max_24_hour_send,
            max_send_rate=limits.max_send_rate,
            sent_last_24_hours=float(account.sent_last_24_hours()),
        ),
        sending_enabled=limits.sending_enabled,
        enforcement_status=limits.enforcement_status,
        pricing_attributes={"CurrentPlan": limits.pricing_plan},
        production_access_enabled=limits.production_access,
        suppression_attributes={"SuppressedReasons": suppression_list.reasons},
    )
