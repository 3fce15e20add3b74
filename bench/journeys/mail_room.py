"""`make roombench`: how fast the mail room is, and whether a list stays fluid at 50 mails a second.

First the page of the newest mails out of 10,000, against reading each of its mails by a call of its own. Then
the events of mails are put on the bus while a browser has the list open: the embedded AWS does not send so
many on one machine. Needs Chromium.
"""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from playwright.sync_api import sync_playwright

from bench.support.comparison import compare
from mailbus.bus_entries import bus_entry
from mailbus.chunks import chunked
from mailbus.events import SOURCE, EmailEvent
from mailbus.stages import TIMELINE_TABLE
from mailbus.timeline import items
from mailbus.timeline.mails import Seen, TimelineMail
from mailbus.timeline.table import TimelineTable
from mailbus_cli import deployment
from mailbus_cli.room.room import Room
from mailbus_cli.room.server import Server
from mailbus_local import systems
from mailbus_local.embedded import EmbeddedAws
from mailbus_local.testing.control import Control

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from playwright.sync_api import Page

    from mailbus.events.vocabulary import EmailEventType
    from mailbus_cli.deployment import Deployment

MAILS: Final = 10_000
SHOWN: Final = 50
RATE: Final = 50
SECONDS: Final = 30
BATCH: Final = 10
WRITES: Final = 25
#: How many batches later a mail of a batch has each event.
AFTER: Final[Mapping[EmailEventType, int]] = {"queued": 0, "sent": 1, "delivered": 4}
# only against hanging
LIMIT_SECONDS: Final = 900.0
#: Two frames of 60 a second: what is longer, somebody may see.
FRAME_MS: Final = 34.0
# https://developer.mozilla.org/docs/Web/API/PerformanceLongTaskTiming
OBSERVE: Final = """
window.measured = { refreshes: [], tasks: [], frames: [] };
document.addEventListener("room:refreshed", (event) => measured.refreshes.push(event.detail));
new PerformanceObserver((list) => measured.tasks.push(...list.getEntries().map((entry) => entry.duration)))
  .observe({ type: "longtask", buffered: true });
let last = null;
const frame = (now) => {
  if (last !== null) measured.frames.push(now - last);
  last = now;
  requestAnimationFrame(frame);
};
requestAnimationFrame(frame);
"""
ROWS: Final = (
    "[...document.querySelectorAll('[data-list] > *')].map((row) => row.dataset.id + row.dataset.version)"
)


def main() -> int:
    """Print the figures; return 1 if the list that was followed is not the one of a page read in the end."""
    folder = Path(tempfile.mkdtemp(prefix="mailbus-room-"))
    try:
        with EmbeddedAws(directory=folder) as aws, systems.recorded(folder, folder):
            found = deployment.find(local=True, stage=None, directory=folder)
            simulator = Control(str(aws.outputs["ses_endpoint_url"]))
            simulator.request("PUT", "account", {"max_send_rate": 1000.0, "max_24_hour_send": -1})
            _fill(found)
            _send(found, SHOWN)
            _await_delivered(found)
            _first_page(found)
            return 0 if _follow(found, folder) else 1
    finally:
        shutil.rmtree(folder)


def _fill(found: Deployment) -> None:
    """Write mails of the last hours into the timeline."""
    client, now = found.client("dynamodb"), datetime.now(UTC)
    expires_at = int(time.time()) + 24 * 60 * 60
    for numbers in chunked(range(MAILS), WRITES):
        puts = []
        for number in numbers:
            at = now - timedelta(minutes=10, seconds=number)
            message_id = f"0100019a1b2c3d4e-{number:08x}-89ab-cdef-0123-456789abcdef-000000"
            kinds = ("queued", "sent", "delivered")
            mail = TimelineMail(
                group=items.message_group(message_id),
                created=at,
                message_id=message_id,
                job_id=f"order-{number}",
                recipient=f"customer-{number}@example.net",
                recipients=1,
                tags=("receipt",),
                seen={kind: Seen(at=at, event_type=kind) for kind in kinds},  # type: ignore[misc]  # literals
            )
            update = items.mail_update(mail, expires_at)
            values = {update.names[f"#{name[1:]}"]: value for name, value in update.values.items()}
            puts.append({"PutRequest": {"Item": {**update.key, **values}}})
        client.batch_write_item(RequestItems={found.output(TIMELINE_TABLE): puts})


