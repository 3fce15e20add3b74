"""Moving between the pages of the mail room, in a browser, over the deployed stacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.e2e.room.browser import PHONE, assert_accessible

if TYPE_CHECKING:
    from tests.e2e.room.browser import Visit


def test_keys_go_to_the_pages_that_the_navigation_has(visit: Visit) -> None:
    page = visit.open("/sent")
    for key, path in {"r": "/received", "o": "/overview", "s": "/sent"}.items():
        page.keyboard.press("g")
        page.keyboard.press(key)
        expect(page.locator('.side > a[aria-current="page"]')).to_have_attribute("href", path)
        # the script that hears the keys comes last
        page.wait_for_load_state()
    page.keyboard.press("g")
    page.keyboard.press("y")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sent")


def test_a_phone_shows_which_stage_it_is_too(account_visit: Visit) -> None:
    page = account_visit.open("/sent")
    page.set_viewport_size(PHONE)
    expect(page.locator(".world")).to_contain_text("prod")
    expect(page.locator(".world")).to_contain_text("read-only")
    expect(page.locator(".world")).to_be_in_viewport()
    assert_accessible(page)
