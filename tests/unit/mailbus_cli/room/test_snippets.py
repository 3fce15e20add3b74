from __future__ import annotations

import ast
import shlex

import pytest

from mailbus_cli.room.snippets import sender_of, snippets
from tests.unit.mailbus_cli.room.laptop import FakeDeployment


def test_the_programs_are_python_and_the_command_is_one_of_a_shell() -> None:
    by_key = {each.key: each for each in snippets(FakeDeployment())}  # type: ignore[arg-type] # a stand-in
    for key in ("python", "django", "boto3"):
        ast.parse(by_key[key].code)
    words = shlex.split(by_key["terminal"].code)
    assert words[:3] == ["mailbus", "send", "--local"]
    assert words[words.index("--text") + 1] == "It works."


@pytest.mark.parametrize(
    ("identity", "sender"),
    [("example.net", "shop@example.net"), ("ann@example.net", "ann@example.net"), (None, "shop@example.com")],
)
def test_mail_is_from_the_identity_of_the_stage(identity: str | None, sender: str) -> None:
    deployment = FakeDeployment()
    if identity:
        deployment.outputs["Identity"] = identity
    assert sender_of(deployment) == sender  # type: ignore[arg-type] # a stand-in