def _send(found: Deployment, count: int) -> None:
    sqs = found.client("sqs")
    for numbers in chunked(range(count), BATCH):
        entries = [
            {
                "Id": str(number),
                "MessageBody": json.dumps(
                    {
                        "job_id": f"live-{uuid.uuid4().hex[:8]}",
                        "from_email": "shop@example.com",
                        "to": "success@simulator.amazonses.com",
                        "subject": f"Your order {number}",
                        "text": "It is on its way.",
                        "tags": ["receipt"],
                    }
                ),
            }
            for number in numbers
        ]
        sqs.send_message_batch(QueueUrl=found.output("SendQueueUrl"), Entries=entries)


def _publish(found: Deployment, count: int, rate: float) -> None:
    """Put the events of mails on the bus: each is queued, a moment later sent, then delivered."""
    client, began, run = found.client("events"), time.monotonic(), uuid.uuid4().hex[:8]
    last = count // BATCH + max(AFTER.values())
    for step in range(last):
        for kind, after in AFTER.items():
            numbers = range((step - after) * BATCH, (step - after + 1) * BATCH)
            events = [_event(kind, run, number) for number in numbers if 0 <= number < count]
            if events:
                entries = [_entry(event, found.output("EventBusName")) for event in events]
                client.put_events(Entries=entries)
        time.sleep(max(0.0, began + (step + 1) * BATCH / rate - time.monotonic()))


def _event(kind: EmailEventType, run: str, number: int) -> EmailEvent:
    message_id = f"0100019a1b2c3d4f-{run}-89ab-cdef-0123-{number:012x}-000000"
    return EmailEvent(
        event_type=kind,
        event_id=f"{kind}-{message_id}",
        timestamp=datetime.now(UTC),
        message_id=message_id,
        job_id=f"live-{run}-{number}",
        recipient=f"customer-{number}@example.net",
        tags=("receipt",),
        # SES names all recipients of a message, by which the timeline knows that it has them all
        esp_event={"mail": {"destination": [f"customer-{number}@example.net"]}},
    )


def _entry(event: EmailEvent, bus: str) -> dict[str, Any]:
    entry = bus_entry(event)
    return {
        "Source": SOURCE,
        "DetailType": entry.detail_type,
        "Detail": entry.detail,
        "Time": entry.time,
        "EventBusName": bus,
    }


def _await_delivered(found: Deployment) -> None:
    """Wait until the newest mails have all of their events."""
    table = TimelineTable(found.client("dynamodb"), found.output(TIMELINE_TABLE))
    deadline = time.monotonic() + LIMIT_SECONDS
    while True:
        newest = table.newest(limit=SHOWN).mails
        if all(mail.status == "delivered" and (mail.job_id or "").startswith("live-") for mail in newest):
            return
        if time.monotonic() > deadline:
            sys.exit(f"not delivered within {LIMIT_SECONDS:.0f} s")
        time.sleep(1)


def _first_page(found: Deployment) -> None:
    """Compare the whole request of the first page with one call for each of its mails."""
    table = TimelineTable(found.client("dynamodb"), found.output(TIMELINE_TABLE))
    ids = [str(mail.message_id) for mail in table.newest().mails]

    def one_by_one() -> float:
        began = time.perf_counter()
        for message_id in ids:
            table.by_message(message_id)
        return time.perf_counter() - began

    room = Room(found, may_write=True)
    with Server(room) as server:
        host = server.origin.removeprefix("http://")
        cookie = f"mailbus-{host.rpartition(':')[2]}={room.session}"
        result = compare(
            f"the first page, {MAILS:,} mails",
            ("GET /sent", lambda: _get(host, cookie)),
            ("a call for each of its mails", one_by_one),
        )
    sys.stdout.write(
        f"{result.title}: {result.value:.0f} ms, {1 / result.ratio:.2f} times faster than "
        f"{result.baseline} ({result.baseline_value:.0f} ms)\n"
    )


