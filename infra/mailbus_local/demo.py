"""`make demo`: sends jobs and mails from `examples/` through the whole system, and shows every event.

The exit code is 0 only if each example produced exactly the expected events, and no role was denied a call.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
import urllib.parse
import urllib.request
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from rich.console import Console
from rich.live import Live
from rich.table import Table

from mailbus.errors import MailbusError
from mailbus.stages import DEAD_LETTER_QUEUE_URLS
from mailbus_local import stage
from mailbus_local.embedded import EmbeddedAws
from mailbus_local.stop_signals import StopRequest
from mailbus_local.subscriber import Subscriber

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mailbus_local.denials import Denial

CHECKOUT: Final = Path(__file__).resolve().parents[2]
DIRECTORY: Final = CHECKOUT / ".mailbus" / "demo"
JOBS: Final = CHECKOUT / "examples/jobs"
MAILS: Final = CHECKOUT / "examples/mails"
SECONDS: Final = 60.0
CLICKED: Final = "newsletter"
# Enqueued twice; produces the events of one job.
TWICE: Final = "welcome"
# Scheduled for DUE_SECONDS from now, in place of the time in its file.
SCHEDULED: Final = "trial-ends"
DUE_SECONDS: Final = 3
# The expected events of each example for each recipient; examples not listed are delivered.
DELIVERED: Final = ("queued", "sent", "delivered")
EXPECTED: Final = {
    "bounced": ("queued", "sent", "bounced"),
    "suppressed": ("queued", "sent", "bounced"),
    "complained": (*DELIVERED, "complained"),
    "newsletter": (*DELIVERED, "clicked"),
    "invalid": ("failed",),
}
LIFECYCLE: Final = ("queued", "sent", "delivered", "bounced", "clicked", "complained", "failed", "inbound")
HIDDEN_FIELDS: Final = frozenset({"esp_event", "message_tags"})


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """A file of `examples/`. `key` is its job id, or the message id that SES gave the mail."""

    name: str
    direction: str
    key: str
    recipients: int
    expected: Counter[str]


def job_example(path: Path) -> Example:
    """Return a job's example with its expected events: those of one recipient, times the recipients."""
    job = json.loads(path.read_text())
    count = sum(
        len([job[field]] if isinstance(job[field], str) else job[field]) for field in _FIELDS if field in job
    )
    types = EXPECTED.get(path.stem, DELIVERED)
    return Example(
        name=path.name,
        direction="job",
        key=job["job_id"],
        recipients=count,
        expected=Counter(dict.fromkeys(types, count)),
    )


_FIELDS: Final = ("to", "cc", "bcc")


def key_of(event: dict[str, Any]) -> str:
    """Return the key of the example that an event belongs to."""
    detail = event["detail"]
    return str(detail.get("job_id") or detail["message_id"])


def progress(example: Example, events: Iterable[dict[str, Any]]) -> list[str]:
    """Return an example's event types in the order of a mail's lifecycle; the bus guarantees no order."""
    seen = [event["detail"]["event_type"] for event in events if key_of(event) == example.key]
    return sorted(
        seen,
        key=lambda event_type: LIFECYCLE.index(event_type) if event_type in LIFECYCLE else len(LIFECYCLE),
    )


def complete(examples: Sequence[Example], events: Sequence[dict[str, Any]]) -> bool:
    """Return whether every expected event has arrived."""
    arrived = {example.key: Counter(progress(example, events)) for example in examples}
    return all(example.expected <= arrived[example.key] for example in examples)


def table(examples: Sequence[Example], events: Sequence[dict[str, Any]]) -> Table:
    """Return a table with a row for each example and its events in order."""
    rows = Table("", "example", "recipients", "events", title="Mail through Mailbus")
    for example in examples:
        seen = progress(example, events)
        counted = Counter(seen)
        events_text = " → ".join(
            event_type if counted[event_type] == 1 else f"{event_type} ×{counted[event_type]}"
            for event_type in dict.fromkeys(seen)
        )
        mark = "[green]✓[/]" if counted == example.expected else "…"
        rows.add_row(mark, f"{example.direction} {example.name}", str(example.recipients), events_text)
    return rows


