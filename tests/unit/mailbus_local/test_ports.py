from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from mailbus_local.errors import EmbeddedAwsError
from mailbus_local.ministack import MiniStack
from mailbus_local.ports import Ports, free_port, require_free, taken_ports_named
from mailbus_local.stop_signals import StopRequest

if TYPE_CHECKING:
    from pathlib import Path

FLAGS = [("aws", "--port"), ("ses", "--ses-port"), ("smtp", "--smtp-port"), ("sns", "--sns-port")]


@pytest.mark.parametrize(("kind", "flag"), FLAGS)
def test_a_port_in_use_is_an_error_that_names_the_flag(kind: str, flag: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        with pytest.raises(EmbeddedAwsError) as error:
            require_free(Ports(**{kind: port}))

    assert str(error.value) == (
        f"{flag} {port} is in use: choose another with {flag}, or leave it out for a free one"
    )


def test_a_port_that_is_not_permitted_is_an_error_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def bind(_socket: socket.socket, _address: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", bind)

    with pytest.raises(EmbeddedAwsError, match=r"--smtp-port 25 cannot be used \(Permission denied\)"):
        require_free(Ports(smtp=25))


def test_each_server_needs_a_port_of_its_own() -> None:
    with pytest.raises(EmbeddedAwsError, match=r"port of its own: --port 45670, --ses-port 45670$"):
        require_free(Ports(aws=45_670, ses=45_670))


def test_free_ports_are_free_and_none_that_the_system_assigns_to_others() -> None:
    port = free_port()

    require_free(Ports(aws=port))
    assert 20_000 <= port < 32_768


def test_a_port_that_is_taken_between_check_and_use_is_named_too() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        pytest.raises(EmbeddedAwsError, match=r"--ses-port .* is in use"),
        taken_ports_named(Ports(ses=other.getsockname()[1], smtp=free_port())),
    ):
        raise OSError


def test_an_error_for_another_reason_stays_as_it_is() -> None:
    with pytest.raises(TimeoutError), taken_ports_named(Ports(aws=free_port())):
        raise TimeoutError


def test_another_ministack_on_the_port_is_not_taken_for_this_one(ministack: str, tmp_path: Path) -> None:
    port = int(ministack.rsplit(":", 1)[1])
    late = MiniStack(port=port, log=tmp_path / "log", scratch=tmp_path, function_environment={})
    late.start()
    try:
        with (
            pytest.raises(EmbeddedAwsError, match=f"--port {port} is in use"),
            taken_ports_named(Ports(aws=port)),
        ):
            late.wait()
    finally:
        late.stop()


def test_a_stop_ends_the_wait_for_ministack(tmp_path: Path) -> None:
    stop = StopRequest()
    stop.request()
    ministack = MiniStack(port=free_port(), log=tmp_path / "log", scratch=tmp_path, function_environment={})
    ministack.start()
    try:
        with pytest.raises(EmbeddedAwsError, match="stopped before the system was ready"):
            ministack.wait(stop)
    finally:
        ministack.stop()
