"""What SES thinks of each identity: verified, signing, its MAIL FROM domain; all is well by default.

SES would find the DNS records that domains have to have; here the control API says what it finds.
https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetEmailIdentity.html
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Status = Literal["PENDING", "SUCCESS", "FAILED", "TEMPORARY_FAILURE", "NOT_STARTED"]
OnMxFailure = Literal["USE_DEFAULT_VALUE", "REJECT_MESSAGE"]


class IdentityState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What SES found for an identity; the control API sets it."""

    verification_status: Status = "SUCCESS"
    dkim_status: Status = "SUCCESS"
    mail_from_status: Status = "SUCCESS"


class IdentitySettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the calls of SES set of an identity."""

    signs: bool = True
    mail_from_domain: str | None = None
    on_mx_failure: OnMxFailure = "USE_DEFAULT_VALUE"


class IdentityStates:
    """The states and settings of identities, by name."""

    def __init__(self) -> None:
        self._states: dict[str, IdentityState] = {}
        self._settings: dict[str, IdentitySettings] = {}

    def state(self, name: str) -> IdentityState:
        """Return what SES found for an identity."""
        return self._states.get(name, IdentityState())

    def settings(self, name: str) -> IdentitySettings:
        """Return what was set of an identity."""
        return self._settings.get(name, IdentitySettings())

    def find(self, name: str, state: IdentityState) -> None:
        """Set what SES found for an identity."""
        self._states[name] = state

    def set(self, name: str, settings: IdentitySettings) -> None:
        """Set what is set of an identity."""
        self._settings[name] = settings

    @property
    def unverified(self) -> frozenset[str]:
        """The names of identities that are not verified."""
        return frozenset(
            name for name, state in self._states.items() if state.verification_status != "SUCCESS"
        )

    def answer(self, name: str, found: dict[str, Any]) -> dict[str, Any]:
        """Return the answer of GetEmailIdentity, of what MiniStack has of the identity."""
        state, settings = self.state(name), self.settings(name)
        is_domain = found.get("IdentityType") != "EMAIL_ADDRESS"
        mail_from = {
            "MailFromDomain": settings.mail_from_domain,
            "MailFromDomainStatus": state.mail_from_status,
        }
        return {
            **found,
            "VerificationStatus": state.verification_status,
            "VerifiedForSendingStatus": state.verification_status == "SUCCESS",
            "DkimAttributes": {
                **found.get("DkimAttributes", {}),
                **({"Status": state.dkim_status, "SigningEnabled": settings.signs} if is_domain else {}),
            },
            "MailFromAttributes": {
                **(mail_from if settings.mail_from_domain else {}),
                "BehaviorOnMxFailure": settings.on_mx_failure,
            },
        }
