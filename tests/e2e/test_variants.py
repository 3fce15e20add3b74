"""The main variants of the settings, deployed: what is only synthesized may still be refused.

They have a system of their own, since one of them activates its rule set in place of another stage's.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

import msgspec
import pytest

from mailbus_cdk.feature_flags import FEATURE_FLAGS
from mailbus_cdk.settings import Settings
from mailbus_local import assembly
from mailbus_local.subscriber import Subscriber
from tests.e2e.local import running
from tests.e2e.system import System
from tests.infra.variants import REGIONS, VARIANTS, variant

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STAGES = {
    "least": "the least",
    "all": "everything",
    "found": "what exists is used",
    "away": "SES of another account",
}


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system with the stage `local`, beside which the variants are deployed."""
    with (
        running(tmp_path_factory.mktemp("variants")) as local,
        Subscriber(local, "variants") as subscriber,
        contextlib.closing(System(local, subscriber)) as system,
    ):
        yield system


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


@pytest.mark.parametrize("stage", STAGES)
def test_a_variant_is_deployed(machine: System, tmp_path: Path, stage: str) -> None:
    from aws_cdk import App  # noqa: PLC0415 - it starts Node

    from mailbus_cdk.mailbus import deployment  # noqa: PLC0415 - it imports aws_cdk

    zone = machine.client("route53").create_hosted_zone(Name=f"{stage}.example.com", CallerReference=stage)
    settings = _settings(stage, zone["HostedZone"]["Id"].rpartition("/")[2])
    _create_existing(machine, settings)
    # tests/infra validates what is deployed here
    app = App(
        outdir=str(tmp_path / "synthesized"),
        context={**FEATURE_FLAGS, "@aws-cdk/core:annotationsInValidationReport": False},
        builtin_cloud_formation_validation=False,
    )
    deployment(app, settings=settings)
    app.synth()
    assembly.adapt(tmp_path / "synthesized", tmp_path / "adapted")

    machine.deploy(tmp_path / "adapted", tmp_path / "outputs.json")

    stacks = machine.client("cloudformation").describe_stacks()["Stacks"]
    states = {
        one["StackName"]: one["StackStatus"]
        for one in stacks
        if one["StackName"].startswith(f"mailbus-{stage}-")
    }
    assert set(states) == set(json.loads((tmp_path / "outputs.json").read_text()))
    assert set(states.values()) == {"CREATE_COMPLETE"}


def test_each_variant_is_deployed() -> None:
    assert set(STAGES.values()) == set(VARIANTS)
