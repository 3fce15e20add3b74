"""The tools of the laptop, in a browser, over the deployed stacks."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError
from playwright.sync_api import expect

from tests.e2e.room.browser import DESKTOP, PHONE, assert_accessible
from tests.e2e.room.recorded import send

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from mailbus_cli.room.room import Room
    from tests.e2e.room.browser import Visit
    from tests.e2e.system import System

EML = (
    b"From: Contoso <accounts@contoso.example>\nTo: orders@inbound.example.com\nSubject: Order 88213\n"
    b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=m\n\n--m\n\nplease confirm\n"
    b"--m\nContent-Type: application/pdf\nContent-Disposition: attachment; filename=PO-88213.pdf\n\n%PDF\n"
    b"--m--\n"
)


def test_a_mail_is_composed_and_received_with_the_verdicts_that_were_chosen(
    visit: Visit, system: System
) -> None:
    page = visit.open("/sent")
    page.keyboard.press("g")
    page.keyboard.press("t")
    expect(page.get_by_role("heading", level=1)).to_have_text("Tools")
    receive = page.locator("#receive")
    receive.get_by_label("From").fill("Jürgen <ada@forged.example>")
    receive.get_by_label("Subject").fill("Grüße")
    receive.get_by_label("Text").fill("I am away.")
    for label in ("fails DMARC", "automatic"):
        receive.get_by_label(label).check()
    receive.get_by_label("Attach files").set_input_files(
        {"name": "données.pdf", "mimeType": "application/pdf", "buffer": b"%PDF"}
    )
    receive.get_by_role("button", name="Receive").click()
    expect(page.get_by_role("heading", level=2)).to_have_text("Grüße")
    expect(page.locator(".outcome")).to_contain_text("DMARC failed")
    for text in ("SPF fail", "DMARC fail, policy reject", "spam pass"):
        expect(page.locator(".verdicts")).to_contain_text(text)
    expect(page.locator("section.content")).to_contain_text("données.pdf")
    message_id = page.url.split("?")[0].rpartition("/")[2]
    (event,) = system.wait(1, event_type="inbound", message_id=message_id)
    assert (event["dmarc_verdict"], event["dmarc_policy"]) == ("FAIL", "reject")
    assert event["message"]["automatic"] is True
    assert event["message"]["envelope_recipients"] == ["support@inbound.example.com"]


def test_a_recipient_answers_a_sent_mail_in_its_thread(visit: Visit, system: System) -> None:
    (mail,) = send(system, "delivered", to="jane@example.net", subject="Your invoice")
    page = visit.open(f"/sent/{mail.message_id}")
    page.get_by_role("link", name="Answer…").click()
    receive = page.locator("#receive")
    expect(receive.get_by_label("From")).to_have_value("jane@example.net")
    expect(receive.get_by_label("To", exact=True)).to_have_value("shop@example.com")
    expect(receive.get_by_label("Subject")).to_have_value("Re: Your invoice")
    # what is written is kept while a field is wrong
    receive.get_by_label("Text").fill("22 trays, please.")
    visit.expect("422")
    receive.get_by_role("button", name="Receive").click()
    expect(receive.get_by_role("alert")).to_contain_text("Nothing was done")
    expect(receive.get_by_label("To", exact=True)).to_have_accessible_description(
        "No receipt rule takes mail for shop@example.com. "
        "Mail is received for inbound.example.com, inbound.example.net."
    )
    assert_accessible(page)
    receive.get_by_label("To", exact=True).fill("support@inbound.example.com")
    receive.get_by_role("button", name="Receive").click()
    expect(page.locator("pre.text")).to_have_text("22 trays, please.")
    message_id = page.url.split("?")[0].rpartition("/")[2]
    (event,) = system.wait(1, event_type="inbound", message_id=message_id)
    sent = f"<{mail.message_id}@email.amazonses.com>"
    assert (event["message"]["in_reply_to"], event["message"]["references"]) == (sent, [sent])


def test_a_file_with_a_mail_is_received_with_its_attachment(visit: Visit, system: System) -> None:
    page = visit.open("/received")
    page.get_by_role("link", name="Receive a mail…").click()
    page.get_by_text(".eml file").click()
    receive = page.locator("#receive")
    expect(receive.get_by_label("Subject")).to_be_hidden()
    visit.expect("422")
    receive.get_by_role("button", name="Receive").click()
    expect(receive.get_by_text("Choose a file with a mail")).to_be_visible()
    receive.get_by_label("File with the mail").set_input_files(
        {"name": "order.eml", "mimeType": "message/rfc822", "buffer": EML}
    )
    receive.get_by_label("spam").check()
    receive.get_by_role("button", name="Receive").click()
    expect(page.get_by_role("heading", level=2)).to_have_text("Order 88213")
    expect(page.locator(".verdicts")).to_contain_text("spam fail")
    expect(page.locator("section.content")).to_contain_text("PO-88213.pdf")
    message_id = page.url.split("?")[0].rpartition("/")[2]
    (event,) = system.wait(1, event_type="inbound", message_id=message_id)
    assert event["message"]["envelope_sender"] == "accounts@contoso.example"


def test_a_bounce_of_a_delivered_mail_says_first_what_becomes_of_it(visit: Visit, system: System) -> None:
    (mail,) = send(system, "delivered", subject="Bounce me")
    page = visit.open(f"/tools?mail={mail.message_id}")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    form = page.locator("#event")
    expect(form.locator("#event-mail option:checked")).to_have_text(
        "\u2068Bounce me\u2069 · \u2068success@simulator.amazonses.com\u2069 · delivered"
    )
    form.get_by_text("Delivery", exact=True).click()
    expect(form.locator(".becomes p:visible")).to_have_text(
        "Its status stays delivered, which counts for more than this event."
    )
    form.get_by_text("Bounce", exact=True).click()
    said = form.locator(".becomes p:visible")
    expect(said).to_have_text("It is delivered already: its status becomes bounced late.")
    kind = form.get_by_label("Kind of bounce")
    kind.select_option("Transient: General, an automatic reply")
    expect(said).to_have_text("Its status stays delivered: the event is noted on its timeline.")
    kind.select_option("Transient: MailboxFull")
    expect(said).to_contain_text("bounced late")
    answer = form.get_by_label("Server's answer to bounce")
    expect(answer).to_have_attribute("placeholder", "552 5.2.2 mailbox full")
    answer.fill("552 5.2.2 quota of 1 GB exceeded")
    form.get_by_role("button", name="curl").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    command = shlex.split(page.evaluate("navigator.clipboard.readText()"))
    assert command[-1].endswith(f"/_simulator/events/{mail.message_id}")
    assert json.loads(command[2])["diagnostic_code"] == "smtp; 552 5.2.2 quota of 1 GB exceeded"
    form.get_by_role("button", name="Make it happen").click()
    expect(page.locator(".outcome")).to_contain_text("Bounced late")
    expect(page.locator(".events li").first).to_contain_text("quota of 1 GB exceeded")


def test_a_fault_is_armed_and_happens_and_another_is_removed(visit: Visit, system: System) -> None:
    page = visit.open("/tools#faults")
    faults = page.locator("#faults")
    for preset in ("Lose the answer", "Fail one of a merge", "Throttle"):
        faults.get_by_role("button", name=preset).click()
        expect(faults.get_by_role("row").last).not_to_have_text("")
    rows = faults.locator("tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_contain_text("in doubt, settled by its Send event; not sent again")
    expect(rows.nth(2)).to_contain_text("waits 1 to 2 s, then longer; no try counted")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        faults.locator("details").evaluate("details => { details.open = true }")
        assert_accessible(page)
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert_accessible(page)
    page.set_viewport_size(DESKTOP)
    faults.get_by_role("button", name="Remove ConnectionReset of SendEmail").click()
    expect(rows).to_have_count(2)
    faults.get_by_role("button", name="Clear all").click()
    expect(faults.get_by_text("none armed")).to_be_visible()
    # any other fault, with what is wrong at its field
    faults.get_by_text("Other…").click()
    faults.get_by_label("Answer").select_option("InternalFailure")
    faults.get_by_label("Number of calls").fill("many")
    faults.get_by_label("SES accepts the mail first").check()
    visit.expect("422")
    faults.get_by_role("button", name="Arm it").click()
    expect(faults.get_by_label("Number of calls")).to_have_accessible_description(
        "Write a whole number of calls, 1 or more."
    )
    faults.get_by_label("Number of calls").fill("1")
    faults.get_by_role("button", name="Arm it").click()
    expect(rows).to_contain_text("next 1, after SES accepts")
    # SES has the mail, and its answer is an error: the mail is not sent twice
    (mail,) = send(system, "delivered", subject="In doubt")
    assert len(system.sent_for(str(mail.job_id))) == 1
    # the open page sees that the fault is used up
    expect(faults.get_by_text("none armed")).to_be_visible()


def test_the_account_is_paused_slowed_and_put_into_the_sandbox(visit: Visit, system: System) -> None:
    page = visit.open("/tools#account")
    account = page.locator("#account")

    def toggle(name: str, *, to: bool) -> None:
        account.get_by_role("switch", name=re.compile(name)).click()
        expect(account.get_by_role("switch", name=re.compile(name))).to_have_attribute(
            "aria-checked", str(to).lower()
        )

    toggle("Sending", to=False)
    expect(account).to_contain_text("paused")
    # a tenant of its own, for which the sender waits, so that no other mail does
    waiting = system.send(esp_extra={"TenantName": "paused"})
    system.wait_for_record(waiting, lambda record: record.attempts.get("paused", 0) > 0)
    toggle("Sending", to=True)
    send(system, "delivered", subject="Resumed")
    rate = account.get_by_label("Rate", exact=True)
    rate.fill("0")
    visit.expect("422")
    account.get_by_role("button", name="Apply").click()
    expect(rate).to_have_accessible_description("Write a number of recipients a second, above 0.")
    rate.fill("50")
    account.get_by_label("Quota, 24 hours").fill("40000")
    account.get_by_label("Latency of SES").fill("5")
    account.get_by_role("button", name="Apply").click()
    expect(account.get_by_text("Nothing was done")).to_have_count(0)
    now = system.account()
    assert (now["max_send_rate"], now["max_24_hour_send"], now["latency_ms"]) == (50, 40_000, 5)
    toggle("Sandbox", to=True)
    with pytest.raises(ClientError, match="not verified"):
        system.client("sesv2").send_email(
            FromEmailAddress="shop@example.com",
            Destination={"ToAddresses": ["a@elsewhere.example"]},
            Content={"Simple": {"Subject": {"Data": "x"}, "Body": {"Text": {"Data": "x"}}}},
        )
    toggle("Sandbox", to=False)


def test_the_forms_work_without_scripts(browser: Browser, room: Room, origin: str, system: System) -> None:
    context = browser.new_context(java_script_enabled=False)
    context.request.get(f"{origin}/?token={room.token}", max_redirects=0)
    page = context.new_page()
    page.goto(f"{origin}/tools")
    page.locator("#receive").get_by_label("Subject").fill("Plain")
    page.get_by_role("button", name="Receive").click()
    # the page of what is on its way loads itself again
    expect(page.get_by_role("heading", level=2)).to_have_text("Plain")
    page.goto(f"{origin}/tools")
    page.get_by_role("button", name="Throttle").click()
    expect(page.locator("#faults")).to_contain_text("1 armed")
    assert system.simulator.get("faults").json()["faults"][0]["count"] == 2
    context.close()


def test_an_account_has_no_tools(account_visit: Visit) -> None:
    account_visit.expect("404", "403")
    page = account_visit.open("/tools")
    expect(page.get_by_role("heading", level=1)).to_have_text("No such page")
    expect(page.get_by_role("navigation", name="Pages").get_by_text("Tools")).to_have_count(0)
