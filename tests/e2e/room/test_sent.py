"""The list of sent mail, in a browser, over the deployed stacks."""

from __future__ import annotations

import copy
import io
import json
import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from playwright.sync_api import expect

from mailbus_cli.deployment import Deployment
from mailbus_cli.room.pages import sent
from mailbus_cli.room.room import Room
from mailbus_cli.room.snippets import snippets
from tests.e2e.room.browser import PHONE, assert_accessible
from tests.e2e.room.conftest import served, visited
from tests.e2e.room.recorded import send

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Locator, Page

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


def _row(page: Page, job_id: object) -> Locator:
    return page.locator(f'tbody tr[data-id="{job_id}"]')


def _expect_accessible_in_all_forms(page: Page) -> None:
    assert_accessible(page)
    page.emulate_media(color_scheme="dark")
    assert_accessible(page)
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert_accessible(page)


def test_the_newest_mail_is_listed_with_its_subject_status_and_reason(
    visit: Visit, bounced: TimelineMail
) -> None:
    page = visit.open("/")
    row = _row(page, bounced.job_id)
    expect(row).to_contain_text("bounced")
    expect(row).to_contain_text("<b>Für</b> Jörg")
    expect(row).to_contain_text("550 5.1.1 user unknown")


def test_a_row_leads_to_its_mail_and_back(visit: Visit, bounced: TimelineMail) -> None:
    page = visit.open("/sent")
    _row(page, bounced.job_id).get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Für")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sent")


def test_a_search_finds_it_by_whatever_is_known(visit: Visit, bounced: TimelineMail) -> None:
    page = visit.open("/sent")
    known = [bounced.recipient, bounced.job_id, bounced.message_id, "tag:sentlist", "für</b> jÖRG", "bounced"]
    for text in (*known, "@simulator.amazonses.com"):
        page.keyboard.press("/")
        page.get_by_role("searchbox").fill(str(text))
        page.keyboard.press("Enter")
        page.wait_for_url("**/sent?q=*")
        expect(page.get_by_role("searchbox")).to_have_value(str(text))
        expect(_row(page, bounced.job_id)).to_be_visible()


def test_a_search_without_a_match_says_how_far_it_looked_and_what_else_to_look_for(
    visit: Visit, bounced: TimelineMail
) -> None:
    page = visit.open("/sent?q=nobody-at-all@simulator.amazonses.com")
    empty = page.locator(".empty")
    expect(empty).to_contain_text("No mail to nobody-at-all@simulator.amazonses.com")
    expect(empty).to_contain_text("keeps 30 days. Older mail, and mail that went past Mailbus, is not here.")
    empty.get_by_role("link", name="All of @simulator.amazonses.com").click()
    expect(_row(page, bounced.job_id)).to_be_visible()
    page.goto(f"{page.url.split('?')[0]}?q=no such subject")
    expect(empty).to_contain_text("No mail has “no such subject” in its subject")
    empty.get_by_role("link", name="Clear the search").click()
    expect(_row(page, bounced.job_id)).to_be_visible()


def test_keys_move_open_filter_and_select(visit: Visit, bounced: TimelineMail) -> None:
    page = visit.open("/sent")
    chips = page.get_by_role("navigation", name="Status")
    # counted in the background
    expect(chips.get_by_role("link", name="All")).to_contain_text(re.compile(r"All \d"))
    for _ in range(20):
        page.keyboard.press("f")
        if page.evaluate("document.activeElement.textContent").startswith("Bounced"):
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**status=bounced")
    expect(chips.locator('[aria-current="true"]')).to_contain_text("Bounced")
    expect(_row(page, bounced.job_id)).to_be_visible()

    page.keyboard.press("j")
    page.keyboard.press("x")
    selected = page.get_by_role("region", name="Selected mails")
    expect(selected).to_contain_text("1 selected")
    box = page.get_by_role("checkbox", checked=True)
    assert selected.get_by_text("Job ids").get_attribute("data-copy") == box.get_attribute("data-select")
    assert selected.get_by_text("Addresses").get_attribute("data-copy") == box.get_attribute("data-addresses")
    assert_accessible(page)
    selected.get_by_text("Clear").click()
    expect(selected).to_be_hidden()

    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys).to_contain_text("select")
    assert_accessible(page)
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()


