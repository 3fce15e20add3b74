"""A first deployment that fails is tried again; one with a domain that SES has not verified succeeds."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from mailbus_cdk import failed_creation
from mailbus_cdk.settings import Settings
from mailbus_cdk.settings.tables import Timeline, Tracking, Webhook
from mailbus_local import assembly
from tests.e2e.synthesis import synthesize_stage
from tests.e2e.system import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.system import System

SETS = ("first-news", "first-receipts", "first-offers")
# of nobody, for the embedded AWS
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
LINKS = "links.other.example"
SETTINGS = Settings(
    stage="first",
    region="us-east-1",
    identity="first.example",
    mail_from_domain="bounces.first.example",
    dmarc_policy="none",
    dmarc_rua=("dmarc@first.example",),
    other_configuration_sets=SETS,
    architecture="host",
    reserve_concurrency=True,
    tracking=Tracking(custom_redirect_domain=LINKS, notified_identities=("first.example",)),
    timeline=Timeline(days=1),
    webhook=Webhook(topic_arns=("arn:aws:sns:eu-west-1:444455556666:mail-events",)),
)


@pytest.fixture(scope="module")
def stacks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stacks of the stage for the embedded AWS."""
    return synthesize_stage(tmp_path_factory.mktemp("first"), SETTINGS)


def _with_a_resource_that_fails(stacks: Path, target: Path) -> Path:
    """Return the stacks with one more resource in the state stack, which comes after all others."""
    shutil.copytree(stacks, target)
    name = SETTINGS.stack_name("state")
    template = target / f"{name}.template.json"
    state = json.loads(template.read_text())
    exists = {
        "ServiceToken": {"Fn::GetAtt": [assembly.FUNCTION_ID, "Arn"]},
        "ResourceType": "AWS::SES::ReceiptRuleSet",
        "RuleSetName": "mailbus-local",
    }
    state["Resources"]["Last"] = {
        "Type": "AWS::CloudFormation::CustomResource",
        "Properties": exists,
        "DependsOn": list(state["Resources"]),
    }
    template.write_text(json.dumps(state))
    # the CDK uploads a template under its hash, unless that is there already
    files = json.loads((target / f"{name}.assets.json").read_text())["files"]
    (digest,) = [key for key, file in files.items() if file["source"]["path"] == template.name]
    for path in (target / f"{name}.assets.json", target / "manifest.json"):
        path.write_text(path.read_text().replace(digest, digest[::-1]))
    return target


@pytest.fixture(scope="module")
def failed(system: System, stacks: Path) -> Iterator[System]:
    """Return the system after a first deployment of the stage that failed in its state stack.

    In the end the stage is removed, since other tests find functions by name.
    """
    for name in SETS:
        system.client("sesv2").create_configuration_set(ConfigurationSetName=name)
    failing = _with_a_resource_that_fails(stacks, stacks.parent / "failing")
    with pytest.raises(AssertionError, match=r"Rule set\s+already exists: mailbus-local"):
        system.deploy(failing, stacks.parent / "outputs.json")
    yield system
    cloudformation = system.client("cloudformation")
    cloudformation.update_termination_protection(
        StackName=SETTINGS.stack_name("state"), EnableTerminationProtection=False
    )
    for part in ("webhook", "mail", "state"):
        name = SETTINGS.stack_name(part)
        stack_id = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
        cloudformation.delete_stack(StackName=name)

        def deleted(stack_id: str = stack_id) -> bool:
            (stack,) = cloudformation.describe_stacks(StackName=stack_id)["Stacks"]
            return bool(stack["StackStatus"] == "DELETE_COMPLETE")

        eventually(deleted, f"{name} is deleted")


def test_a_first_deployment_that_fails_is_tried_again(
    failed: System, stacks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack, outputs = SETTINGS.stack_name("state"), stacks.parent / "outputs.json"
    (found,) = failed.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    assert (found["StackStatus"], found["EnableTerminationProtection"]) == ("ROLLBACK_COMPLETE", True)
    # what has a fixed name is not in the way
    buses = failed.client("events").list_event_buses()["EventBuses"]
    groups = failed.client("scheduler").list_schedule_groups()["ScheduleGroups"]
    assert SETTINGS.name not in {one["Name"] for one in (*buses, *groups)}

    with pytest.raises(AssertionError, match="cannot be deleted while TerminationProtection is enabled"):
        failed.deploy(stacks, outputs)
    for name, value in {**KEYS, "AWS_ENDPOINT_URL": failed.outputs["endpoint_url"]}.items():
        monkeypatch.setenv(name, value)
    assert failed_creation.allow_retry(stack, SETTINGS.region)
    failed.deploy(stacks, outputs)
    assert not failed_creation.allow_retry(stack, SETTINGS.region), "it holds data now"
    deployed = json.loads(outputs.read_text())
    assert deployed[stack]["EventBusName"] == SETTINGS.name
    # every set publishes
    for name in (SETTINGS.name, *SETS):
        answer = failed.client("sesv2").get_configuration_set_event_destinations(ConfigurationSetName=name)
        assert [one["Name"] for one in answer["EventDestinations"]] == [SETTINGS.name]


def test_a_domain_of_links_is_set_once_it_is_verified(failed: System) -> None:
    ses, lambda_, events = (failed.client(name) for name in ("sesv2", "lambda", "events"))

    def used() -> str | None:
        options = ses.get_configuration_set(ConfigurationSetName=SETTINGS.name).get("TrackingOptions", {})
        domain: str | None = options.get("CustomRedirectDomain")
        return domain

    def call() -> dict[str, Any]:
        rules = events.list_rules(NamePrefix=f"{SETTINGS.name}-")["Rules"]
        (rule,) = [one for one in rules if "RedirectDomain" in one["Name"]]
        (target,) = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
        answer: dict[str, Any] = lambda_.invoke(FunctionName=target["Arn"], Payload=target["Input"])
        return answer

    assert used() is None, "the deployment succeeded without it"
    assert "FunctionError" not in call()
    assert used() is None
    ses.create_email_identity(EmailIdentity="other.example")
    assert "FunctionError" not in call()
    assert used() == LINKS
