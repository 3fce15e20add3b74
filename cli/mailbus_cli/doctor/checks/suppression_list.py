"""The account's suppression list is used, and has none of the stage's own addresses."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, Final

from mailbus_cli.doctor import elsewhere
from mailbus_cli.doctor.check import Check
from mailbus_cli.doctor.verdict import Verdict, combined, ok, warning

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from mailbus_cli.doctor.facts import Facts

REASONS: Final = ("BOUNCE", "COMPLAINT")
# those added last: one call
PAGE: Final = 1000
SHOWN: Final = 3


def judge_account(account: Mapping[str, Any]) -> Verdict:
    """Judge the SuppressionAttributes of GetAccount."""
    used = (account.get("SuppressionAttributes") or {}).get("SuppressedReasons") or []
    missing = [reason for reason in REASONS if reason not in used]
    if missing:
        return warning(
            f"the account's suppression list does not hold {' and '.join(missing)}: mail goes on to them",
            fix="turn it on",
            record="aws sesv2 put-account-suppression-attributes --suppressed-reasons BOUNCE COMPLAINT",
        )
    return ok("used for bounces and complaints")


def judge_addresses(addresses: Sequence[str], own: Collection[str], *, more: bool) -> Verdict:
    """Judge the addresses on the list, of which there may be more, for those of the stage's own domains."""
    size = f"{len(addresses):,}{' or more' if more else ''} addresses"
    found = [address for address in addresses if _is_own(address, own)]
    if found:
        shown = ", ".join(found[:SHOWN]) + (", …" if len(found) > SHOWN else "")
        return warning(
            f"your own addresses are on the suppression list, and get no mail: {shown}",
            fix="remove them",
            record="\n".join(
                f"aws sesv2 delete-suppressed-destination --email-address {shlex.quote(address)}"
                for address in found[:SHOWN]
            ),
        )
    return ok(size)


def _is_own(address: str, own: Collection[str]) -> bool:
    domain = address.rpartition("@")[2].lower()
    return address in own or domain in own or any(domain.endswith(f".{one}") for one in own if "@" not in one)


def _run(facts: Facts) -> Verdict:
    if facts.ses_role:
        return elsewhere.unchecked_account(facts.ses_role)
    page = facts.read("sesv2", "list_suppressed_destinations", PageSize=PAGE)
    addresses = [str(one["EmailAddress"]) for one in page.get("SuppressedDestinationSummaries", [])]
    receiving = [record.partition(" ")[0].lstrip("*.") for record in facts.numbered("MxRecord")]
    own = {name.lower() for name in (*facts.identities, *receiving)}
    account = judge_account(facts.account())
    listed = judge_addresses(addresses, own, more=bool(page.get("NextToken")))
    return combined([account, listed], fine=f"{account.text}; {listed.text}")


CHECK: Final = Check(
    name="suppression-list",
    title="Suppression list",
    rights=("ses:GetAccount", "ses:ListSuppressedDestinations"),
    run=_run,
)
