from __future__ import annotations

import fcntl
import socket
from typing import TYPE_CHECKING

import pytest

from mailbus_local.embedded import EmbeddedAws, Ports
from mailbus_local.ministack import EmbeddedAwsError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("kind", ["aws", "ses", "smtp", "sns"])
def test_a_port_in_use_is_an_error_with_its_number(tmp_path: Path, kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        with pytest.raises(EmbeddedAwsError, match=f"port {port}: .*choose another"):
            EmbeddedAws(directory=tmp_path, ports=Ports(**{kind: port}))


def test_each_server_needs_a_different_port(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedAwsError, match="need different ports"):
        EmbeddedAws(directory=tmp_path, ports=Ports(aws=45_670, ses=45_670))


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