class Demo:
    """A run against a started system."""

    def __init__(self, aws: EmbeddedAws, subscriber: Subscriber, console: Console) -> None:
        self._aws = aws
        self._subscriber = subscriber
        self._console = console
        self._sqs = aws.client("sqs")
        self._due = 0.0

    def run(self) -> bool:
        """Send, receive, wait, summarize. Return True if exactly the expected events arrived."""
        examples = [self._send(path) for path in sorted(JOBS.glob("*.json"))]
        examples += [self._receive(path) for path in sorted(MAILS.glob("*.eml"))]
        clicked = next(example for example in examples if example.name == f"{CLICKED}.json")
        with Live(console=self._console, refresh_per_second=8, transient=False) as live:
            self._watch(live, examples, until=lambda events: "delivered" in progress(clicked, events))
            self._click(clicked)
            self._watch(live, examples, until=lambda events: complete(examples, events))
        return self._summarize(examples)

    def _watch(self, live: Live, examples: Sequence[Example], until: Any) -> None:
        shown = 0

        def enough(events: tuple[dict[str, Any], ...]) -> bool:
            nonlocal shown
            if len(events) > shown and self._console.is_terminal:
                live.update(table(examples, events))
            shown = len(events)
            return bool(until(events))

        self._subscriber.wait(enough, SECONDS)
        live.update(table(examples, self._subscriber.events))

    def _send(self, path: Path) -> Example:
        job = json.loads(path.read_text())
        if path.stem == SCHEDULED:
            self._due = job["send_at"] = time.time() + DUE_SECONDS
        for _ in range(2 if path.stem == TWICE else 1):
            self._sqs.send_message(QueueUrl=self._aws.outputs["SendQueueUrl"], MessageBody=json.dumps(job))
        return job_example(path)

    def _receive(self, path: Path) -> Example:
        query = urllib.parse.urlencode(
            {"mail_from": "ada@example.org", "rcpt_to": "support@inbound.example.com"}
        )
        answer = self._simulator("POST", f"inbound?{query}", path.read_bytes())
        return Example(
            name=path.name,
            direction="mail",
            key=answer["message_id"],
            recipients=1,
            expected=Counter(["inbound"]),
        )

    def _click(self, example: Example) -> None:
        message_ids = {
            event["detail"]["message_id"] for event in self._subscriber.events if key_of(event) == example.key
        }
        for message_id in message_ids:
            body = {"event_type": "Click", "link": "https://example.com/spring"}
            self._simulator("POST", f"events/{message_id}", json.dumps(body).encode())

    def _simulator(self, method: str, path: str, body: bytes) -> Any:
        url = f"{self._aws.outputs['ses_endpoint_url']}/_simulator/{path}"
        request = urllib.request.Request(url, data=body, method=method)  # noqa: S310 - on loopback
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - on loopback
            return json.load(answer)

    def _summarize(self, examples: Sequence[Example]) -> bool:
        events = self._subscriber.events
        jobs = [example for example in examples if example.direction == "job"]
        failed = [example for example in jobs if "failed" in progress(example, events)]
        accepted = [example for example in jobs if "queued" in progress(example, events)]
        types = Counter(event["detail"]["event_type"] for event in events)
        say = self._console.print
        say()
        say(f"{len(jobs)} jobs: {len(accepted)} accepted, {len(failed)} failed")
        say(f"{TWICE}.json was enqueued twice and accepted once")
        say(f"{len(examples) - len(jobs)} mails received")
        say("events: " + ", ".join(f"{count} {name}" for name, count in sorted(types.items())))
        wrong = [example for example in examples if Counter(progress(example, events)) != example.expected]
        for example in wrong:
            wanted = ", ".join(f"{count} {name}" for name, count in example.expected.items())
            got = ", ".join(progress(example, events)) or "nothing"
            say(f"[red]{example.name}[/]: expected {wanted}; got {got}")
        checks = (
            not wrong,
            self._show_scheduled(events),
            self._show_dead_letters(len(failed)),
            self._show_clicked(events),
        )
        self._show_event(events)
        return all(checks)

    def _show_scheduled(self, events: Iterable[dict[str, Any]]) -> bool:
        """Return whether the scheduled job was sent in time. Queues delay by whole seconds."""
        job_id = json.loads((JOBS / f"{SCHEDULED}.json").read_text())["job_id"]
        details = [event["detail"] for event in events if key_of(event) == job_id]
        accepted = [
            datetime.fromisoformat(detail["timestamp"]).timestamp()
            for detail in details
            if detail["event_type"] == "queued"
        ]
        waited = [moment - self._due + DUE_SECONDS for moment in accepted]
        for seconds in waited:
            self._console.print(
                f"{SCHEDULED}.json was scheduled for {DUE_SECONDS} s later and sent after {seconds:.1f} s"
            )
        return bool(waited) and min(waited) > DUE_SECONDS - 1

    def _show_dead_letters(self, expected: int) -> bool:
        # A job's event comes before its dead letter, so this waits for one.
        response = self._sqs.receive_message(
            QueueUrl=self._aws.outputs[DEAD_LETTER_QUEUE_URLS["send"]],
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            VisibilityTimeout=0,
            WaitTimeSeconds=5,
        )
        counts = {}
        for name, output in DEAD_LETTER_QUEUE_URLS.items():
            url = self._aws.outputs[output]
            answer = self._sqs.get_queue_attributes(
                QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
            )
            counts[name] = int(answer["Attributes"]["ApproximateNumberOfMessages"])
        self._console.print("dead letters: " + ", ".join(f"{count} {name}" for name, count in counts.items()))
        for letter in response.get("Messages", []):
            attributes = {
                name: value["StringValue"] for name, value in letter.get("MessageAttributes", {}).items()
            }
            self._console.print(
                f"  {attributes.get('Error', 'moved by SQS')}: {attributes.get('Reason', 'no reason')}"
            )
        return counts == dict.fromkeys(DEAD_LETTER_QUEUE_URLS, 0) | {"send": expected}

    def _show_event(self, events: Iterable[dict[str, Any]]) -> None:
        """Print one event as a subscriber receives it, without SES's own fields and empty ones."""
        for event in events:
            detail: dict[str, Any] = event["detail"]
            if detail["event_type"] == "bounced":
                shown = {name: value for name, value in detail.items() if value and name not in HIDDEN_FIELDS}
                self._console.print("one of the events, without empty fields and SES's own tags and JSON:")
                self._console.print_json(data=shown)
                return

    def _show_clicked(self, events: Iterable[dict[str, Any]]) -> bool:
        """Return whether every event of a job's message has the job's tags and metadata."""
        job = json.loads((JOBS / f"{CLICKED}.json").read_text())
        details = [event["detail"] for event in events if event["detail"].get("job_id") == job["job_id"]]
        same = all(
            (detail["tags"], detail["metadata"]) == (job["tags"], job["metadata"]) for detail in details
        )
        self._console.print(
            f"each of the {len(details)} events of {CLICKED}.json has its tags and metadata: "
            f"{'yes' if same else 'no'}"
        )
        return same


