from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import msgspec

from mailbus_cli.room.app import application
from mailbus_cli.room.failures import Failure, failure_of
from mailbus_cli.room.readings import Part
from mailbus_cli.room.room import Room
from tests.unit.mailbus_cli.room.test_attention import reading
from tests.unit.mailbus_cli.room.test_failures import DENIED, HOST, Refusing, refused

if TYPE_CHECKING:
    from mailbus_cli.room.readings import Reading

EXPIRED = Failure(
    title="Your credentials have expired",
    hint="Log in: `aws sso login --profile prod`.",
    copied="aws sso login --profile prod",
    passes=True,
)


class Read:
    """The figures of a room that were read before."""

    seconds = 60.0

    def __init__(self, last: Reading | None, failure: Failure | None = None) -> None:
        self.last = last
        self.failure = failure

    def look(self) -> Reading | None:
        return self.last


def page(last: Reading | None, failure: Failure | None = None, path: str = "/overview") -> httpx.Response:
    room = Room(Refusing(refused("ExpiredToken"), None), may_write=False)
    room.vitals = Read(last, failure)  # type: ignore[assignment]

    async def get() -> httpx.Response:
        transport = httpx.ASGITransport(application(room, HOST))
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}") as client:
            await client.get("/", params={"token": room.token})
            return await client.get(path)

    return asyncio.run(get())


def test_what_was_read_before_the_credentials_expired_is_shown_with_the_command_to_copy() -> None:
    answer = page(reading(rate=12.1), EXPIRED)
    assert answer.status_code == 200
    assert "<b>Your credentials have expired.</b> What is below was read until " in answer.text
    assert 'data-copy="aws sso login --profile prod"' in answer.text
    assert "12.1 of 14 / s" in answer.text
    assert "Nothing needs attention" not in answer.text
    assert "Nothing needs attention" in page(reading(rate=12.1)).text


def test_without_anything_read_the_page_says_why_and_tries_again() -> None:
    expired: Part[Any] = Part(failure=EXPIRED)
    nothing = msgspec.structs.replace(reading(), limits=expired, queues=expired, alarms=expired)
    assert (page(nothing).status_code, "data-retry" in page(nothing).text) == (503, True)
    assert "<h1>Your credentials have expired</h1>" in page(nothing).text
    assert (page(None).status_code, "data-retry" in page(None).text) == (503, True)


def test_each_denied_panel_has_its_own_statement_and_the_others_stay() -> None:
    denied: Part[Any] = Part(failure=failure_of(refused("AccessDeniedException", DENIED)))
    for part in ("limits", "pace", "queues", "reputation", "alarms", "rule"):
        answer = page(msgspec.structs.replace(reading(rate=12.1), **{part: denied}))
        assert answer.status_code == 200, part
        assert "You may not read this" in answer.text, part
        assert "Copy the policy statement" in answer.text, part
        assert ("Recipients a second since" in answer.text) == (part != "pace"), part
        assert ("keeping up" in answer.text) == (part != "queues"), part


def test_the_figures_beside_the_pages_are_a_fragment_of_their_own() -> None:
    answer = page(reading(rate=12.1), path="/vitals")
    assert answer.text.count("data-vitals=") == 4
    assert "<main" not in answer.text
