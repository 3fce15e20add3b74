from __future__ import annotations

import asyncio
import re
from typing import Any

import httpx
import pytest
from starlette.routing import Route

from mailbus_cli.room.app import application
from mailbus_cli.room.room import Room
from tests.unit.mailbus_cli.room.laptop import FakeDeployment

HOST = "127.0.0.1:8025"
OWN = {"Origin": f"http://{HOST}", "Sec-Fetch-Site": "same-origin"}


class Visitor:
    """A browser's requests, with its cookies."""

    def __init__(self, room: Room) -> None:
        self._app = application(room, HOST)
        self._cookies = httpx.Cookies()

    def get(self, path: str, **more: Any) -> httpx.Response:
        return asyncio.run(self._request("GET", path, **more))

    def post(self, path: str, **more: Any) -> httpx.Response:
        return asyncio.run(self._request("POST", path, **more))

    async def _request(self, method: str, path: str, **more: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(
            transport=transport, base_url=f"http://{HOST}", cookies=self._cookies
        ) as client:
            answer = await client.request(method, path, **more)
            self._cookies.update(client.cookies)
            return answer


def visitor(*, may_write: bool = True, has_token: bool = True) -> tuple[Room, Visitor]:
    room = Room(FakeDeployment(), may_write=may_write)  # type: ignore[arg-type]
    client = Visitor(room)
    if has_token:
        client.get("/", params={"token": room.token})
    return room, client


def test_the_token_is_exchanged_for_a_cookie_and_leaves_the_address() -> None:
    room, client = visitor(has_token=False)
    assert client.get("/received").status_code == 403
    answer = client.get("/received", params={"token": room.token})
    assert (answer.status_code, answer.headers["location"]) == (303, "/received")
    assert re.search(r"HttpOnly.*SameSite=strict", answer.headers["set-cookie"])
    assert room.token not in answer.headers["set-cookie"]
    assert client.get("/received").status_code == 200


def test_the_token_leads_to_no_other_host() -> None:
    room, client = visitor(has_token=False)
    answer = client.get(f"http://{HOST}//evil.example/", params={"token": room.token})
    assert answer.headers["location"] == "/evil.example/"


@pytest.mark.parametrize("token", ["", "x", "é", "\0"])
def test_another_token_opens_nothing(token: str) -> None:
    _, client = visitor(has_token=False)
    assert client.get("/received", params={"token": token}).status_code == 403


@pytest.mark.parametrize("host", ["localhost:8025", "evil.example:8025", "127.0.0.1", "127.0.0.1:80", ""])
def test_another_name_of_this_machine_is_refused(host: str) -> None:
    _, client = visitor()
    assert client.get("/received", headers={"Host": host}).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": f"http://{HOST}", "Sec-Fetch-Site": "same-site"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "null"},
    ],
)
def test_a_form_of_another_site_is_refused(headers: dict[str, str]) -> None:
    room, client = visitor()
    answer = client.post("/send/job", data={"form_token": room.form_token}, headers=headers)
    assert (answer.status_code, "not from a page of the room" in answer.text) == (403, True)


@pytest.mark.parametrize("origin", [f"http://{HOST}", "null"])
def test_the_rooms_own_form_needs_its_token(origin: str) -> None:
    room, client = visitor()
    headers = {**OWN, "Origin": origin}
    assert client.post("/send/job", data={"form_token": "x"}, headers=headers).status_code == 403
    answer = client.post("/send/job", data={"form_token": room.form_token, "job": "no"}, headers=headers)
    assert (answer.status_code, "not JSON" in answer.text) == (422, True)


def test_a_read_only_room_changes_nothing() -> None:
    room, client = visitor(may_write=False)
    answer = client.post("/send/job", data={"form_token": room.form_token}, headers=OWN)
    assert (answer.status_code, "--write" in answer.text) == (403, True)


def posts() -> list[str]:
    """Return an address of every route that takes a form, of the laptop's room, which has the most."""
    room = Room(FakeDeployment("http://127.0.0.1:9/_simulator"), may_write=True)  # type: ignore[arg-type]
    routes = [route for route in application(room, HOST).routes if isinstance(route, Route)]
    return [re.sub(r"\{.*?\}", "x", route.path) for route in routes if "POST" in (route.methods or ())]


@pytest.mark.parametrize("path", posts())
def test_every_form_needs_its_token_and_its_origin(path: str) -> None:
    room = Room(FakeDeployment("http://127.0.0.1:9/_simulator"), may_write=True)  # type: ignore[arg-type]
    client = Visitor(room)
    data = {"form_token": room.form_token}
    assert client.post(path, data=data, headers=OWN).status_code == 403
    client.get("/", params={"token": room.token})
    assert client.post(path, data=data).status_code == 403
    answer = client.post(path, data={"form_token": "x"}, headers=OWN)
    assert (answer.status_code, "load the page again" in answer.text) == (403, True)


def test_a_read_only_room_only_reads_whatever_is_asked_of_it() -> None:
    room = Room(FakeDeployment("http://127.0.0.1:9/_simulator"), may_write=False)  # type: ignore[arg-type]
    client = Visitor(room)
    client.get("/", params={"token": room.token})
    answers = {path: client.post(path, data={"form_token": "x"}, headers=OWN).text for path in posts()}
    allowed = {path for path, text in answers.items() if "read-only" not in text}
    assert allowed == {
        "/dead-letters/x/check",
        "/dead-letters/x/copy",
        "/dead-letters/x/read",
        "/doctor",
        "/sent/x/events/copy",
    }


def test_a_job_that_is_nested_without_end_is_no_job() -> None:
    room, client = visitor()
    data = {"form_token": room.form_token, "job": "[" * 100_000}
    answer = client.post("/send/job", data=data, headers=OWN)
    assert (answer.status_code, "not JSON" in answer.text) == (422, True)


@pytest.mark.parametrize("path", ["/received", "/static/room.css", "/sent/none", "/nowhere"])
def test_every_answer_has_the_policy_and_is_not_kept(path: str) -> None:
    _, client = visitor()
    headers = client.get(path).headers
    assert "script-src 'self'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