def _get(host: str, cookie: str) -> float:
    connection = http.client.HTTPConnection(host)
    began = time.perf_counter()
    connection.request("GET", "/sent", headers={"Cookie": cookie})
    answer = connection.getresponse()
    content = answer.read()
    ended = time.perf_counter()
    connection.close()
    assert answer.status == http.client.OK and b"Your order" in content  # noqa: S101, PT018 - what failed was not measured
    return ended - began


def _follow(found: Deployment, folder: Path) -> bool:
    """Send mails while a page is open; print what it took. Return True if it shows what a new one does."""
    path = next(
        filter(
            None,
            map(shutil.which, ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")),
        ),
        None,
    )
    if path is None:
        sys.exit("Chromium is needed")
    with _room(folder) as (process, address), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        context = browser.new_context(viewport={"width": 1360, "height": 850})
        context.add_init_script(OBSERVE)
        page = context.new_page()
        page.goto(address)
        page.locator("html[data-connected]").wait_for()
        page.evaluate("measured.refreshes = [], measured.tasks = [], measured.frames = []")
        began, used = time.monotonic(), _cpu_seconds(process)
        _publish(found, RATE * SECONDS, RATE)
        published = time.monotonic() - began
        _await_delivered(found)
        seconds = time.monotonic() - began
        used = _cpu_seconds(process) - used
        measured = page.evaluate("measured")
        same = _is_same(page, context.new_page())
        browser.close()
    sys.stdout.write(f"mails a second: {RATE * SECONDS / published:.0f}\n")
    _report(measured, seconds, used, same=same)
    return same


@contextmanager
def _room(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the room as its users do; yield its process and its address."""
    command = [sys.executable, "-m", "mailbus_cli", "room", "--local", "--directory", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own command
    try:
        assert process.stdout is not None  # noqa: S101 - for the types
        yield process, process.stdout.readline().split()[-1]
    finally:
        process.terminate()
        process.wait()


def _cpu_seconds(process: subprocess.Popen[str]) -> float:
    """Return the processor time that a process has used, to a second."""
    command = ["ps", "-o", "time=", "-p", str(process.pid)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - as above
    total = 0.0
    for part in shown.strip().split(":"):
        total = total * 60 + float(part)
    return total


def _is_same(page: Page, fresh: Page) -> bool:
    """Return True as soon as the page shows what a new one shows; False if it never does."""
    deadline = time.monotonic() + 30
    fresh.goto(page.url)
    while time.monotonic() < deadline:
        if page.evaluate(ROWS) == fresh.evaluate(ROWS):
            return True
        time.sleep(0.5)
    return False


def _report(measured: Mapping[str, list[Any]], seconds: float, used: float, *, same: bool) -> None:
    refreshes, frames, tasks = measured["refreshes"], measured["frames"], measured["tasks"]
    late = [frame for frame in frames if frame > FRAME_MS]
    numbers: tuple[tuple[str, Callable[[], str]], ...] = (
        ("processor of the room", lambda: f"{used / seconds:.0%} of one core"),
        ("refreshes", lambda: f"{len(refreshes)} in {seconds:.0f} s"),
        ("read, ms (median, longest)", lambda: _spread([each["read"] for each in refreshes])),
        ("brought into the page, ms", lambda: _spread([each["merge"] for each in refreshes])),
        ("long tasks (over 50 ms)", lambda: f"{len(tasks)}, {sum(tasks):.0f} ms in all"),
        ("late frames", lambda: f"{len(late)} of {len(frames)}, the longest {max(frames):.0f} ms"),
        ("the list is that of a new page", lambda: "yes" if same else "no"),
    )
    for name, text in numbers:
        sys.stdout.write(f"{name}: {text()}\n")


def _spread(values: list[float]) -> str:
    ordered = sorted(values)
    return f"{ordered[len(ordered) // 2]:.1f}, {ordered[-1]:.1f}"


if __name__ == "__main__":
    sys.exit(main())
