"""The templates of a deployment, and how the tests read them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from aws_cdk import App

from mailbus_cdk.feature_flags import FEATURE_FLAGS

if TYPE_CHECKING:
    from mailbus_cdk.settings import Settings

ACCOUNT = "111122223333"
PSEUDO_PARAMETERS = {"AWS::AccountId": ACCOUNT, "AWS::Partition": "aws", "AWS::Region": "us-east-1"}
SES_ARN = f"arn:aws:ses:us-east-1:{ACCOUNT}"


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """A resource of a template. `path` is that of its construct, without the stack's name."""

    stack: str
    path: str
    type: str
    properties: dict[str, Any]
    depends_on: tuple[str, ...]
    deletion_policy: str | None
    logical_id: str


class Templates:
    """The templates of one deployment, by the last word of their stacks' names."""

    def __init__(self, app: App, settings: Settings) -> None:
        self.app = app
        self.settings = settings
        assembly = app.synth()
        self.manifest: dict[str, Any] = json.loads((Path(assembly.directory) / "manifest.json").read_text())
        self.files = {
            stack.stack_name.rpartition("-")[2]: Path(stack.template_full_path) for stack in assembly.stacks
        }
        self.raw: dict[str, Any] = {name: json.loads(path.read_text()) for name, path in self.files.items()}
        self.resources = [
            Resource(
                stack=stack,
                path=_path(body),
                type=body["Type"],
                properties=body.get("Properties", {}),
                depends_on=tuple(body.get("DependsOn", ())),
                deletion_policy=body.get("DeletionPolicy"),
                logical_id=logical_id,
            )
            for stack, template in self.raw.items()
            for logical_id, body in template["Resources"].items()
        ]

    def of_type(self, kind: str) -> list[Resource]:
        """Return all resources of a type, of which there must be one."""
        found = [resource for resource in self.resources if resource.type == kind]
        assert found, f"no {kind}"
        return found

    def one(self, kind: str, path: str = "") -> Resource:
        """Return the one resource of a type whose path contains this."""
        (found,) = [resource for resource in self.of_type(kind) if path in resource.path]
        return found

    def outputs(self, stack: str) -> dict[str, Any]:
        return {
            name: output["Value"]
            for name, output in self.raw[stack]["Outputs"].items()
            if "Export" not in output
        }

    def text(self, stack: str, value: Any) -> str:
        """Return a template's value with construct paths in place of references."""
        match value:
            case str():
                return value
            case {"Ref": str(name)} if name in PSEUDO_PARAMETERS:
                return PSEUDO_PARAMETERS[name]
            case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), _]}:
                (found,) = [r for r in self.resources if r.stack == stack and r.logical_id == name]
                return f"<{found.path}>"
            case {"Fn::Join": [str(separator), list(parts)]}:
                return separator.join(self.text(stack, part) for part in parts)
            case {"Fn::ImportValue": str(export)}:
                return self._exported(export)
            case {"Fn::GetStackOutput": {"StackName": str(name), "OutputName": str(output)}}:
                producer = name.rpartition("-")[2]
                return self.text(producer, self.raw[producer]["Outputs"][output]["Value"])
            case _:
                pytest.fail(f"no text for {value}")

    def referred(self, resource: Resource, reference: Any) -> Resource:
        """Return the resource that a property of another one refers to."""
        path = self.text(resource.stack, reference).strip("<>")
        (found,) = [other for other in self.resources if other.path == path]
        return found

    def environment(self, name: str) -> dict[str, Any]:
        """Return the environment of the function of that folder."""
        (function,) = [f for f in self.of_type("AWS::Lambda::Function") if folder(f) == name]
        variables: dict[str, Any] = function.properties["Environment"]["Variables"]
        return variables

    def rights(self, policy: Resource) -> set[tuple[str, str]]:
        """Return each action of a policy with each of its resources. Fails if anything is denied."""
        assert {statement["Effect"] for statement in statements(policy)} == {"Allow"}
        return {
            (action, self.text(policy.stack, resource))
            for statement in statements(policy)
            for action in listed(statement["Action"])
            for resource in listed(statement["Resource"])
        }

    def _exported(self, export: str) -> str:
        for stack, template in self.raw.items():
            for output in template["Outputs"].values():
                if output.get("Export", {}).get("Name") == export:
                    return self.text(stack, output["Value"])
        pytest.fail(f"nothing exports {export}")


def _path(body: dict[str, Any]) -> str:
    path: str = body.get("Metadata", {}).get("aws:cdk:path", "")
    return path.partition("/")[2].removesuffix("/Resource").removesuffix("/Default")


def new_app(outdir: Path) -> App:
    """Return an app with the feature flags of `mailbus_cdk`, but one: the domains here are reserved ones."""
    context = FEATURE_FLAGS | {
        # copies of the functions, 1,800 files, would take half of the time of a synthesis
        "aws:cdk:disable-asset-staging": True,
        "aws:cdk:enable-path-metadata": True,
        # an error of a construct stops the CDK's command line alone
        "@aws-cdk/core:annotationsInValidationReport": False,
    }
    return App(outdir=str(outdir), context=context)


def folder(function: Resource) -> str:
    """Return the folder of a function's handler."""
    name: str = function.properties["Handler"].partition(".")[0]
    return name


def statements(policy: Resource) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = policy.properties["PolicyDocument"]["Statement"]
    return found


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def denies_plain_connections(policy: Resource, principal: Any, action: str) -> bool:
    return any(
        (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", principal, action)
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        for statement in statements(policy)
    )
