"""The main variants of the settings, deployed: what is only synthesized may still be refused.

They have a system of their own, since one of them activates its rule set in place of another stage's.
"""

from __future__ import annotations

import contextlib
import json
from functools import cache
from typing import TYPE_CHECKING

import msgspec
import pytest

from mailbus_cdk.settings import Settings
from mailbus_local.subscriber import Subscriber
from tests.e2e.local import Local, running
from tests.e2e.synthesis import synthesize_stage
from tests.e2e.system import System
from tests.infra.variants import REGIONS, VARIANTS, variant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Outputs = dict[str, dict[str, str]]

STAGES = {
    "least": "the least",
    "all": "everything",
    "found": "what exists is used",
    "away": "SES of another account",
}
# verified, and not in sandbox_recipients
NOT_IN_SETTINGS = "eve@all.example.org"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system with the stage `local`, beside which the variants are deployed."""
    with (
        running(tmp_path_factory.mktemp("variants"), denied=frozenset({_identity(NOT_IN_SETTINGS)})) as local,
        Subscriber(local, "variants") as subscriber,
        contextlib.closing(System(local, subscriber)) as system,
    ):
        yield system


def _identity(name: str) -> str:
    return f"arn:aws:ses:{REGIONS[0]}:000000000000:identity/{name}"


def _settings(stage: str, zone: str) -> Settings:
    """Return a variant's settings with names that no other stage here has."""
    chosen = msgspec.structs.replace(variant(STAGES[stage], REGIONS[0], stage), architecture="host")
    text = msgspec.json.encode(chosen).decode().replace("Z0123456789ABCDEFGHIJ", zone)
    for name in ("shop", "newsletters", "receipts"):
        text = text.replace(f'"{name}"', f'"{name}-{stage}"')
    text = text.replace("example.", f"{stage}.example.")
    return msgspec.json.decode(text, type=Settings)


def _create_existing(system: System, settings: Settings) -> None:
    """Create what the settings expect in the account, as its owner has."""
    ses = system.client("sesv2")
    identities = [
        *(name for name in settings.other_identities if not name.startswith("arn:")),
        *settings.sandbox_recipients,
        *settings.inbound.existing_identities,
        *([settings.identity] if settings.identity_exists else ()),
        *([settings.tracking.custom_redirect_domain] if settings.tracking.custom_redirect_domain else ()),
    ]
    for name in identities:
        ses.create_email_identity(EmailIdentity=name)
    sets = [*settings.other_configuration_sets]
    if settings.configuration_set_exists:
        sets.append(settings.configuration_set)
    for name in sets:
        ses.create_configuration_set(ConfigurationSetName=name)
    # one set is active in an account: that of the settings, or for a stage's own no other
    receiving = system.client("ses")
    if name := settings.inbound.rule_set_name:
        receiving.create_receipt_rule_set(RuleSetName=name)
    receiving.set_active_receipt_rule_set(**({"RuleSetName": name} if name else {}))


@pytest.fixture(scope="module")
def deploy(machine: System, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Outputs]:
    """Return a function that deploys a stage, once, and returns its outputs by stack."""

    @cache
    def deploy(stage: str) -> Outputs:
        zone = machine.client("route53").create_hosted_zone(
            Name=f"{stage}.example.com", CallerReference=stage
        )
        settings = _settings(stage, zone["HostedZone"]["Id"].rpartition("/")[2])
        _create_existing(machine, settings)
        directory = tmp_path_factory.mktemp(stage)
        machine.deploy(synthesize_stage(directory, settings), directory / "outputs.json")
        outputs: Outputs = json.loads((directory / "outputs.json").read_text())
        return outputs

    return deploy


@pytest.mark.parametrize("stage", STAGES)
def test_a_variant_is_deployed(machine: System, deploy: Callable[[str], Outputs], stage: str) -> None:
    outputs = deploy(stage)

    stacks = machine.client("cloudformation").describe_stacks()["Stacks"]
    states = {
        one["StackName"]: one["StackStatus"]
        for one in stacks
        if one["StackName"].startswith(f"mailbus-{stage}-")
    }
    assert set(states) == set(outputs)
    assert set(states.values()) == {"CREATE_COMPLETE"}


@pytest.fixture
def new_account(machine: System, deploy: Callable[[str], Outputs]) -> Iterator[System]:
    """Return the stage `all` in an account that is in the sandbox, with its rate and quota."""
    outputs = {name: value for stack in deploy("all").values() for name, value in stack.items()}
    local = Local({**machine.outputs, **outputs}, {})
    before = machine.account()
    with Subscriber(local, "all") as subscriber, contextlib.closing(System(local, subscriber)) as stage:
        stage.change_account(production_access=False, max_send_rate=1, max_24_hour_send=200)
        yield stage
        stage.change_account(
            **{name: before[name] for name in ("production_access", "max_send_rate", "max_24_hour_send")}
        )


def test_the_first_mail_of_a_new_account_is_sent_to_whom_the_settings_name(new_account: System) -> None:
    (allowed,) = _settings("all", "Z1").sandbox_recipients
    new_account.client("sesv2").create_email_identity(EmailIdentity=NOT_IN_SETTINGS)

    sent, denied, unverified = (
        new_account.send(from_email="shop@all.example.com", to=[recipient])
        for recipient in (allowed, NOT_IN_SETTINGS, "bob@customer.example")
    )

    new_account.wait(1, job_id=sent, event_type="delivered")
    (mail,) = new_account.sent_for(sent)
    assert mail["recipients"] == [allowed]
    # SES asks for the right to an identity before it looks whether the sandbox has it as a recipient
    (failed,) = new_account.wait(1, job_id=denied)
    assert (failed["event_type"], failed["error_code"]) == ("failed", "AccessDeniedException")
    assert f"on resource `{_identity(NOT_IN_SETTINGS)}'" in failed["description"]
    advice = f"add {NOT_IN_SETTINGS} to the setting sandbox_recipients, and deploy again"
    assert advice in failed["description"]
    (rejected,) = new_account.wait(1, job_id=unverified)
    assert (rejected["event_type"], rejected["error_code"]) == ("rejected", "MessageRejected")
    assert "bob@customer.example" in rejected["description"]


def test_each_variant_is_deployed() -> None:
    assert set(STAGES.values()) == set(VARIANTS)
