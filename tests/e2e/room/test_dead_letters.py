"""The page of dead letters, in a browser, over the deployed stacks."""

from __future__ import annotations

import json
import re
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Page, expect

from mailbus_cli.dead_letters import queues
from mailbus_cli.dead_letters.reading import read
from tests.e2e.room.browser import PHONE, assert_accessible
from tests.e2e.system import SOURCE_BUCKET, eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mailbus_cli.dead_letters.letters import Letter
    from mailbus_cli.deployment import Deployment
    from tests.e2e.room.browser import Visit
    from tests.e2e.system import System

FILE = {"filename": "ticket.pdf", "content_type": "application/pdf"}
CONTENT = "JVBERi0x" * 600


@pytest.fixture(scope="module")
def letters(system: System, deployment: Deployment) -> Iterator[Callable[..., list[Letter]]]:
    """Enqueue jobs and return their dead letters; those that are left are removed in the end."""
    queue = queues.named(deployment.outputs, "send")
    known: set[str] = set()

    def dead(*jobs: dict[str, Any]) -> list[Letter]:
        ids = [system.send(**job) for job in jobs]
        known.update(ids)

        def found() -> list[Letter]:
            return [one for one in read(deployment, queue).letters if one.job_id in ids]

        return eventually(lambda: found() if len(found()) == len(ids) else [], "the jobs are dead")

    yield dead
    left = [one.id for one in read(deployment, queue).letters if one.job_id in known]
    from mailbus_cli.dead_letters.redriving import delete  # noqa: PLC0415 - only at the end

    delete(deployment, queue, left)


def opened(visit: Visit, letter: Letter) -> Page:
    """Return the page with a letter; a first visit reads the queue."""
    page = visit.open("/dead-letters/send")
    row = page.locator(".letter-list li", has=page.locator(f'[value="{letter.id}"]'))
    expect(page.get_by_role("button", name="Read again")).to_be_visible()
    if not row.is_visible():
        page.get_by_role("button", name="Read again").click()
    row.get_by_role("link").click()
    expect(page.locator(".letter h2")).to_have_text(letter.name)
    expect(page.locator(".lines")).to_be_visible()
    return page


def confirm(page: Page, verb: str) -> None:
    page.get_by_role("dialog").get_by_role("button", name=verb, exact=True).click()


def test_an_invalid_job_is_corrected_in_the_page_and_sent_once(
    visit: Visit, system: System, letters: Callable[..., list[Letter]]
) -> None:
    file = {**FILE, "content": f"data:application/pdf;base64,{CONTENT}"}
    [letter] = letters({"attachments": [file]})
    page = opened(visit, letter)
    line = page.locator(".lines [data-error]")
    expect(line).to_contain_text('"content": "data:application/pdf;base64,JVBERi0x')
    expect(line).to_have_attribute("data-error", re.compile(r"^\$\.attachments\[0\]\.content .*after|comma$"))
    expect(page.locator(".outcome.blue")).to_contain_text("As it is, it fails again in the same way.")
    expect(page.get_by_role("button", name="Redrive with changes")).to_be_disabled()

    # the key leads to the error, and what is typed is checked
    page.locator("h1").click()
    page.keyboard.press("e")
    for _ in range(len('"content": "')):
        page.keyboard.press("ArrowRight")
    for _ in range(len("data:application/pdf;base64,")):
        page.keyboard.press("Delete")
    expect(page.get_by_role("status").filter(has_text="No errors")).to_be_visible()
    expect(line).to_have_count(0)
    page.get_by_role("tab", name="Changes").click()
    expect(page.locator(".changes .gone")).to_contain_text("data:application/pdf;base64,")
    expect(page.locator(".changes .new")).to_contain_text('"content": "JVBERi0x')
    assert_accessible(page)

    page.get_by_role("button", name="Redrive with changes").click()
    expect(page.get_by_role("dialog")).to_contain_text("Corrected, with the same job id, it is tried again.")
    confirm(page, "Redrive")
    expect(page.get_by_role("status").filter(has_text="1 redriven.")).to_be_visible()
    assert letter.job_id is not None
    system.wait(1, job_id=letter.job_id, event_type="delivered")
    [message] = system.sent_for(letter.job_id)
    # the part of the file that the page did not show is in the mail too
    assert CONTENT[-60:] in message["raw"].replace("\r\n", "").replace("\n", "")