def test_a_chip_leaves_what_has_its_status(visit: Visit, bounced: TimelineMail) -> None:
    page = visit.open("/sent?status=complained")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sent")
    expect(_row(page, bounced.job_id)).to_have_count(0)


def test_a_merge_is_one_row_with_counts_of_all_its_mails_on_a_list_with_fewer_rows(
    browser: Browser, room: Room, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers = [f"reader{number}@example.net" for number in range(7)]
    to = [*readers, "bounce@simulator.amazonses.com"]
    merge = send(
        system,
        *["delivered"] * 7,
        "bounced",
        to=to,
        subject="Hello {{name}}",
        text="Hi",
        merge_data={address: {"name": "A"} for address in to},
    )
    monkeypatch.setattr(sent, "PAGE", 2)
    small = Room(room.deployment, may_write=True)
    with served(small) as origin, visited(browser, small, origin) as visit:
        page = visit.open("/sent")
        row = _row(page, merge[0].job_id)
        expect(row).to_contain_text("bounced 1 of 8")
        expect(row).to_contain_text("8 recipients")
        expect(row).to_contain_text("7 delivered")
        expect(row.get_by_role("img", name="1 of 8 bounced, 7 arrived.")).to_be_visible()
        older = page.get_by_role("link", name="Older")
        # further than its mails can reach; other tests have sent hundreds
        for _ in range(len(to)):
            if not older.count():
                break
            older.click()
            expect(page.get_by_role("link", name="Newest", exact=True)).to_be_visible()
            expect(_row(page, merge[0].job_id)).to_have_count(0)


def test_mail_that_ses_has_not_accepted_is_listed_with_what_it_waits_for(
    visit: Visit, account_visit: Visit, system: System
) -> None:
    due = datetime.now(UTC) + timedelta(hours=1)
    scheduled = system.send(
        to="ada@example.org", subject="Your trial ends", tags=["trial"], send_at=due.isoformat()
    )
    system.simulator.post(
        "faults", content=json.dumps([{"operation": "SendEmail", "error": "ConnectionReset", "count": 1}])
    ).raise_for_status()
    doubted = system.send(to="tomasz@example.net", subject="Your parcel")
    page = visit.open("/sent?status=waiting")
    expect(_row(page, doubted)).to_contain_text("no answer from SES; looking for its Send event")
    expect(_row(page, doubted)).to_contain_text("in doubt")
    expect(_row(page, scheduled)).to_contain_text(f"mailbus cancel --local {scheduled}")
    expect(_row(page, scheduled)).to_contain_text(f"at {due.astimezone():%H:%M}")
    expect(_row(page, scheduled)).to_contain_text("ada@example.org")
    expect(_row(page, scheduled)).to_contain_text("Your trial ends")
    assert_accessible(page)
    for known in ("ada@example.org", "@example.org", "trial ends", scheduled, "scheduled"):
        page.goto(f"{page.url.split('?')[0]}?q={known}")
        expect(_row(page, scheduled)).to_contain_text("at ")
    # the ledger of an account is read by job
    of_account = account_visit.open("/sent?status=waiting")
    expect(of_account.locator(".empty")).to_contain_text("Search for the job's id")
    of_account.goto(f"{of_account.url.split('?')[0]}?q={scheduled}")
    expect(_row(of_account, scheduled)).to_contain_text(f"mailbus cancel --stage prod {scheduled}")


def test_an_account_shows_no_subject(account_visit: Visit, bounced: TimelineMail) -> None:
    page = account_visit.open(f"/sent?q={bounced.job_id}")
    row = _row(page, bounced.job_id)
    expect(row).to_contain_text("550 5.1.1 user unknown")
    expect(row).not_to_contain_text("Jörg")
    assert_accessible(page)


def test_a_mail_that_is_sent_while_the_list_is_open_appears_in_it(visit: Visit, system: System) -> None:
    page = visit.open("/sent")
    mail = send(system, "delivered", to="success@simulator.amazonses.com", subject="New", text="Hello")[0]
    expect(_row(page, mail.job_id)).to_contain_text("delivered")


def _without_mail(deployment: Deployment) -> Deployment:
    """Return a deployment whose timeline is a new table."""
    client = deployment.client("dynamodb")
    table = client.describe_table(TableName=deployment.output("TimelineTableName"))["Table"]
    indexes = table["GlobalSecondaryIndexes"]
    name = f"timeline-{uuid.uuid4().hex}"
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        **{key: table[key] for key in ("KeySchema", "AttributeDefinitions")},
        GlobalSecondaryIndexes=[
            {key: index[key] for key in ("IndexName", "KeySchema", "Projection")} for index in indexes
        ],
    )
    other = copy.copy(deployment)
    other.outputs = {**deployment.outputs, "TimelineTableName": name, "LedgerTableName": name}
    return other


