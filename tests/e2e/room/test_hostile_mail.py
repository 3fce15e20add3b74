"""Hostile mail in a real browser: no connection leaves, no script runs, the page stays its own."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.e2e.room.hostile import ALONE, CLICKED, mails
from tests.e2e.room.recorded import send

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from tests.e2e.room.browser import Visit
    from tests.e2e.system import System

# what a browser reaches of them where nothing holds it back; more than these would do
REACHED = 20
# what the console says of them, and the requests that were refused before a connection
REFUSED = ("Content Security Policy", "sandbox", "ERR_UNKNOWN_URL_SCHEME", "violates", "Blocked", "cid:logo")


class Trap:
    """A port that counts who connects to it, whatever is said then."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/x"
        self.connections = 0
        self._is_open = True
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def wait(self, count: int) -> int:
        with self._changed:
            self._changed.wait_for(lambda: self.connections >= count, timeout=60)
            return self.connections

    def close(self) -> None:
        self._is_open = False
        # the thread waits for the next connection
        socket.create_connection(self._socket.getsockname()).close()
        self._thread.join()
        self._socket.close()

    def _accept(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            connection.close()
            if not self._is_open:
                return
            with self._changed:
                self.connections += 1
                self._changed.notify_all()


@pytest.fixture(scope="module")
def trap() -> Iterator[Trap]:
    trap = Trap()
    yield trap
    trap.close()


@pytest.fixture(scope="module")
def message_ids(system: System, trap: Trap) -> dict[str, str]:
    """Send each hostile mail; return their message ids by name."""
    jobs = {
        name: send(system, "delivered", subject=name, html=html) for name, html in mails(trap.url).items()
    }
    return {name: str(sent[0].message_id) for name, sent in jobs.items()}


@pytest.fixture
def other() -> Iterator[Trap]:
    other = Trap()
    yield other
    other.close()


def test_a_browser_without_the_frame_connects(browser: Browser, other: Trap) -> None:
    page = browser.new_page()
    page.set_content(mails(other.url)["together"], wait_until="commit")
    assert other.wait(REACHED) >= REACHED
    page.close()


def test_nothing_leaves_the_frame(
    visit: Visit, browser: Browser, trap: Trap, other: Trap, message_ids: dict[str, str]
) -> None:
    # the console names what the frame's policy and its sandbox refuse
    visit.expect(*REFUSED, trap.url)
    for name in ("together", *ALONE, *CLICKED):
        page = visit.open(f"/sent/{message_ids[name]}/html")
        title = page.title()
        if name in CLICKED:
            page.locator("iframe").click(position={"x": 200, "y": 100}, force=True)
        if name == "link":
            page.keyboard.press("Tab")
            page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_contain_text(name)
        assert page.title() == title, name
        assert page.evaluate("document.cookie") == "", name
        page.close()
    # a connection after all of them, which shows that theirs would have been seen
    last = browser.new_page()
    last.set_content(f"<img src='{other.url}'>", wait_until="commit")
    assert other.wait(1)
    last.close()
    assert trap.connections == 0


def test_no_script_of_a_mail_runs(visit: Visit, trap: Trap, message_ids: dict[str, str]) -> None:
    visit.expect(*REFUSED, trap.url)
    page = visit.open(f"/sent/{message_ids['together']}/html")
    frame: Any = page.locator("iframe").element_handle().content_frame()
    # the piece "deep" apart: all pieces are there, and none of them did anything
    assert frame.locator("section").count() > 50
    assert frame.locator("iframe, object, embed, link, base[href]").count() == 0
    assert frame.locator("[onload], [onerror]").count() > 0
    assert page.title() != "owned"
    assert len(page.frames) == 2


def test_the_frame_has_its_own_policy_and_files_are_never_shown(
    visit: Visit, trap: Trap, message_ids: dict[str, str]
) -> None:
    visit.expect(*REFUSED, trap.url)
    page = visit.open(f"/sent/{message_ids['link']}/html")
    with page.expect_response(lambda answer: answer.url.endswith("/frame")) as waited:
        page.reload()
    headers = waited.value.headers
    assert "sandbox; default-src 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    raw = page.request.get(f"{page.url.rpartition('/')[0]}/raw")
    assert raw.headers["content-type"] == "application/octet-stream"
    assert raw.headers["content-disposition"].startswith("attachment;")