def main() -> int:
    """Start the system, run the demo, end everything. Return 0 if exactly the expected events arrived."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument(
        "--directory",
        type=Path,
        default=CHECKOUT / ".mailbus" / "demo",
        help="directory for logs and outputs",
    )
    options = parser.parse_args()
    stop = StopRequest()
    stop.listen()
    console = Console(soft_wrap=True)
    try:
        with (
            EmbeddedAws(
                directory=options.directory, settings=stage.PACKAGED, progress=console.print, stop=stop
            ) as aws,
            Subscriber(aws, "demo") as subscriber,
        ):
            # From here on the `with` statement ends everything, so a signal may raise SystemExit.
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda number, _frame: sys.exit(128 + number))
            good = Demo(aws, subscriber, console).run()
            denied = aws.denials()
    except MailbusError as error:
        console.print(str(error), style="red", markup=False)
        return 128 + stop.number if stop.number else 1
    return conclude(console, denied, good=good)


def conclude(console: Console, denied: Iterable[Denial], *, good: bool) -> int:
    """Say whether the expected events arrived, and what roles did not allow; return the exit code."""
    lines = [f"denied: {denial}" for denial in denied]
    for line in lines:
        console.print(line, style="red", markup=False)
    console.print(
        "[green]all expected events arrived[/]" if good else "[red]events are missing or unexpected[/]"
    )
    return 0 if good and not lines else 1


if __name__ == "__main__":
    sys.exit(main())
