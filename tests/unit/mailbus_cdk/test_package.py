from __future__ import annotations

import os
import subprocess
import sys

import msgspec
import pytest

import mailbus_cdk
from mailbus_cdk import Settings


def test_reading_settings_does_not_load_the_cdk() -> None:
    program = "import sys; from mailbus_cdk import Settings; sys.exit('aws_cdk' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)


def test_the_package_has_mailbus_and_every_section_of_the_settings() -> None:
    sections = {
        type(getattr(Settings(stage="a", region="us-east-1", identity="example.com"), name))
        for name in Settings.__struct_fields__
    }
    names = {section.__name__ for section in sections if issubclass(section, msgspec.Struct)}
    assert {*mailbus_cdk.__all__} == {"Mailbus", "Settings", "Rule"} | names
    with pytest.raises(AttributeError, match="'mailbus_cdk' has no attribute 'Mailbox'"):
        mailbus_cdk.Mailbox  # noqa: B018 - it is looked up
