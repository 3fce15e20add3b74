from __future__ import annotations

import http.client
import socket
from typing import TYPE_CHECKING

import boto3
import pytest

from mailbus_cli.deployment import Deployment
from mailbus_cli.errors import CommandError
from mailbus_cli.room.room import Room
from mailbus_cli.room.server import Server

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def room(tmp_path: Path) -> Room:
    session = boto3.Session("test", "test", region_name="us-east-1")
    return Room(Deployment(stage="local", session=session, outputs={}, directory=tmp_path), may_write=True)


def _status(server: Server, path: str) -> int:
    connection = http.client.HTTPConnection(server.origin.removeprefix("http://"), timeout=30)
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def test_a_room_is_served_on_this_machine_to_who_has_the_token(room: Room) -> None:
    with Server(room) as server:
        assert server.origin.startswith("http://127.0.0.1:")
        assert _status(server, server.address.removeprefix(server.origin)) == 303
        assert _status(server, "/sent") == 403
    with pytest.raises(ConnectionRefusedError):
        _status(server, "/")


def test_a_port_that_is_taken_is_an_error_that_says_so(room: Room) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CommandError, match=f"port {port} of 127.0.0.1 cannot be used") as error:
            Server(room, port=port)
    assert "--port" in error.value.hint
