"""`make screenshots`: the pictures of the mail room in docs/images, taken of the whole system in Chromium.

`python -m tests.e2e.room.screenshots` starts a system of its own, sends and receives a shop's mail, and looks
at its pages.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from playwright.sync_api import Page, expect, sync_playwright

from mailbus_cli.deployment import find
from mailbus_local.subscriber import Subscriber
from tests.architecture.source_tree import ROOT
from tests.e2e.local import running
from tests.e2e.room import example_mail
from tests.e2e.room.browser import DESKTOP, LIMIT_MS, PHONE, Scheme, chromium, launch
from tests.e2e.system import System

if TYPE_CHECKING:
    from playwright.sync_api import Browser

IMAGES: Final = ROOT / "docs/images"
LARGEST: Final = 300 * 1024


def _mail(page: Page) -> None:
    expect(page.frame_locator("iframe").get_by_text("Pay now")).to_be_visible()


def _merge(page: Page) -> None:
    page.get_by_label("As").select_option("ada@example.org")
    expect(page.frame_locator("iframe").get_by_text("Hello Ada")).to_be_visible()


def _received(page: Page) -> None:
    page.get_by_role("link", name=re.compile(re.escape(example_mail.ORDER))).first.click()
    expect(page.get_by_role("heading", level=2)).to_have_text(example_mail.ORDER)


def _dead_letters(page: Page) -> None:
    page.get_by_role("link", name=re.compile(example_mail.TICKET)).click()
    expect(page.locator(".letter h2")).to_have_text(example_mail.TICKET)
    expect(page.locator(".lines [data-error]")).to_be_visible()
    page.get_by_role("checkbox", name="InvalidJob at $.attachments[0].content").check()


def _overview(page: Page) -> None:
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_text("run at")).to_be_visible()
    page.evaluate("scrollTo(0, 0)")


def _nothing(_page: Page) -> None:
    """Take the page as it is opened."""


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the room; `prepare` does what a reader did before."""

    name: str
    path: str
    scheme: Scheme = "light"
    is_phone: bool = False
    prepare: Callable[[Page], None] = _nothing


PICTURES: Final = (
    Picture(name="room-sent", path="/sent"),
    Picture(name="room-mail", path=f"/sent/{example_mail.INVOICE}", prepare=_mail),
    Picture(name="room-merge", path=f"/sent/{example_mail.DIGEST}", scheme="dark", prepare=_merge),
    Picture(name="room-received", path="/received", prepare=_received),
    Picture(name="room-dead-letters", path="/dead-letters/send", prepare=_dead_letters),
    Picture(name="room-tools", path="/tools"),
    Picture(name="room-phone", path="/sent", is_phone=True),
)
#: Taken while much mail is sent.
BUSY: Final = (Picture(name="room-overview", path="/overview", scheme="dark", prepare=_overview),)


def take(browser: Browser, address: str, picture: Picture, folder: Path) -> Path:
    """Take a picture; return its file."""
    context = browser.new_context(
        viewport=PHONE if picture.is_phone else DESKTOP,
        color_scheme=picture.scheme,
        locale="en-GB",
        reduced_motion="reduce",
    )
    context.set_default_timeout(LIMIT_MS)
    page = context.new_page()
    page.goto(address)
    page.goto(re.sub(r"/\?.*", picture.path, address))
    page.wait_for_load_state()
    picture.prepare(page)
    if (live := page.locator("[data-live-button]")).is_visible():
        expect(live).to_have_attribute("data-state", "live")
    path = folder / f"{picture.name}.png"
    page.screenshot(path=path, animations="disabled", caret="hide")
    context.close()
    return path


def take_all(address: str, pictures: Sequence[Picture], folder: Path) -> None:
    """Take pictures of the room at an address."""
    path = chromium()
    assert path, "the pictures need Chromium"
    folder.mkdir(exist_ok=True)
    # a busy machine has the time it needs
    expect.set_options(timeout=LIMIT_MS)
    with sync_playwright() as playwright:
        browser = launch(playwright, path)
        for picture in pictures:
            file = take(browser, address, picture, folder)
            size = file.stat().st_size
            assert size <= LARGEST, f"{file} has {size} bytes"
            print(f"{file.relative_to(ROOT)} {size // 1024} KB")  # noqa: T201 - a command
        browser.close()


def main() -> None:
    # the pages show the server's time
    os.environ["TZ"] = "UTC"
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with running(directory) as local, Subscriber(local, "screenshots") as subscriber:
            system = System(local, subscriber)
            example_mail.fill(system, find(local=True, stage=None, directory=directory))
            take_all(local.room, PICTURES, IMAGES)
            example_mail.send_newsletter(system)
            take_all(local.room, BUSY, IMAGES)
            system.close()


if __name__ == "__main__":
    main()
