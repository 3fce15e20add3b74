"""The running system, as the fixture `mailbus_system` gives it to tests."""

from __future__ import annotations

import contextlib
import email.utils
import threading
import urllib.parse
from typing import TYPE_CHECKING, Any, Final

from mailbus.stages import DEAD_LETTER_QUEUE_URLS
from mailbus_local import clients, denials, environment
from mailbus_local.testing import dead_letters
from mailbus_local.testing.control import Control
from mailbus_local.testing.errors import SystemFailed
from mailbus_local.testing.events import Events
from mailbus_local.testing.inbox import Inbox
from mailbus_local.testing.mail import Mail
from mailbus_local.testing.process import started
from mailbus_local.testing.waiting import POLL_SECONDS, Wait

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from email.message import EmailMessage, Message
    from pathlib import Path

    from mailbus.events import EmailEvent, InboundEvent
    from mailbus_local.denials import Denial
    from mailbus_local.testing.dead_letters import DeadLetter

# How long a test waits for the jobs that an earlier one left, before it removes them.
SETTLE_SECONDS: Final = 5.0
_WORK: Final = ("SendQueueUrl", "BulkQueueUrl", "TrackingQueueUrl", "InboundQueueUrl", "TimelineQueueUrl")
_STATES: Final = ("", "NotVisible", "Delayed")
_LIMITS: Final = (
    "max_send_rate",
    "max_24_hour_send",
    "sending_enabled",
    "production_access",
    "latency_ms",
    "limit_bulk_calls",
    "enforcement_status",
    "pricing_plan",
)


