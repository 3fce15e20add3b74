"""The page of received mail, in a browser, over the deployed stacks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.e2e.room.browser import PHONE, assert_accessible
from tests.e2e.room.recorded import receive

if TYPE_CHECKING:
    from pathlib import Path

    from mailbus.timeline.mails import ReceivedMail
    from tests.e2e.room.browser import Visit
    from tests.e2e.system import System

ORDER = (
    b"From: Contoso Accounts Payable <accounts@contoso.example>\r\nTo: orders+4711@inbound.example.com\r\n"
    b"Reply-To: contoso.payments@freemail.example\r\nSubject: Purchase order 88213 (URGENT)\r\n"
    b"Message-ID: <88213@contoso.example>\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=m\r\n\r\n"
    b"--m\r\nContent-Type: text/plain; charset=windows-1252\r\n\r\nDear sir or madam,\r\n\r\n"
    b"please confirm at https://bank.example/confirm before Friday.\r\n"
    b"--m\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=PO-88213.pdf\r\n"
    b"\r\n%PDF\r\n"
    b"--m\r\nContent-Type: application/octet-stream\r\n"
    b"Content-Disposition: attachment; filename*=UTF-8''details%E2%80%AEfdp.exe\r\n\r\nMZ\r\n--m--\r\n"
)
ANSWER = (
    b"From: Ada Lovelace <ada@example.org>\r\nTo: support@inbound.example.com\r\n"
    b"Subject: Re: Your invoice\r\nMessage-ID: <2@example.org>\r\nIn-Reply-To: <1@email.amazonses.com>\r\n"
    b"References: <1@email.amazonses.com>\r\n\r\nIt should say 22 trays.\r\n\r\n"
    b"On 28 Nov 2026 at 14:31 Fern & Field wrote:\r\n> Here is your invoice.\r\n"
)
SPAM = (
    b"From: x@spam.example\r\nTo: support@inbound.example.com\r\nSubject: Win\r\n\r\n"
    b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\r\n"
)


@pytest.fixture(scope="module")
def order(system: System) -> ReceivedMail:
    return receive(
        system,
        ORDER,
        mail_from="bounce-77120@bulk.mailer.example",
        rcpt_to="orders+4711@inbound.example.com",
    )


@pytest.fixture(scope="module")
def answer(system: System) -> ReceivedMail:
    return receive(system, ANSWER, mail_from="ada@example.org", rcpt_to="support@inbound.example.com")


def test_the_list_is_beside_the_newest_mail(visit: Visit, order: ReceivedMail, answer: ReceivedMail) -> None:
    page = visit.open("/received")
    row = page.locator(f"#received-{order.message_id}")
    expect(row).to_contain_text("Contoso Accounts Payable")
    expect(page.locator(".received-mail")).to_be_visible()
    row.get_by_role("link").click()
    expect(page.get_by_role("heading", level=2)).to_have_text("Purchase order 88213 (URGENT)")
    expect(row.locator("[aria-current]")).to_be_visible()
    assert answer.message_id


def test_a_new_mail_comes_to_the_open_list_by_itself(
    visit: Visit, system: System, order: ReceivedMail
) -> None:
    page = visit.open(f"/received/{order.message_id}")
    expect(page.locator(f"#received-{order.message_id}")).to_be_visible()
    mail = receive(system, ANSWER, mail_from="ada@example.org", rcpt_to="support@inbound.example.com")
    expect(page.locator(f"#received-{mail.message_id}")).to_be_visible()
    expect(page.get_by_role("heading", level=2)).to_have_text("Purchase order 88213 (URGENT)")


def test_the_envelope_is_beside_the_headers(visit: Visit, order: ReceivedMail) -> None:
    page = visit.open(f"/received/{order.message_id}")
    facts = page.locator(".facts")
    expect(facts).to_contain_text("Contoso Accounts Payable <accounts@contoso.example>")
    expect(facts).to_contain_text("bounce-77120@bulk.mailer.example another domain")
    expect(facts).to_contain_text("contoso.payments@freemail.example another domain")
    expect(facts).to_contain_text("orders+4711@inbound.example.com detail 4711")
    expect(page.locator(".verdicts")).to_contain_text("SPF pass")


def test_the_text_and_the_files_whose_names_deceive(
    visit: Visit, order: ReceivedMail, tmp_path: Path
) -> None:
    page = visit.open(f"/received/{order.message_id}")
    expect(page.locator("section.content")).to_contain_text("Dear sir or madam")
    expect(page.locator("section.content")).to_contain_text("charset windows-1252")
    deceiving = page.locator(".files tr").filter(has_text="U+202E")
    expect(deceiving).to_contain_text("name hides its type")
    with page.expect_download() as download:
        deceiving.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "detailsfdp.exe"
    download.value.save_as(tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"MZ"


def test_a_text_without_quotes_and_signature(visit: Visit, answer: ReceivedMail) -> None:
    page = visit.open(f"/received/{answer.message_id}")
    expect(page.locator("pre.text")).to_contain_text("Here is your invoice.")
    page.get_by_role("link", name="Without quotes and signature").click()
    expect(page.locator("pre.text")).to_have_text("It should say 22 trays.")


@pytest.mark.parametrize(
    ("tab", "text"),
    [
        ("headers", "<88213@contoso.example>"),
        ("attachments", "PO-88213.pdf"),
        ("links", "https://bank.example/confirm"),
        ("source", "Reply-To: contoso.payments@freemail.example"),
    ],
)
def test_each_tab(visit: Visit, order: ReceivedMail, tab: str, text: str) -> None:
    page = visit.open(f"/received/{order.message_id}/{tab}")
    expect(page.locator("section.content")).to_contain_text(text)


def test_the_event_is_what_a_consumer_gets(visit: Visit, system: System, order: ReceivedMail) -> None:
    (published,) = system.wait(1, event_type="inbound", message_id=order.message_id)
    page = visit.open(f"/received/{order.message_id}/event")
    shown = json.loads(page.locator("#event-json").inner_text())
    assert shown["detail-type"] == "email.inbound"
    assert shown["detail"]["message"] == published["message"]


def test_a_warning_by_the_verdicts(visit: Visit, system: System) -> None:
    mail = receive(system, SPAM, mail_from="x@spam.example", rcpt_to="support@inbound.example.com")
    page = visit.open(f"/received/{mail.message_id}")
    expect(page.locator(".outcome")).to_contain_text("Be careful with this mail. SES takes it for spam.")
    expect(page.locator(".verdicts")).to_contain_text("spam fail")


@pytest.mark.parametrize(
    "words", ["88213", "accounts payable", "bulk.mailer.example", "fdp.exe", "orders+4711"]
)
def test_it_is_found_by_address_subject_and_attachment(visit: Visit, order: ReceivedMail, words: str) -> None:
    page = visit.open("/received")
    page.get_by_role("searchbox").fill(words)
    page.get_by_role("searchbox").press("Enter")
    expect(page.locator(f"#received-{order.message_id}")).to_be_visible()
    expect(page.locator(".rows li").filter(has_text="Your invoice")).to_have_count(0)


def test_what_no_mail_has_is_not_found(visit: Visit, order: ReceivedMail) -> None:
    page = visit.open("/received?q=no-such-words")
    assert order.message_id
    expect(page.get_by_text("No received mail has “no-such-words”")).to_be_visible()
    page.get_by_role("link", name="Clear the search").click()
    expect(page.locator(".rows li").first).to_be_visible()


def test_a_reply_is_prepared_edited_and_sent(visit: Visit, system: System, answer: ReceivedMail) -> None:
    page = visit.open(f"/received/{answer.message_id}")
    page.get_by_role("link", name="Reply").click()
    editor = page.get_by_label("Send job, as JSON")
    job = json.loads(editor.input_value())
    assert job["from_email"] == "support@inbound.example.com"
    assert job["to"] == ['"Ada Lovelace" <ada@example.org>']
    assert job["headers"] == {
        "In-Reply-To": "<2@example.org>",
        "References": "<1@email.amazonses.com> <2@example.org>",
    }
    assert "> It should say 22 trays." in job["text"]
    visit.expect("404")
    editor.fill(json.dumps({**job, "text": "Corrected." + job["text"]}))
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".outcome")).to_contain_text("Delivered")
    assert system.wait(1, event_type="delivered", job_id=job["job_id"])


def test_a_mail_that_is_deleted_from_the_bucket_keeps_its_envelope(visit: Visit, system: System) -> None:
    mail = receive(system, ANSWER, mail_from="ada@example.org", rcpt_to="support@inbound.example.com")
    assert mail.raw
    system.client("s3").delete_object(Bucket=mail.raw.bucket, Key=mail.raw.key)
    page = visit.open(f"/received/{mail.message_id}")
    expect(page.locator(".outcome")).to_contain_text("retention.raw_days")
    expect(page.locator(".facts")).to_contain_text("ada@example.org")


def test_on_a_phone_the_mail_has_the_page(visit: Visit, order: ReceivedMail) -> None:
    page = visit.open("/received")
    page.set_viewport_size(PHONE)
    expect(page.locator(".received-mail")).to_be_hidden()
    page.locator(f"#received-{order.message_id} a").click()
    expect(page.locator(".received-mail")).to_be_visible()
    expect(page.locator(".received-list")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_in_an_account_received_mail_is_read_and_a_reply_is_a_command(
    account_visit: Visit, answer: ReceivedMail
) -> None:
    page = account_visit.open(f"/received/{answer.message_id}")
    expect(page.locator("pre.text")).to_contain_text("Here is your invoice.")
    page.get_by_role("link", name="Reply").click()
    expect(page.get_by_text("mailbus send --stage prod job.json")).to_be_visible()
    expect(page.get_by_role("button", name="Send", exact=True)).to_have_count(0)
    assert_accessible(page)
