"""The mailbox simulator: addresses that decide the outcome of a mail.

https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html
`ooto` is delivered, and then answers automatically, which SES reports as a bounce without details:
https://stackoverflow.com/questions/17396264/distinguish-bounce-and-ooto-with-amazon-ses
`suppressionlist` bounces like an address on SES's global suppression list, not on the account's own.
"""

from __future__ import annotations

from typing import Final, Literal

SIMULATOR_DOMAIN: Final = "simulator.amazonses.com"

Outcome = Literal["delivered", "autoresponded", "bounced", "complained", "suppressed"]

_OUTCOMES: Final[dict[str, Outcome]] = {
    "success": "delivered",
    "ooto": "autoresponded",
    "bounce": "bounced",
    "complaint": "complained",
    "suppressionlist": "suppressed",
}


def is_simulator_address(email: str) -> bool:
    """Return whether an address is the mailbox simulator's: it needs no verification and no quota."""
    return email.lower().endswith(f"@{SIMULATOR_DOMAIN}")


def outcome(email: str) -> Outcome:
    """Return the outcome of a mail to this address; labels (`bounce+x@`) are ignored."""
    if not is_simulator_address(email):
        return "delivered"
    local = email.partition("@")[0].partition("+")[0].lower()
    return _OUTCOMES.get(local, "bounced")
