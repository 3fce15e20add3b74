"""Pages of the mail room that stay open while something happens, in a browser, over the deployed stacks."""

from __future__ import annotations

import re
import uuid
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect

from mailbus_cli.room.room import Room
from mailbus_cli.room.server import Server
from tests.e2e.room.browser import assert_accessible
from tests.e2e.room.conftest import visited
from tests.e2e.room.recorded import receive

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page, Route

    from mailbus_cli.deployment import Deployment
    from tests.e2e.room.browser import Visit
    from tests.e2e.system import System

LIVE = "html[data-connected]"
DELIVERED = "success@simulator.amazonses.com"
BOUNCED = "bounce@simulator.amazonses.com"


def followed(visit: Visit, path: str = "/sent") -> Page:
    """Return a page that is live."""
    page = visit.open(path)
    expect(page.locator(LIVE)).to_be_attached()
    return page


def send(system: System, to: str = DELIVERED, **fields: Any) -> str:
    return system.send(to=to, subject=f"Live {uuid.uuid4().hex[:6]}", **fields)


def row(page: Page, job_id: str) -> Locator:
    return page.locator("tbody tr", has_text=job_id)


def make_event(system: System, row: Locator, event_type: str) -> None:
    """Let the simulated SES publish an event of the mail of a row."""
    message_id = str(row.locator("a[data-mail]").get_attribute("href")).rpartition("/")[2]
    system.simulator.post(f"events/{message_id}", json={"event_type": event_type}).raise_for_status()


def test_a_list_follows_what_happens_and_leaves_who_works_in_it_alone(visit: Visit, system: System) -> None:
    page = followed(visit)
    expect(page.get_by_role("button", name="Live")).to_have_attribute("aria-pressed", "true")
    first = row(page, send(system))
    expect(first).to_contain_text("delivered")
    expect(page.get_by_role("status").filter(has_text="new mail")).to_be_attached()
    # the same row says what happens next
    first.evaluate("row => { row.mine = true; }")
    page.keyboard.press("j")
    expect(page.locator("tbody a:focus")).to_have_count(1)
    make_event(system, first, "open")
    expect(first).to_contain_text("opened")
    assert first.evaluate("row => row.mine")
    second = send(system)
    new = page.get_by_role("button", name=re.compile("1 new mail"))
    expect(new).to_be_visible()
    expect(row(page, second)).to_have_count(0)
    expect(page.locator("tbody a:focus")).to_have_count(1)
    assert_accessible(page, ["main"])
    page.keyboard.press(".")
    expect(row(page, second)).to_be_visible()
    expect(new).to_be_hidden()


def test_only_what_matches_enters_a_list_of_one_status(visit: Visit, system: System) -> None:
    page = followed(visit, "/sent?status=bounced")
    delivered, bounced = send(system), send(system, BOUNCED)
    expect(row(page, bounced)).to_contain_text("bounced")
    expect(row(page, delivered)).to_have_count(0)


def test_a_page_pauses_while_another_goes_on(visit: Visit, system: System) -> None:
    paused, other = followed(visit), followed(visit)
    paused.keyboard.press("l")
    expect(paused.get_by_role("button", name="Paused")).to_have_attribute("aria-pressed", "false")
    job_id = send(system)
    expect(row(other, job_id)).to_contain_text("delivered")
    expect(row(paused, job_id)).to_have_count(0)
    paused.keyboard.press("l")
    expect(row(paused, job_id)).to_contain_text("delivered")


def test_what_was_asked_for_before_a_pause_is_not_shown_in_it(visit: Visit, system: System) -> None:
    paused, other = followed(visit), followed(visit)
    asked: list[Route] = []
    # Playwright takes no built-in function
    paused.route("**/sent", lambda route: asked.append(route))  # noqa: PLW0108
    with paused.expect_request("**/sent"):
        send(system)
    paused.keyboard.press("l")
    expect(paused.get_by_role("button", name="Paused")).to_be_visible()
    job_id = send(system)
    expect(row(other, job_id)).to_contain_text("delivered")
    with paused.expect_event("requestfinished"):
        asked[0].continue_()
    paused.unroute("**/sent")
    paused.evaluate("() => new Promise(requestAnimationFrame)")
    expect(row(paused, job_id)).to_have_count(0)
    paused.keyboard.press("l")
    expect(row(paused, job_id)).to_contain_text("delivered")


def test_the_pages_of_mails_follow_too(visit: Visit, system: System) -> None:
    listed = followed(visit)
    sent = row(listed, send(system))
    expect(sent).to_contain_text("delivered")
    page = followed(visit, str(sent.locator("a[data-mail]").get_attribute("href")))
    make_event(system, sent, "complaint")
    expect(page.locator(".timeline")).to_contain_text("complained")
    page = followed(visit, "/received")
    raw = b"From: ada@example.org\r\nSubject: Now\r\n\r\nHello"
    mail = receive(system, raw, mail_from="ada@example.org", rcpt_to="support@inbound.example.com")
    expect(page.locator(f"#received-{mail.message_id}")).to_contain_text("Now")


def test_a_room_that_ended_is_noticed_and_goes_on_when_it_is_there_again(
    browser: Browser, deployment: Deployment, system: System
) -> None:
    room = Room(deployment, may_write=True)
    with ExitStack() as open_pages:
        with Server(room) as server:
            visit = open_pages.enter_context(visited(browser, room, server.origin))
            visit.expect("net::ERR_")
            page = followed(visit)
        expect(page.get_by_role("alert")).to_contain_text("Not connected. Start mailbus room again.")
        expect(page.get_by_role("button", name="Not live since")).to_be_visible()
        job_id = send(system)
        with Server(room, port=int(server.origin.rpartition(":")[2])):
            expect(row(page, job_id)).to_contain_text("delivered")
            expect(page.get_by_role("alert")).to_have_count(0)


def test_an_account_is_read_again_and_again(account_visit: Visit, system: System) -> None:
    before = system.client("sqs").list_queues(QueueNamePrefix="mailbus-prod-tail-").get("QueueUrls", [])
    page = followed(account_visit)
    expect(page.get_by_role("button", name="Live")).to_contain_text("read every 5 s")
    job_id = send(system)
    expect(row(page, job_id)).to_contain_text("delivered")
    now = system.client("sqs").list_queues(QueueNamePrefix="mailbus-prod-tail-").get("QueueUrls", [])
    assert (before, now) == ([], [])
