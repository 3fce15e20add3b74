"""The list of sent mail, in a browser, over the deployed stacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.e2e.room.browser import PHONE, assert_accessible
from tests.e2e.room.recorded import send

if TYPE_CHECKING:
    from mailbus.timeline.mails import TimelineMail
    from tests.e2e.room.browser import Visit
    from tests.e2e.system import System


@pytest.fixture(scope="module")
def bounced(system: System) -> TimelineMail:
    return send(
        system,
        "bounced",
        to="bounce@simulator.amazonses.com",
        subject="<b>Für</b> Jörg",
        text="Hello",
        tags=["sentlist"],
    )[0]


def test_the_newest_mail_is_listed_with_its_subject_status_and_reason(
    visit: Visit, bounced: TimelineMail
) -> None:
    page = visit.open("/")
    row = page.locator("tbody tr", has_text=str(bounced.job_id))
    expect(row).to_contain_text("bounced")
    expect(row).to_contain_text("<b>Für</b> Jörg")
    expect(row).to_contain_text("550 5.1.1 user unknown")
    assert_accessible(page)
    page.set_viewport_size(PHONE)
    expect(row).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_row_leads_to_its_mail_and_back(visit: Visit, bounced: TimelineMail) -> None:
    page = visit.open("/sent")
    page.locator("tbody tr", has_text=str(bounced.job_id)).get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Für")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sent")


@pytest.mark.parametrize("what", ["recipient", "job_id", "message_id", "tag"])
def test_a_search_finds_it_by_whatever_is_known(visit: Visit, bounced: TimelineMail, what: str) -> None:
    page = visit.open("/sent")
    page.keyboard.press("/")
    page.keyboard.type("tag:sentlist" if what == "tag" else str(getattr(bounced, what)))
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr", has_text=str(bounced.job_id))).to_be_visible()


def test_a_chip_leaves_what_has_its_status(visit: Visit, bounced: TimelineMail) -> None:
    page = visit.open("/sent")
    page.get_by_role("link", name="Bounced", exact=True).click()
    expect(page.locator("tbody tr", has_text=str(bounced.job_id))).to_be_visible()
    page.get_by_role("link", name="Complained", exact=True).click()
    expect(page.locator("tbody tr", has_text=str(bounced.job_id))).to_have_count(0)


def test_a_search_without_a_match_says_how_far_it_looked(visit: Visit) -> None:
    page = visit.open("/sent?q=nobody-at-all@example.net")
    expect(page.locator(".empty")).to_contain_text("No mail to nobody-at-all@example.net.")
    expect(page.locator(".empty")).to_contain_text("keeps 30 days")


def test_an_account_shows_no_subject(account_visit: Visit, bounced: TimelineMail) -> None:
    page = account_visit.open(f"/sent?q={bounced.job_id}")
    row = page.locator("tbody tr", has_text=str(bounced.job_id))
    expect(row).to_contain_text("550 5.1.1 user unknown")
    expect(row).not_to_contain_text("Jörg")


def test_a_mail_that_is_sent_while_the_list_is_open_appears_in_it(visit: Visit, system: System) -> None:
    page = visit.open("/sent")
    sent = send(system, "delivered", to="success@simulator.amazonses.com", subject="New", text="Hello")[0]
    expect(page.locator("tbody tr", has_text=str(sent.job_id))).to_contain_text("delivered")
