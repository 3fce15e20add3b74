"""Stages synthesized once for all tests: starting jsii and packaging take seconds."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

# jsii looks for Node when aws_cdk is imported; ours comes with the Python environment.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
os.environ["JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION"] = "1"

from aws_cdk import App

from mailbus_cdk.mailbus import deployment
from mailbus_cdk.packaging import ROOT
from mailbus_cdk.settings.schema import Alarms, Inbound, Retention, Settings, load

if TYPE_CHECKING:
    from collections.abc import Callable

ACCOUNT = "111122223333"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:alarms"
# Not the file's: that says what its users deploy.
PROD = Settings(
    stage="prod",
    region="us-east-1",
    identity="example.com",
    log_retention_days=90,
    retention=Retention(parts_days=60, jobs_days=45, event_archive_days=90),
    message_tag_name="campaign",
    send_defaults={"reply_to": ["support@example.com"]},
    source_buckets=("example-invoices",),
    alarms=Alarms(topic_arn=TOPIC),
    inbound=Inbound(domain="inbound.example.com"),
)


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
        """All resources of a type; there has to be one."""
        found = [resource for resource in self.resources if resource.type == kind]
        assert found, f"no {kind}"
        return found

    def one(self, kind: str, path: str = "") -> Resource:
        """The one resource of a type whose path has this in it."""
        (found,) = [resource for resource in self.of_type(kind) if path in resource.path]
        return found

    def outputs(self, stack: str) -> dict[str, Any]:
        return {
            name: output["Value"]
            for name, output in self.raw[stack]["Outputs"].items()
            if "Export" not in output
        }

    def text(self, stack: str, value: Any) -> str:
        """Write a template's value with construct paths in the place of references."""
        match value:
            case str():
                return value
            case {"Ref": "AWS::AccountId"}:
                return ACCOUNT
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
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    return App(outdir=str(outdir), context=context | {"aws:cdk:enable-path-metadata": True})


@pytest.fixture(scope="session")
def app_in() -> Callable[[Path], App]:
    return new_app


@pytest.fixture(scope="session")
def synthesize(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Settings], Templates]:
    def made(settings: Settings) -> Templates:
        app = new_app(tmp_path_factory.mktemp("cdk-out"))
        deployment(app, settings=settings)
        return Templates(app, settings)

    return made


@pytest.fixture(scope="session")
def settings() -> Settings:
    return PROD


@pytest.fixture(scope="session")
def prod(synthesize: Callable[[Settings], Templates], settings: Settings) -> Templates:
    return synthesize(settings)


@pytest.fixture(scope="session")
def local(synthesize: Callable[[Settings], Templates]) -> Templates:
    return synthesize(load(ROOT / "mailbus.toml", "local"))