def test_the_editor_is_one_for_text_with_paste_and_undo(
    visit: Visit, letters: Callable[..., list[Letter]]
) -> None:
    [letter] = letters({"subjet": "Ü “quoted” 😀"})
    page = opened(visit, letter)
    editor = page.locator(".lines")
    field = page.locator("textarea[name=text]")
    before = field.input_value()
    assert "Ü “quoted” 😀" in before

    page.get_by_role("button", name="Go to the error").click()
    page.keyboard.press("Home")
    page.keyboard.press("Shift+End")
    page.keyboard.insert_text('  "tags": [\n    "a"\n  ]')
    expect(page.get_by_role("status").filter(has_text="No errors")).to_be_visible()
    assert json.loads(field.input_value())["tags"] == ["a"]
    page.keyboard.press("Control+z")
    assert field.input_value() == before
    expect(page.get_by_role("status").filter(has_text="1 error, checked as you type")).to_be_visible()
    page.keyboard.press("Control+Shift+z")
    assert json.loads(field.input_value())["tags"] == ["a"]

    # a new line keeps its indentation; all can be replaced; what is no JSON has its line
    page.keyboard.press("Enter")
    page.keyboard.type("x")
    assert "\n  x" in field.input_value()
    # backspace joins lines, and words go whole
    page.keyboard.type(" word")
    page.keyboard.press("Control+Backspace")
    for _ in range(len("x ") + len("\n  ")):
        page.keyboard.press("Backspace")
    assert json.loads(field.input_value())["tags"] == ["a"]
    page.keyboard.press("Control+a")
    page.keyboard.insert_text("{\n'a': 1\n}")
    expect(editor.locator("[data-error]")).to_have_text("'a': 1")
    expect(editor.locator("> div")).to_have_count(3)
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    assert field.input_value() == ""
    expect(page.get_by_role("status").filter(has_text="1 error")).to_be_visible()
    # keys of the page are text here
    page.keyboard.type("gsx?")
    assert field.input_value() == "gsx?"
    page.keyboard.press("Escape")
    page.keyboard.press("x")
    expect(page.locator(".letter-list li.open [data-letter]")).to_be_checked()


def test_many_letters_are_selected_copied_and_redriven(
    visit: Visit, system: System, letters: Callable[..., list[Letter]]
) -> None:
    key = f"late-{uuid.uuid4().hex}.pdf"
    # other tests' letters have their error at the first attachment
    terms = {"filename": "terms.txt", "content_type": "text/plain", "content": "SGVsbG8="}
    job = {"attachments": [terms, {**FILE, "s3": {"bucket": SOURCE_BUCKET, "key": key}}]}
    dead = letters(*[job] * 12)
    page = opened(visit, dead[0])
    group = page.locator("section", has=page.locator(f'[value="{dead[0].id}"]'))
    bar = page.get_by_role("group", name="Selected letters")
    expect(bar).to_be_hidden()
    group.get_by_role("checkbox", name="InvalidJob at $.attachments[1].s3").check()
    expect(bar).to_contain_text("12 selected")
    group.get_by_role("checkbox", name=re.compile("^Select")).last.uncheck()
    expect(bar).to_contain_text("11 selected")
    group.get_by_role("checkbox", name=re.compile("^Select")).last.check()
    assert_accessible(page)

    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    bar.get_by_role("button", name="Copy as JSON lines").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    lines = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert {json.loads(line)["job_id"] for line in lines} == {one.job_id for one in dead}

    system.put_object(SOURCE_BUCKET, key, b"%PDF")
    page.locator("h1").click()
    page.keyboard.press("Shift+R")
    expect(page.get_by_role("dialog")).to_contain_text("Redrive 12 letters as they are?")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("Shift+R")
    confirm(page, "Redrive")
    expect(page.get_by_role("status").filter(has_text="12 redriven.")).to_be_visible()
    for one in dead:
        assert one.job_id is not None
        system.wait(1, job_id=one.job_id, event_type="delivered")
        assert len(system.sent_for(one.job_id)) == 1


