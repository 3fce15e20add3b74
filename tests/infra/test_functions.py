"""The functions: environment, rights, logs."""

from __future__ import annotations

import ast

from mailbus.environment import (
    GuardSettings,
    InboundSettings,
    SenderSettings,
    TimelineSettings,
    TrackingSettings,
)
from tests.architecture.source_tree import ROOT
from tests.infra.rights import RIGHTS
from tests.infra.templates import (
    Templates,
    folder,
)

SETTINGS_CLASSES = {
    "sender": SenderSettings,
    "tracking": TrackingSettings,
    "inbound": InboundSettings,
    "timeline": TimelineSettings,
    "guard": GuardSettings,
}


def test_each_function_gets_exactly_the_environment_that_it_reads(prod: Templates) -> None:
    read = {
        name: {variable.upper() for variable in kind.__struct_fields__}
        for name, kind in SETTINGS_CLASSES.items()
    }
    given = {
        folder(function): set(function.properties["Environment"]["Variables"]) - {"POWERTOOLS_SERVICE_NAME"}
        for function in prod.of_type("AWS::Lambda::Function")
    }
    # What the settings leave out, the function does without.
    read["sender"] -= {"SES_ROLE_ARN", "SES_REGION"}
    assert given == {**read, "activation": set()}


def test_each_flow_has_its_own_dead_letter_queue_to_write_to(prod: Templates) -> None:
    for name, flow in (
        ("sender", "Sending"),
        ("tracking", "Tracking"),
        ("inbound", "Inbound"),
        ("timeline", "Timeline"),
    ):
        url = prod.environment(name)["DEAD_LETTER_QUEUE_URL"]
        assert prod.text("mail", url) == f"<Mail/{flow}/DeadLetters/Queue>"


def test_every_deployed_handler_exists(prod: Templates) -> None:
    for function in prod.of_type("AWS::Lambda::Function"):
        folder, module, name = function.properties["Handler"].split(".")
        source = ast.parse((ROOT / "functions" / folder / f"{module}.py").read_text())
        assert name in {node.name for node in source.body if isinstance(node, ast.FunctionDef)}


def test_functions_run_on_arm_in_an_account_and_on_the_host_on_a_laptop(
    prod: Templates, local: Templates
) -> None:
    deployed = prod.of_type("AWS::Lambda::Function")
    assert [function.properties["Architectures"] for function in deployed] == [["arm64"]] * len(deployed)
    for function in local.of_type("AWS::Lambda::Function"):
        assert function.properties["Architectures"] in (["arm64"], ["x86_64"])
    assert local.settings.architecture == "host"


def test_logs_are_kept_as_long_as_the_settings_say_and_no_longer(prod: Templates) -> None:
    groups = prod.of_type("AWS::Logs::LogGroup")
    assert len(groups) == len(prod.of_type("AWS::Lambda::Function"))
    assert {group.properties["RetentionInDays"] for group in groups} == {90}


def test_each_function_has_exactly_its_rights(prod: Templates) -> None:
    granted: dict[str, set[tuple[str, str]]] = {}
    for policy in prod.of_type("AWS::IAM::Policy"):
        rights = granted.setdefault(policy.path.partition("/Role/")[0], set())
        rights |= prod.rights(policy)
    assert granted == RIGHTS


def test_roles_have_no_managed_policies(prod: Templates) -> None:
    for role in prod.of_type("AWS::IAM::Role"):
        assert set(role.properties) == {"AssumeRolePolicyDocument"}
