"""Every page, for who does not see it as it is drawn, or uses no mouse."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from mailbus_cli.dead_letters import queues
from mailbus_cli.dead_letters.reading import read
from tests.e2e.room.browser import DESKTOP, PHONE, assert_accessible
from tests.e2e.room.recorded import receive, send
from tests.e2e.system import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from mailbus_cli.deployment import Deployment
    from tests.e2e.room.browser import Visit
    from tests.e2e.system import System

HTML = (
    '<html lang="en"><body><h1>Hello {{name}}</h1><a href="https://shop.example.com/pay">Pay</a>'
    '<a href="#">Top</a><img src="https://x.example/a.png"></body></html>'
)
MISSING = "/sent/no-such-mail"
BLOCKED = "https://x.example/a.png"
ORDER = (
    b"From: Contoso <accounts@contoso.example>\r\nTo: orders@inbound.example.com\r\nSubject: An order\r\n"
    b"Reply-To: x@freemail.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n"
    b"--m\r\nContent-Type: text/plain\r\n\r\nSee https://bank.example/confirm\r\n"
    b"--m\r\nContent-Disposition: attachment; filename*=UTF-8''a%E2%80%AEfdp.exe\r\n\r\nMZ\r\n--m--\r\n"
)
# slashes of the path of a tab, on whose page only the content differs
TAB_DEPTH = 3
TABS = ("text", "headers", "attachments", "links", "checks", "source")
FOCUS = """() => {
    const element = document.activeElement;
    const box = element.getBoundingClientRect();
    const row = element.closest("tr");
    // a choice is marked as a whole, a row by a bar at its side
    const isMarked = [element, element.closest("label")].some((each) => {
        const style = each && getComputedStyle(each);
        return style && style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    }) || row !== null && getComputedStyle(row.cells[0]).boxShadow !== "none";
    return {
        name: (element.getAttribute("aria-label") || element.innerText || element.id).trim().split("\\n")[0],
        tag: element.localName,
        is_marked: isMarked,
        is_seen: box.width > 1 && box.bottom > 0 && box.top < innerHeight,
    };
}"""


class Shown:
    """The mails that the pages show."""

    def __init__(self, system: System, deployment: Deployment) -> None:
        file = {"filename": "invoice.pdf", "content_type": "application/pdf", "content": "JVBERg=="}
        bounced = "bounce@simulator.amazonses.com"
        [self.mail] = send(
            system,
            "bounced",
            to=bounced,
            subject="Your invoice",
            html=HTML,
            tags=["invoice"],
            attachments=[file],
        )
        [*_, self.merge] = send(
            system,
            *("bounced", "delivered"),
            to=[bounced, "ada@example.org"],
            subject="Hello {{name}}",
            html=HTML,
            merge_data={"ada@example.org": {"name": "Ada"}},
            merge_global_data={"name": "you"},
        )
        self.received = receive(
            system, ORDER, mail_from="x@bulk.example", rcpt_to="orders@inbound.example.com"
        )
        self.scheduled = system.send(send_at="2027-06-01T08:00:00Z", subject="Later")
        job = system.send(subjet="A typing mistake")
        queue = queues.named(deployment.outputs, "send")

        def letters() -> list[str]:
            return [one.id for one in read(deployment, queue).letters if one.job_id == job]

        [self.letter] = eventually(letters, "a job is dead")

    def pages(self) -> Iterator[str]:
        yield from ("/sent", "/sent?q=nobody@example.net", f"/sent/{self.mail.message_id}")
        yield from (f"/sent/{self.mail.message_id}/{tab}" for tab in TABS)
        yield f"/sent/{self.mail.message_id}/again"
        yield from (f"/sent/{self.merge.job_id}", f"/sent/{self.scheduled}", MISSING)
        yield f"/received/{self.received.message_id}"
        yield from (f"/received/{self.received.message_id}/{tab}" for tab in (*TABS[1:4], "event", "source"))
        yield from ("/dead-letters/send", f"/dead-letters/send/{self.letter}", "/overview", "/tools")


@pytest.fixture(scope="module")
def shown(system: System, deployment: Deployment) -> Iterator[Shown]:
    shown = Shown(system, deployment)
    yield shown
    from mailbus_cli.dead_letters.redriving import delete  # noqa: PLC0415 - only at the end

    delete(deployment, queues.named(deployment.outputs, "send"), [shown.letter])


def test_every_page_in_light_in_dark_and_on_a_phone(visit: Visit, shown: Shown) -> None:
    visit.expect(BLOCKED, "404")
    page = visit.open("/dead-letters/send")
    origin = page.evaluate("location.origin")
    # the first visit reads the queue
    expect(page.locator(".letter-list")).to_be_visible()
    for path in shown.pages():
        page.set_viewport_size(DESKTOP)
        page.emulate_media(color_scheme="light")
        answer = page.goto(origin + path)
        assert answer
        assert answer.status == (404 if path == MISSING else 200), path
        assert page.title().endswith(" · Mailbus")
        expect(page.get_by_role("main")).to_have_count(1)
        expect(page.get_by_role("navigation", name="Pages")).to_have_count(1)
        expect(page.get_by_role("heading", level=1)).to_have_count(1)
        assert_accessible(page)
        page.emulate_media(color_scheme="dark")
        # nothing else differs
        assert_accessible(page, rules=["color-contrast"])
        page.set_viewport_size(PHONE)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        if path.count("/") < TAB_DEPTH:
            assert_accessible(page)


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def focused(page: Page) -> dict[str, Any]:
    """Return what has the focus, which has to be seen."""
    found: dict[str, Any] = page.evaluate(FOCUS)
    assert found["is_marked"], found
    assert found["is_seen"], found
    return found


def tab(page: Page, count: int) -> list[str]:
    """Press the tabulator; return the names of what got the focus."""
    names = []
    for _ in range(count):
        press(page, "Tab")
        names.append(focused(page)["name"])
    return names


def test_the_whole_room_is_used_by_keys_alone(visit: Visit, shown: Shown) -> None:
    visit.expect(BLOCKED)
    page = visit.open("/sent")
    press(page, "/")
    assert focused(page)["tag"] == "input"
    # in a field keys are text, but for Escape
    page.keyboard.type(f"{shown.mail.job_id}")
    press(page, "Enter")
    row = page.locator("tbody tr")
    expect(row).to_have_count(1)
    page.wait_for_load_state()
    press(page, "j")
    assert focused(page)["name"].startswith("bounce@simulator")
    press(page, "Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Your invoice")
    for number, name in enumerate(("HTML", *TABS), 1):
        page.wait_for_load_state()
        press(page, str(number))
        expect(page.locator(".tabs [aria-current]")).to_have_text(re.compile(name, re.IGNORECASE))
    page.wait_for_load_state()
    press(page, "Escape")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sent")
    expect(page.get_by_role("searchbox")).to_have_value(str(shown.mail.job_id))

    # to every page, and out of the keys' own dialog
    for key, title in {
        "r": "Received",
        "d": "Dead letters",
        "o": "Overview",
        "t": "Tools",
        "s": "Sent",
    }.items():
        page.wait_for_load_state()
        press(page, "g", key)
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
    page.wait_for_load_state()
    press(page, "?")
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys).to_be_visible()
    assert_accessible(page)
    press(page, "Escape")
    expect(keys).to_be_hidden()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sent")

    # the focus goes through the page as it is read
    page.goto(page.url.partition("?")[0])
    assert tab(page, 9) == [
        *("Skip to the page", "Mailbus", "Sent", "Received", "Dead letters", "Overview", "Tools"),
        *("Keys", "search"),
    ]
    page.reload()
    press(page, "Tab", "Enter", "Tab")
    assert focused(page)["name"] == "search"


def test_a_screen_reader_hears_what_a_row_shows(visit: Visit, shown: Shown) -> None:
    page = visit.open(f"/sent?q={shown.mail.job_id}")
    heard = page.locator("tbody tr").aria_snapshot()
    assert f'link "{shown.mail.recipient}"' in heard
    for text in ("bounced", "Your invoice invoice", "user unknown"):
        assert text in heard
    # the signs are drawings beside their words
    assert "img" not in heard
    page.goto(page.url.partition("?")[0] + f"?q={shown.merge.job_id}")
    heard = page.locator("tbody tr").aria_snapshot()
    assert "bounced 1 of 2" in heard
