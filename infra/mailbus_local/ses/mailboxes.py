"""The mailbox simulator: addresses whose outcome is in their name.

https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html
`ooto` is delivered; its automatic response is a mail to the sender, which SES reports nowhere.
`suppressionlist` bounces as an address of SES's global suppression list, not of the account's own, does.
"""

from __future__ import annotations

from typing import Final, Literal

SIMULATOR_DOMAIN: Final = "simulator.amazonses.com"

Outcome = Literal["delivered", "bounced", "complained", "suppressed"]

_OUTCOMES: Final[dict[str, Outcome]] = {
    "success": "delivered",
    "ooto": "delivered",
    "bounce": "bounced",
    "complaint": "complained",
    "suppressionlist": "suppressed",
}


def is_simulated(email: str) -> bool:
    """Tell whether an address belongs to the mailbox simulator: it needs no verification and no quota."""
    return email.lower().endswith(f"@{SIMULATOR_DOMAIN}")


def outcome(email: str) -> Outcome:
    """Say what becomes of a mail to this address; labels (`bounce+x@`) do not matter."""
    if not is_simulated(email):
        return "delivered"
    local = email.partition("@")[0].partition("+")[0].lower()
    return _OUTCOMES.get(local, "bounced")