class MailbusSystem:
    """The deployed stacks and the simulated SES. `outputs` are those of `outputs.json`, by name.

    `env` has the variables that `mailbus env --local` prints; a test that uses `mailbus_system` has them set.
    """

    def __init__(self, outputs: Mapping[str, Any], directory: Path, runs: Callable[[], bool]) -> None:
        self.outputs = outputs
        self.env = environment.variables(outputs)
        self._runs = runs
        self._denials_file = directory / denials.FILE
        self._denials_read = 0
        self._control = Control(outputs["ses_endpoint_url"])
        self._sqs = self.client("sqs")
        wait = Wait(_Observed(self))
        self.inbox = Inbox(self._control, wait)
        self.events = Events(self, self._sqs, wait)
        self._limits = {name: self.control("GET", "account")[name] for name in _LIMITS}

    @property
    def queue_url(self) -> str:
        """The send queue: `Client(mailbus_system.queue_url)`."""
        return str(self.outputs["SendQueueUrl"])

    @property
    def bulk_queue_url(self) -> str:
        """The send queue of the bulk lane."""
        return str(self.outputs["BulkQueueUrl"])

    @property
    def event_bus_name(self) -> str:
        """The event bus, to subscribe to with a rule."""
        return str(self.outputs["EventBusName"])

    @property
    def endpoint_url(self) -> str:
        """The endpoint of all services of AWS but SES and SNS, which `env` has."""
        return str(self.outputs["endpoint_url"])

    def client(self, service: str) -> Any:
        """Return a boto3 client for the system."""
        name = f"AWS_ENDPOINT_URL_{service.upper()}"
        url = self.env.get(name, self.endpoint_url)
        return clients.client(service, url=url, region=self.outputs["region"])

    def receive(
        self,
        mail: EmailMessage | Message | bytes | str,
        *,
        to: str | Sequence[str] | None = None,
        mail_from: str | None = None,
        **verdicts: str,
    ) -> str:
        """Let a mail arrive from outside, as by SMTP; return SES's message id.

        Without `to` it is for the addresses of To and Cc; without `mail_from` from that of From. `verdicts`
        are SES's, such as `dmarc="FAIL"` with `dmarc_policy="reject"`, or `spam="FAIL"`. Raises `MailRefused`
        if no receipt rule accepts it, or one refuses it, `ControlError` for what is no verdict.
        """
        message = _message(mail)
        if to is None:
            to = _addresses(message, "To", "Cc")
        sender = mail_from if mail_from is not None else next(iter(_addresses(message, "From")), "")
        recipients = [to] if isinstance(to, str) else list(to)
        query = urllib.parse.urlencode({"mail_from": sender, "rcpt_to": recipients, **verdicts}, doseq=True)
        raw = mail if isinstance(mail, bytes) else message.as_bytes()
        return str(self.control("POST", f"inbound?{query}", raw)["message_id"])

    def simulate(self, event_type: str, mail: Mail | str, **fields: object) -> None:
        """Have SES report an event of a mail: "open", "click", "bounce", "complaint", "delay" and others.

        `fields` are those of the control API, such as `link="https://example.com/"`.
        """
        message_id = mail.message_id if isinstance(mail, Mail) else mail
        self.control("POST", f"events/{message_id}", {"event_type": event_type, **fields})

    def add_fault(
        self, error: str, *, operation: str = "SendEmail", count: int = 1, **fields: object
    ) -> None:
        """Have SES answer the next `count` calls with an error, such as "TooManyRequestsException"."""
        fault = {"operation": operation, "error": error, "count": count, **fields}
        self.control("POST", "faults", [fault])

    def control(self, method: str, path: str, body: object = None) -> Any:
        """Return the answer of the control API below `/_simulator/`. Raises `ControlError`."""
        return self._control.request(method, path, body)

    def dead_letters(self) -> tuple[DeadLetter, ...]:
        """Return up to ten dead letters of each queue, with their reasons."""
        return dead_letters.read(self._sqs, self.outputs)

    def denials(self) -> tuple[Denial, ...]:
        """Return the calls that no policy allowed, each once: those since this was called before.

        Those that a test does not ask for fail it at its end.
        """
        found = denials.read(self._denials_file)
        new, self._denials_read = found[self._denials_read :], len(found)
        return new

    def pending(self) -> dict[str, int]:
        """Return how many messages each queue has, and events SES, of those that have any.

        They are counted in the order of processing, so that nothing is missed on its way.
        """
        counted = {
            "send": self._count("SendQueueUrl"),
            "bulk": self._count("BulkQueueUrl"),
            "SES": int(self.control("GET", "account")["unpublished"]),
            "tracking": self._count("TrackingQueueUrl"),
            "inbound": self._count("InboundQueueUrl"),
            "timeline": self._count("TimelineQueueUrl"),
        }
        return {name: count for name, count in counted.items() if count}

    def wait_until_idle(self, timeout: float = 30.0) -> None:
        """Wait until all jobs are processed, and all that SES reported. Scheduled jobs do not count.

        Then the timeline has all of it, and `inbox` all the mail: `assert not mailbus_system.inbox` shows
        that none was sent.
        """
        __tracebackhide__ = True
        Wait(_Observed(self)).until(lambda: not self.pending(), "work is left", seconds=timeout)

    def clear(self) -> None:
        """Forget all mail and events, and remove faults, dead letters and what an earlier test left."""
        for _ in range(round(SETTLE_SECONDS / POLL_SECONDS)):
            if not self.pending():
                break
            threading.Event().wait(POLL_SECONDS)
        else:
            self._purge(_WORK)
        self._purge(DEAD_LETTER_QUEUE_URLS.values())
        self.control("DELETE", "faults")
        self.control("PUT", "account", self._limits)
        for address in self._control.suppressed():
            self._control.unsuppress(address)
        self.inbox.clear()
        self.events.clear()

    def activated(self) -> contextlib.AbstractContextManager[None]:
        """Set `env` for a while, in place of all variables of AWS that are set."""
        return environment.activated(self.env)

    def check_running(self) -> None:
        """Raise `SystemFailed` if the system has ended."""
        if not self._runs():
            reason = "the system has ended; its logs are in its directory"
            raise SystemFailed(reason)

    def _count(self, output: str) -> int:
        url = self.outputs.get(output)
        if url is None:  # without a receiving domain, or a timeline, there is no queue for it
            return 0
        names = [f"ApproximateNumberOfMessages{state}" for state in _STATES]
        answer = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    def _purge(self, outputs: Iterable[str]) -> None:
        for output in outputs:
            if output in self.outputs:
                self._sqs.purge_queue(QueueUrl=self.outputs[output])


class _Observed:
    """What a failed assertion reports of a system."""

    def __init__(self, system: MailbusSystem) -> None:
        self._system = system
        self.dead_letters = system.dead_letters
        self.pending = system.pending
        self.check_running = system.check_running

    def mails(self) -> tuple[Mail, ...]:
        return self._system.inbox.mails

    def events(self) -> tuple[EmailEvent | InboundEvent, ...]:
        return self._system.events.all


@contextlib.contextmanager
def running(
    directory: Path, *, project: Path, progress: Callable[[str], None] = lambda _: None
) -> Iterator[MailbusSystem]:
    """Run the system for a while: its files in `directory`, its settings those of the folder `project`."""
    with started(directory, project, progress) as (outputs, runs):
        with environment.activated(environment.variables(outputs)):
            system = MailbusSystem(outputs, directory, runs)
        yield system


def _message(mail: Message | bytes | str) -> Message:
    if isinstance(mail, bytes):
        return email.message_from_bytes(mail)
    return email.message_from_string(mail) if isinstance(mail, str) else mail


def _addresses(message: Message, *names: str) -> list[str]:
    values = [str(value) for name in names for value in message.get_all(name, [])]
    return [address for _, address in email.utils.getaddresses(values) if address]
