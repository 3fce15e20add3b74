"""The page of one sent mail, in a browser, over the deployed stacks."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.e2e.room.browser import PHONE, assert_accessible
from tests.e2e.room.recorded import send

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from mailbus.timeline.mails import TimelineMail
    from tests.e2e.room.browser import Visit
    from tests.e2e.system import System

HTML = (
    '<body style="margin:0"><h1>Hello {{name}}</h1><p><a href="https://shop.example.com/pay">Pay now</a> '
    '<a href="#">Top</a></p><img src="https://x.example/a.png"></body>'
)
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
BLOCKED = "https://x.example/a.png"


@pytest.fixture(scope="module")
def bounced(system: System) -> TimelineMail:
    return send(
        system,
        "bounced",
        to="bounce@simulator.amazonses.com",
        subject="Your invoice for November",
        text="Hello Jane",
        html=HTML.replace("{{name}}", "Jane") + '<img src="cid:logo" alt="">',
        tags=["invoice"],
        metadata={"order": 1001},
        attachments=[
            {"filename": "logo.png", "content_type": "image/png", "content": PNG, "content_id": "logo"},
            {"filename": "données.pdf", "content_type": "application/pdf", "content": "JVBERg=="},
        ],
    )[0]


def open_mail(visit: Visit, mail: TimelineMail, tab: str = "") -> Page:
    # the policy of the frame refuses the image of another host, and the console says so
    visit.expect(BLOCKED)
    return visit.open(f"/sent/{mail.message_id}/{tab}".rstrip("/"))


def test_the_outcome_says_what_happened_and_what_to_do(visit: Visit, bounced: TimelineMail) -> None:
    page = open_mail(visit, bounced)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Your invoice for November")
    expect(page.locator(".outcome")).to_contain_text("no such mailbox")
    expect(page.locator(".outcome")).to_contain_text("550 5.1.1 user unknown")
    facts = page.locator(".facts")
    for text in ("Shop <shop@example.com>", "bounce@simulator.amazonses.com", "order: 1001", bounced.job_id):
        expect(facts).to_contain_text(str(text))
    expect(page.locator(".mail-head .tag")).to_have_text("invoice")


def test_the_html_is_in_a_sandbox_with_the_mails_own_pictures(visit: Visit, bounced: TimelineMail) -> None:
    page = open_mail(visit, bounced)
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading")).to_have_text("Hello Jane")
    expect(page.get_by_text("1 remote image not loaded")).to_be_visible()
    assert frame.locator("img").nth(1).evaluate("image => image.naturalWidth") == 1
    assert page.locator("iframe").get_attribute("sandbox") == ""
    wide = page.locator("iframe").bounding_box()
    page.get_by_label("Phone").check(force=True)
    narrow = page.locator("iframe").bounding_box()
    assert wide
    assert narrow
    assert narrow["width"] == 375 < wide["width"]


def test_the_timeline_is_newest_first_with_json_and_patterns(visit: Visit, bounced: TimelineMail) -> None:
    page = open_mail(visit, bounced)
    events = page.locator(".events > li")
    names = page.locator(".events > li > h3")
    expect(names.first).to_contain_text("bounced")
    expect(names.last).to_contain_text("queued")
    shown = json.loads(events.nth(0).locator("details.json pre").inner_text())
    assert shown["detail"]["job_id"] == bounced.job_id
    assert shown["detail"]["bounce"]["type"] == "Permanent"
    page.get_by_text("Copy as EventBridge pattern").first.click()
    pattern = page.get_by_role("dialog", name="EventBridge pattern")
    expect(pattern).to_contain_text("This job")
    made = json.loads(pattern.locator("pre").first.inner_text())
    assert made["detail-type"] == ["email.bounced"]
    assert made["detail"] == {"reject_reason": ["bounced"], "bounce": {"type": ["Permanent"]}}


def test_times_are_local_or_utc(visit: Visit, bounced: TimelineMail) -> None:
    page = open_mail(visit, bounced)
    expect(page.locator(".events time.utc").first).to_be_hidden()
    page.get_by_label("UTC").check(force=True)
    expect(page.locator(".events time.utc").first).to_be_visible()
    expect(page.locator(".events time.local").first).to_be_hidden()


@pytest.mark.parametrize(
    ("tab", "texts"),
    [
        ("text", ["Hello Jane"]),
        ("headers", ["Subject", "Your invoice for November", "X-Tag", "invoice"]),
        ("attachments", ["données.pdf", "application/pdf", "4 bytes", "inline"]),
        ("links", ["Pay now", "https://shop.example.com/pay", "leads nowhere"]),
        ("checks", ["1 link that leads nowhere", "Top → #", "1 image without alt"]),
        ("source", ["Subject: Your invoice for November", "multipart/"]),
    ],
)
def test_each_tab(visit: Visit, bounced: TimelineMail, tab: str, texts: list[str]) -> None:
    page = open_mail(visit, bounced, tab)
    for text in texts:
        expect(page.locator("section.content")).to_contain_text(text)
    expect(page.locator(".tabs [aria-current]")).to_have_count(1)


def test_an_attachment_and_the_source_are_downloaded_whole(
    visit: Visit, bounced: TimelineMail, tmp_path: Path
) -> None:
    page = open_mail(visit, bounced, "attachments")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download données.pdf").click()
    download.value.save_as(tmp_path / "file")
    assert download.value.suggested_filename == "données.pdf"
    assert (tmp_path / "file").read_bytes() == b"%PDF"
    page.goto(page.url.replace("attachments", "source"))
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    download.value.save_as(tmp_path / "mail")
    assert b"Subject: Your invoice for November" in (tmp_path / "mail").read_bytes()


def test_open_as_recipient_and_a_click_make_their_events(visit: Visit, system: System) -> None:
    (mail,) = send(system, "delivered", html=HTML.replace("{{name}}", "Jane"), subject="Open me")
    page = open_mail(visit, mail)
    # looking makes no event
    expect(page.locator(".events > li > h3").first).to_contain_text("delivered")
    page.get_by_role("button", name="Open as recipient").click()
    expect(page.locator(".events > li > h3").first).to_contain_text("opened")
    expect(page.locator(".outcome")).to_contain_text("Opened")
    page.get_by_role("link", name=re.compile("^Links")).click()
    page.get_by_role("button", name="Click as recipient").click()
    expect(page.locator(".events li").first).to_contain_text("https://shop.example.com/pay")
    system.wait(1, event_type="clicked", message_id=mail.message_id)


def test_it_says_why_opens_are_not_counted(visit: Visit, system: System) -> None:
    (mail,) = send(system, "delivered", html="<p>Hello</p>", track_opens=False)
    page = open_mail(visit, mail)
    expect(page.get_by_text("`track_opens` false")).to_be_visible()
    expect(page.get_by_role("button", name="Open as recipient")).to_have_count(0)


def test_any_other_event_is_made(visit: Visit, system: System) -> None:
    (mail,) = send(system, "delivered", html="<p>Hello</p>")
    page = open_mail(visit, mail)
    page.get_by_role("button", name="Make an event").click()
    form = page.get_by_role("dialog", name="Make an event happen")
    form.get_by_text("Bounce", exact=True).click()
    form.get_by_label("Kind of bounce").select_option("Transient: MailboxFull")
    expect(form.locator(".becomes p:visible")).to_contain_text("bounced late")
    assert_accessible(page)
    page.get_by_role("button", name="Make it happen").click()
    expect(page.locator(".outcome")).to_contain_text("Bounced late")
    expect(page.locator(".events li").first).to_contain_text("552 5.2.2 mailbox full")


def test_a_mail_is_sent_again_edited_and_checked(visit: Visit, bounced: TimelineMail) -> None:
    page = open_mail(visit, bounced)
    page.get_by_role("link", name="Send again").click()
    editor = page.get_by_label("Send job, as JSON")
    job = json.loads(editor.input_value())
    assert job["to"] == ["bounce@simulator.amazonses.com"]
    visit.expect("422")
    editor.fill(json.dumps({**job, "to": ["nobody"]}))
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert")).to_contain_text("$.to[0]")
    assert_accessible(page)
    visit.expect("404")
    page.get_by_label("Send job, as JSON").fill(
        json.dumps({**job, "to": ["success@simulator.amazonses.com"]})
    )
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Your invoice for November")
    expect(page.locator(".events")).to_contain_text("delivered")
    assert job["job_id"] in page.url


def test_a_merge_shows_problems_first_and_each_recipients_own_mail(visit: Visit, system: System) -> None:
    mails = send(
        system,
        "bounced",
        "delivered",
        "delivered",
        to=["bounce@simulator.amazonses.com", "success@simulator.amazonses.com", "ada@example.org"],
        subject="Hello {{name}}",
        html=HTML,
        merge_global_data={"name": "you"},
        merge_data={"ada@example.org": {"name": "Ada"}},
    )
    visit.expect(BLOCKED)
    page = visit.open(f"/sent/{mails[0].job_id}")
    expect(page.locator(".outcome")).to_contain_text("1 of 3 bounced, 2 arrived.")
    people = page.locator(".people > li")
    expect(people.first).to_contain_text("bounce@simulator.amazonses.com")
    expect(people.first.locator(".events")).to_contain_text("no such mailbox")
    page.get_by_label("As").select_option("ada@example.org")
    expect(page.frame_locator("iframe").get_by_role("heading")).to_have_text("Hello Ada")
    expect(page.locator(".people > li.open")).to_contain_text("ada@example.org")
    page.get_by_role("link", name="Bounced 1", exact=True).click()
    expect(people).to_have_count(1)


def test_on_a_phone_the_timeline_comes_first(visit: Visit, bounced: TimelineMail) -> None:
    page = open_mail(visit, bounced)
    page.set_viewport_size(PHONE)
    timeline, content = (
        page.locator(".mail-time").bounding_box(),
        page.locator(".mail-content").bounding_box(),
    )
    assert timeline
    assert content
    assert timeline["y"] < content["y"]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_mail_that_is_not_known_says_so(visit: Visit) -> None:
    visit.expect("404")
    page = visit.open("/sent/no-such-mail")
    expect(page.get_by_role("heading", level=1)).to_contain_text("No mail no-such-mail")


def test_before_acceptance_the_ledger_says_where_it_is(visit: Visit, system: System) -> None:
    job_id = system.send(send_at="2027-06-01T08:00:00Z", subject="Later")
    system.wait_for_record(job_id, lambda record: record.state == "scheduled")
    page = visit.open(f"/sent/{job_id}")
    expect(page.locator(".outcome")).to_contain_text("Scheduled.")
    expect(page.locator(".outcome")).to_contain_text(f"mailbus cancel {job_id} --local")
    expect(page.get_by_text("SES has not accepted it yet.")).to_be_visible()


def test_in_an_account_there_is_no_content_but_what_is_known(
    account_visit: Visit, bounced: TimelineMail
) -> None:
    page = account_visit.open(f"/sent/{bounced.message_id}")
    expect(page.get_by_role("heading", level=1)).to_contain_text(str(bounced.job_id))
    expect(page.get_by_text("The mail itself is not here")).to_be_visible()
    facts = page.locator(".facts")
    for text in ("mailbus-local", "identity/example.com", "accepted at", "suppression list"):
        expect(facts).to_contain_text(text)
    expect(page.locator(".events > li > h3").first).to_contain_text("bounced")
    expect(page.get_by_text("Other mail to")).to_be_visible()
    expect(page.get_by_text(f"mailbus status {bounced.job_id} --stage prod")).to_be_visible()
    expect(page.get_by_role("button", name="Make an event")).to_have_count(0)
    expect(page.locator(".world")).to_contain_text("read-only")
    assert_accessible(page)
