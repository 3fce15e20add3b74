"""The edge to the simulated SES: what only the laptop has, such as the content of sent mail."""

from __future__ import annotations

import urllib.parse
from base64 import b64decode
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mailbus_cli.room.account_form import Account
from mailbus_cli.room.faults import Fault
from mailbus_local.testing.control import Control
from mailbus_local.testing.errors import ControlError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailbus_cli.deployment import Deployment
    from mailbus_cli.room.receive_form import Incoming

_SUFFIX: Final = "/_simulator"


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message that the simulated SES accepted, with its bytes."""

    message_id: str
    accepted_at: float
    recipients: tuple[str, ...]
    configuration_set: str | None
    overrides: dict[str, Any]
    tags: dict[str, str]
    raw: bytes


def control(deployment: Deployment) -> Control | None:
    """Return the control API of the laptop's SES; None for an account."""
    url = deployment.simulator_url
    return None if url is None else Control(url.removesuffix(_SUFFIX))


def message(deployment: Deployment, message_id: str) -> Message | None:
    """Return a message; None in an account, and of a message from before the system was started again."""
    api = control(deployment)
    if api is None:
        return None
    try:
        found = api.request("GET", f"messages/{urllib.parse.quote(message_id, safe='')}")
    except ControlError:
        return None
    return Message(
        message_id=found["message_id"],
        accepted_at=found["accepted_at"],
        recipients=tuple(found["recipients"]),
        configuration_set=found["configuration_set"],
        overrides=found["overrides"],
        tags=found["tags"],
        raw=b64decode(found["content"]),
    )


def destinations(deployment: Deployment, configuration_set: str | None) -> Sequence[dict[str, Any]]:
    """Return the event destinations of a configuration set."""
    if configuration_set is None:
        return ()
    answer = deployment.client("sesv2").get_configuration_set_event_destinations(
        ConfigurationSetName=configuration_set
    )
    found: list[dict[str, Any]] = answer["EventDestinations"]
    return found


def receive(api: Control, mail: Incoming) -> str:
    """Let a mail arrive; return SES's message id. Raises `MailRefused` and `ControlError`."""
    query = {"mail_from": mail.mail_from, "rcpt_to": mail.rcpt_to, **mail.verdicts}
    answer = api.request("POST", f"inbound?{urllib.parse.urlencode(query, doseq=True)}", mail.raw)
    return str(answer["message_id"])


def received_for(deployment: Deployment) -> tuple[str, ...]:
    """Return what receipt rules keep mail for: domains, then addresses of other domains."""
    rules = deployment.client("ses").describe_active_receipt_rule_set().get("Rules", [])
    keeping = (
        rule
        for rule in rules
        if rule.get("Enabled")
        and any({"S3Action", "SNSAction"} & action.keys() for action in rule.get("Actions", []))
    )
    known = list(dict.fromkeys(each for rule in keeping for each in rule.get("Recipients", [])))
    domains = [each for each in known if "@" not in each]
    return (*domains, *(each for each in known if "@" in each and each.rpartition("@")[2] not in domains))


def account(api: Control) -> Account:
    """Return the account; the simulated GetAccount answers once a second, which the sender needs."""
    return msgspec.convert(api.request("GET", "account"), Account)


def faults(api: Control) -> tuple[Fault, ...]:
    """Return the faults that are armed, in order."""
    return msgspec.convert(api.request("GET", "faults")["faults"], tuple[Fault, ...])