def test_a_letter_is_deleted_after_it_was_asked_for(
    visit: Visit, letters: Callable[..., list[Letter]]
) -> None:
    [letter] = letters({"expires_at": 1000})
    page = opened(visit, letter)
    page.get_by_role("tab", name="Attributes").click()
    expect(page.get_by_role("row", name="OriginalMessageId")).to_be_visible()
    page.get_by_role("button", name="Delete…").first.click()
    expect(page.get_by_role("dialog")).to_contain_text(f"Delete {letter.name} for good?")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Delete…").first.click()
    confirm(page, "Delete")
    expect(page.get_by_role("status").filter(has_text="1 deleted.")).to_be_visible()
    visit.expect("404")
    page = visit.open(f"/dead-letters/send/{letter.id}")
    expect(page.get_by_text("This letter is not there any more.")).to_be_visible()


def test_a_notification_is_read_and_redriven_and_not_edited(visit: Visit, system: System) -> None:
    body = json.dumps(
        {"Type": "Notification", "MessageId": uuid.uuid4().hex, "Message": "<b>no</b> notification"}
    )
    system.enqueue(body, "TrackingQueueUrl")
    page = visit.open("/dead-letters/tracking")

    def listed() -> bool:
        page.get_by_role("button", name=re.compile("Read")).click()
        expect(page.locator(".letter-list, .empty").first).to_be_visible()
        return page.locator(".letter-list").is_visible()

    eventually(listed, "the notification is dead")
    expect(page.locator(".letter pre.json")).to_contain_text("<b>no</b> notification")
    expect(page.locator(".lines")).to_have_count(0)
    expect(page.get_by_role("button", name="Redrive with changes")).to_have_count(0)
    assert_accessible(page)
    page.get_by_role("button", name="Delete…").first.click()
    confirm(page, "Delete")
    expect(page.get_by_role("heading", name="No dead letters in tracking")).to_be_visible()
    assert_accessible(page)


def test_on_a_phone_the_list_leads_to_a_letter_and_back(
    visit: Visit, letters: Callable[..., list[Letter]]
) -> None:
    [letter] = letters({"expires_at": 1000})
    page = visit.open("/dead-letters/send")
    page.set_viewport_size(PHONE)
    page.get_by_role("button", name=re.compile("Read")).click()
    expect(page.locator(".letter")).to_be_hidden()
    page.locator(f'.letter-list a[href$="{letter.id}"]').click()
    expect(page.locator(".lines")).to_be_visible()
    expect(page.locator(".letter-list > .card")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.locator(".letter-back a").click()
    expect(page.locator(".letter-list > .card")).to_be_visible()


def test_a_read_only_room_shows_the_commands(
    account_visit: Visit, letters: Callable[..., list[Letter]]
) -> None:
    [letter] = letters({"subjet": "x"})
    page = opened(account_visit, letter)
    assert page.get_by_role("button", name=re.compile("Redrive|Delete")).count() == 0
    command = f"mailbus dead-letters redrive --stage prod {letter.id}"
    expect(page.locator(f'[data-copy="{command}"]')).to_be_visible()
    expect(page.locator(f'[data-copy="{command} --edit"]')).to_be_visible()
    # a job can be checked nevertheless
    page.get_by_role("button", name="Go to the error").click()
    page.keyboard.press("Shift+End")
    page.keyboard.insert_text('"tags": ["a"],')
    expect(page.get_by_role("status").filter(has_text="checked as you type")).to_be_visible()
    assert_accessible(page)
    # and nothing can be sent
    answer = page.request.post(
        page.url.rpartition("/")[0] + "/redrive",
        form={"id": letter.id, "form_token": page.locator("[name=form_token]").first.input_value()},
        headers={"Origin": page.evaluate("location.origin")},
    )
    assert answer.status == 403
