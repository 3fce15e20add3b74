from __future__ import annotations

import fcntl
import socket
from typing import TYPE_CHECKING

import pytest

from mailbus_local.embedded import EmbeddedAws
from mailbus_local.errors import EmbeddedAwsError
from mailbus_local.ports import Ports

if TYPE_CHECKING:
    from pathlib import Path


def test_a_port_in_use_is_reported_before_anything_is_started(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        ports = Ports(smtp=other.getsockname()[1])

        with (
            pytest.raises(EmbeddedAwsError, match=r"--smtp-port .* is in use"),
            EmbeddedAws(directory=tmp_path, ports=ports, progress=pytest.fail),
        ):
            pass

    assert {path.name for path in tmp_path.iterdir()} == {"lock"}


def test_a_directory_holds_one_running_system_whose_outputs_are_kept(tmp_path: Path) -> None:
    (tmp_path / "outputs.json").write_text("{}")
    with (tmp_path / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)

        with (
            pytest.raises(EmbeddedAwsError, match=r"another system runs in .*; end it first"),
            EmbeddedAws(directory=tmp_path),
        ):
            pass

    assert (tmp_path / "outputs.json").read_text() == "{}"
