"""What a stage is found by: its stack outputs, and the same in SSM's parameter store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from aws_cdk import Environment, Stack

from mailbus import __version__
from mailbus.stages import QUEUE_URLS
from mailbus_cdk.mailbus import Mailbus, deployment
from mailbus_cdk.settings.receiving import Inbound, Rule
from mailbus_cdk.settings.tables import SessionParams, Webhook
from mailbus_cdk.sources import find
from tests.infra.linters import lint, nag
from tests.infra.templates import Templates

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mailbus_cdk.settings import Settings

PARAMETER = "AWS::SSM::Parameter"


@pytest.fixture(scope="module")
def everything(settings: Settings) -> Settings:
    """Return settings with every output."""
    return msgspec.structs.replace(
        settings,
        other_identities=("example.net",),
        mail_from_domain="bounces.example.com",
        dmarc_policy="none",
        tracking=msgspec.structs.replace(settings.tracking, custom_redirect_domain="links.example.com"),
        inbound=msgspec.structs.replace(settings.inbound, domains=("example.org",), encrypt=True),
        webhook=Webhook(topic_arns=("arn:aws:sns:eu-west-1:444455556666:mail-events",)),
    )


def _parameters(templates: Templates, stack: str) -> dict[str, Any]:
    return {
        parameter.properties["Name"]: parameter.properties["Value"]
        for parameter in templates.of_type(PARAMETER)
        if parameter.stack == stack
    }


@pytest.mark.parametrize("stack", ["state", "mail", "receiving", "webhook"])
def test_each_output_of_a_stack_is_a_parameter_with_the_same_value(
    synthesize: Callable[[Settings], Templates], everything: Settings, stack: str
) -> None:
    templates = synthesize(everything)
    outputs = {
        f"/mailbus/prod/{name}": value
        for name, value in templates.outputs(stack).items()
        # the CDK's own, for references between stacks
        if not name.startswith("PublishOutput")
    }
    assert _parameters(templates, stack) == outputs


def test_parameters_are_plain_strings_that_go_with_their_stack(prod: Templates) -> None:
    for parameter in prod.of_type(PARAMETER):
        assert parameter.properties["Type"] == "String"
        assert "Tier" not in parameter.properties, "the standard one, which costs nothing"
        assert parameter.deletion_policy is None


def test_the_names_that_clients_look_up_are_among_them(prod: Templates) -> None:
    names = {name.rpartition("/")[2] for name in _parameters(prod, "mail")}
    assert {*QUEUE_URLS.values()} <= names


def test_stages_share_no_parameter(
    synthesize: Callable[[Settings], Templates], settings: Settings, prod: Templates
) -> None:
    # a stage that is renamed is another one too
    other = synthesize(msgspec.structs.replace(settings, stage="s" * 24))
    names = [set(_parameters(templates, "mail")) for templates in (prod, other)]
    assert not names[0] & names[1]
    assert max(len(name) for name in names[1]) < 200


def test_the_construct_has_the_outputs_of_a_stages_stacks(
    app_in: Callable[[Path], Any],
    tmp_path: Path,
    synthesize: Callable[[Settings], Templates],
    everything: Settings,
) -> None:
    app = app_in(tmp_path)
    stack = Stack(app, "Shop", env=Environment(region="us-east-1"))
    Mailbus(stack, "Mail", settings=everything)
    assert nag(app) == []
    inside = Templates(app, everything)
    stages = synthesize(everything)
    found = _parameters(inside, "Shop")
    assert set(found) == {name for part in stages.raw for name in _parameters(stages, part)}
    assert [*inside.outputs("Shop").values()] == [*found.values()]
    assert lint(inside.files["Shop"]) == []


def test_two_stages_fit_into_one_app(
    app_in: Callable[[Path], Any], tmp_path: Path, settings: Settings
) -> None:
    app = app_in(tmp_path)
    for stage in ("dev", "prod"):
        deployment(app, settings=msgspec.structs.replace(settings, stage=stage))
    names = [
        resource["Properties"]["Name"]
        for stack in app.synth().stacks
        for resource in stack.template["Resources"].values()
        if resource["Type"] == PARAMETER
    ]
    assert len(names) == len(set(names))
    assert {name.split("/")[2] for name in names} == {"dev", "prod"}


def test_what_is_expected_of_ses_is_there(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    rules = (Rule(name="first"), Rule(name="off", enabled=False), Rule(name="last"))
    changed = msgspec.structs.replace(
        settings,
        other_identities=("example.net", "ada@example.com"),
        other_configuration_sets=("newsletters",),
        mail_from_domain="bounces.example.com",
        session_params=SessionParams(region="eu-west-1"),
        inbound=Inbound(domains=("inbound.example.com",), rules=rules),
    )
    outputs = synthesize(changed).outputs("mail")
    assert outputs["Version"] == __version__
    assert outputs["CodeDigest"] == find().digest
    assert outputs["Identity"] == settings.identity
    assert outputs["OtherIdentities"] == "example.net,ada@example.com"
    assert outputs["OtherConfigurationSets"] == "newsletters"
    assert outputs["MailFromDomain"] == "bounces.example.com"
    assert outputs["SesRegion"] == "eu-west-1"
    assert outputs["ReceiptRules"] == "mailbus-prod.first,mailbus-prod.last"


def test_as_many_names_are_written_as_a_free_parameter_holds(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    identities = tuple(f"{number:04}.example.net" for number in range(400))
    written = synthesize(msgspec.structs.replace(settings, other_identities=identities)).outputs("mail")
    value = written["OtherIdentities"]
    assert 3900 < len(value) <= 4000
    assert value.split(",") == [*identities[: value.count(",") + 1]]