def test_before_the_first_mail_the_list_sends_it_and_says_how_programs_do(
    browser: Browser, visit: Visit, deployment: Deployment, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = Room(_without_mail(deployment), may_write=True)
    with served(empty) as origin, visited(browser, empty, origin) as first:
        page = first.open("/sent")
        expect(page.get_by_role("heading", name="No mail yet")).to_be_visible()
        page.get_by_role("radio", name="Terminal").check(force=True)
        expect(page.get_by_text("mailbus send --local")).to_be_visible()
        assert_accessible(page)
        page.get_by_role("button", name="Send one of each outcome").click()
        expect(page.get_by_role("heading", name="No mail yet")).to_be_visible()
        _expect_accessible_in_all_forms(page)
    # what was sent is on the timeline of the system
    page = visit.open("/sent")
    for subject, status in {
        "This mail is delivered": "delivered",
        "This address bounces": "bounced",
        "This reader complains": "complained",
        "This address is on the suppression list": "bounced",
    }.items():
        expect(page.locator("tbody tr", has_text=subject).first).to_contain_text(status)
    # and so is what the programs send
    variables = {
        "AWS_ENDPOINT_URL": system.outputs["endpoint_url"],
        "AWS_DEFAULT_REGION": system.outputs["region"],
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "SEND_QUEUE_URL": system.outputs["SendQueueUrl"],
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for each in snippets(deployment):
        if each.key in {"python", "boto3"}:
            exec(compile(each.code, each.label, "exec"), {})  # noqa: S102 - what the page says to run
    page.goto(f"{page.url.split('?')[0]}?q=hello")
    expect(page.locator("tbody tr").filter(has=page.get_by_text("Hello", exact=True))).to_have_count(2)


def _expire(client: Any) -> dict[str, bool]:
    """Have AWS answer the client that its credentials have expired, while `expired` is true."""
    state = {"expired": False}
    body = {
        "__type": "com.amazon.coral.service#ExpiredTokenException",
        "message": "The security token included in the request is expired",
    }

    class Raw(io.BytesIO):
        def stream(self) -> Any:
            yield self.read()

    def answer(request: Any, **_more: object) -> AWSResponse | None:
        if not state["expired"]:
            return None
        return AWSResponse(request.url, 400, HTTPHeaders(), Raw(json.dumps(body).encode()))

    client.meta.events.register("before-send.dynamodb", answer)
    return state


@pytest.fixture
def account_of_profile(deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    config = tmp_path / "config"
    config.write_text("[profile prod]\naws_access_key_id = test\naws_secret_access_key = test\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    outputs = deployment.outputs
    return Deployment(
        stage="prod",
        session=boto3.Session(profile_name="prod", region_name=outputs["region"]),
        outputs=outputs,
        endpoints={"": outputs["endpoint_url"], "sesv2": outputs["ses_endpoint_url"]},
    )


def test_what_was_read_before_the_credentials_expired_stays_until_they_are_renewed(
    browser: Browser, account_of_profile: Deployment, bounced: TimelineMail
) -> None:
    room = Room(account_of_profile, may_write=False)
    credentials = _expire(account_of_profile.client("dynamodb"))
    with served(room) as origin, visited(browser, room, origin) as visit:
        visit.expect("503")
        page = visit.open("/sent")
        expect(_row(page, bounced.job_id)).to_contain_text("bounced")
        credentials["expired"] = True
        page.reload()
        banner = page.get_by_role("alert")
        expect(banner).to_contain_text("Your credentials have expired. What is below was read until")
        expect(banner.get_by_role("button", name="Copy")).to_have_attribute(
            "data-copy", "aws sso login --profile prod"
        )
        expect(_row(page, bounced.job_id)).to_contain_text("bounced")
        _expect_accessible_in_all_forms(page)
        credentials["expired"] = False
        # by itself, without "Try again"
        expect(banner).to_have_count(0)
        expect(_row(page, bounced.job_id)).to_contain_text("bounced")
