from __future__ import annotations

import os
import subprocess
import sys

import pytest

import mailbus_cdk


def test_reading_settings_does_not_load_the_cdk() -> None:
    program = "import sys; from mailbus_cdk import Settings; sys.exit('aws_cdk' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)


def test_the_package_has_nothing_but_mailbus_and_settings() -> None:
    assert mailbus_cdk.__all__ == ["Mailbus", "Settings"]
    with pytest.raises(AttributeError, match="'mailbus_cdk' has no attribute 'Mailbox'"):
        mailbus_cdk.Mailbox  # noqa: B018 - it is looked up
