"""The overview, and the figures beside every page, in a browser, over the deployed stacks."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from playwright.sync_api import expect

from mailbus_cli.dead_letters import queues, reading, redriving
from mailbus_cli.deployment import Deployment
from mailbus_cli.room.room import Room
from tests.e2e.room.browser import PHONE, assert_accessible
from tests.e2e.room.conftest import served, visited
from tests.e2e.room.recorded import send
from tests.e2e.system import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from tests.e2e.local import Local
    from tests.e2e.room.browser import Visit
    from tests.e2e.system import System


@pytest.fixture
def letter(system: System, deployment: Deployment) -> Iterator[None]:
    """Have a job that became a dead letter, which is removed in the end."""
    queue = queues.named(deployment.outputs, "send")
    system.add_faults({"operation": "SendEmail", "error": "MessageRejected", "count": 1})
    job_id = system.send()

    def found() -> list[str]:
        return [one.id for one in reading.read(deployment, queue).letters if one.job_id == job_id]

    eventually(found, f"{job_id} is a dead letter")
    yield
    redriving.delete(
        deployment,
        queue,
        [one.id for one in reading.read(deployment, queue).letters if one.job_id == job_id],
    )


@pytest.mark.usefixtures("letter")
def test_the_overview_says_what_needs_attention_and_keeps_itself_up_to_date(
    visit: Visit, system: System
) -> None:
    system.simulator.post(
        "faults", json=[{"operation": "SendEmail", "error": "ConnectionReset", "count": 1}]
    ).raise_for_status()
    system.send(to=["doubtful@example.org"])
    eventually(lambda: not system.simulator.get("faults").json()["faults"], "the answer was lost")
    send(system, "delivered", to=["success@simulator.amazonses.com"])

    # the figures are beside every page
    page = visit.open("/sent")
    expect(page.locator('.side [data-vitals="dead-letters"]')).to_have_text(re.compile(r"^\d+$"))
    expect(page.locator('.side [data-vitals="attention"]')).to_contain_text("need attention")
    expect(page.locator(".vitals")).to_contain_text(re.compile(r"Pace\s*[\d.]+ of [\d,.]+ / s"))
    expect(page.locator(".vitals")).to_contain_text("Waiting")
    # the mail in doubt is delayed
    expect(page.locator(".vitals")).to_contain_text(re.compile(r"Oldest\s*\d+ "))
    expect(page.locator(".vitals polyline")).to_be_attached()
    page.keyboard.press("g")
    page.keyboard.press("o")

    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    attention = page.locator("p.attention")
    expect(attention.get_by_role("link", name=re.compile("dead letters?$"))).to_have_attribute(
        "href", "/dead-letters/send"
    )
    expect(page.locator(".pace .figures")).not_to_contain_text(" 0 at most")
    expect(page.get_by_role("img", name=re.compile("^Recipients a second since"))).to_be_visible()
    expect(page.locator(".quota")).to_contain_text("of 50,000")
    expect(page.locator(".queues tbody tr")).to_have_count(5)
    expect(page.locator(".queues tbody tr").first).to_contain_text("keeping up")
    # the jobs that are longest in doubt, which may be another test's
    expect(page.locator(".doubt").get_by_role("link", name=re.compile("^job-")).first).to_be_visible()
    expect(page.locator(".doubt")).to_contain_text("Sent again after")

    # nothing is loaded again here
    page.evaluate("window.same = true")
    system.simulator.put("account", json={"sending_enabled": False}).raise_for_status()
    try:
        expect(attention).to_contain_text("sending is paused")
        expect(attention).to_contain_text("Mail waits until sending is resumed")
        expect(page.locator(".queues tbody tr").first).to_contain_text("paused")
    finally:
        system.simulator.put("account", json={"sending_enabled": True}).raise_for_status()
    expect(attention).not_to_contain_text("paused")
    assert page.evaluate("window.same")

    expect(page.locator(".doctor")).to_contain_text("Not run yet")
    page.locator(".doctor").get_by_role("button", name="Run").click()
    expect(page.locator(".doctor")).to_contain_text(re.compile(r"\d+ of \d+ checks need attention · run at"))
    expect(page.locator("#doctor-dead-letters")).to_contain_text("dead letter")
    fine = page.locator(".doctor details")
    expect(fine.locator("summary")).to_contain_text("DKIM")
    fine.locator("summary").click()
    expect(fine.locator("dl")).to_contain_text("Configuration set")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert_accessible(page)
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert_accessible(page)


def measure(system: System) -> None:
    """Put the metrics that SES and SQS have in an account."""
    cloudwatch = system.client("cloudwatch")
    moment = datetime.now(UTC) - timedelta(minutes=6)
    ses: list[dict[str, Any]] = [
        {"MetricName": "Send", "Value": 3600.0, "Timestamp": moment},
        {"MetricName": "Reputation.BounceRate", "Value": 0.018, "Timestamp": moment},
        {"MetricName": "Reputation.ComplaintRate", "Value": 0.0008, "Timestamp": moment},
    ]
    cloudwatch.put_metric_data(Namespace="AWS/SES", MetricData=ses)
    queue = system.outputs["BulkQueueUrl"].rpartition("/")[2]
    age = {
        "MetricName": "ApproximateAgeOfOldestMessage",
        "Dimensions": [{"Name": "QueueName", "Value": queue}],
        "Value": 86.0,
    }
    cloudwatch.put_metric_data(Namespace="AWS/SQS", MetricData=[age])


def latest_bounces(system: System) -> float:
    """Return the last bounce rate of the account: the tests of the guard measure some, too."""
    now = datetime.now(UTC)
    points = system.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SES",
        MetricName="Reputation.BounceRate",
        StartTime=now - timedelta(hours=3),
        EndTime=now + timedelta(minutes=1),
        Period=300,
        Statistics=["Average"],
    )["Datapoints"]
    return float(max(points, key=lambda point: point["Timestamp"])["Average"])


def test_an_account_is_read_by_its_metrics_and_a_denied_call_is_a_panel_of_its_own(
    browser: Browser, account_room: Room, local: Local, system: System
) -> None:
    measure(system)
    outputs = local.outputs
    session = boto3.Session("test", "test", region_name=outputs["region"])
    endpoints = {"": outputs["endpoint_url"], "sesv2": outputs["ses_endpoint_url"]}
    account = Deployment(
        stage="prod", session=session, outputs=account_room.deployment.outputs, endpoints=endpoints
    )

    def deny(**_: object) -> None:
        text = (
            "User: arn:aws:sts::000000000000:assumed-role/ops-reader/ann is not authorized to perform: "
            "cloudwatch:DescribeAlarms because no identity-based policy allows the action"
        )
        error = {"Error": {"Code": "AccessDenied", "Message": text}}
        raise ClientError(error, "DescribeAlarms")  # type: ignore[arg-type]

    account.client("cloudwatch").meta.events.register("before-call.cloudwatch.DescribeAlarms", deny)
    room = Room(account, may_write=False)
    with served(room) as origin, visited(browser, room, origin) as visit:
        page = visit.open("/overview")
        expect(page.locator(".pace .figures")).to_contain_text(re.compile(r"12 at most"))
        expect(page.locator(".reputation")).to_contain_text(f"{100 * latest_bounces(system):.2f} %")
        expect(page.locator(".reputation")).to_contain_text("review at 0.1 %")
        expect(page.locator(".queues tbody tr", has_text="Bulk")).to_contain_text("1 min 26 s")
        expect(page.locator(".doubt")).to_contain_text("mailbus status JOB_ID --stage prod")
        alarms = page.locator(".alarms")
        expect(alarms).to_contain_text("You may not read this")
        expect(alarms).to_contain_text("cloudwatch:DescribeAlarms")
        expect(page.locator(".vitals")).to_contain_text(re.compile("Read.* ago"))
        # it only reads, as this room may
        page.locator(".doctor").get_by_role("button", name="Run").click()
        expect(page.locator(".doctor")).to_contain_text("checks need attention")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert_accessible(page)
