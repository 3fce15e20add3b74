from __future__ import annotations

import io
import json
from collections import Counter
from datetime import UTC, datetime
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
import msgspec
import pytest
from aws_lambda_powertools import Logger
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.stub import ANY, Stubber

from mailbus.bus import ENTRY_BYTES, PublishFailure, entry_size
from mailbus.dead_letters import DeadLetterQueue
from mailbus.events import JOB_ID_TAG
from mailbus.jobs import MAX_METADATA_BYTES, MAX_TAGS_BYTES, parse_job
from mailbus.ledger import Unreachable
from mailbus.settings import SenderSettings
from mailbus.sqs import Record
from sender.batch import process
from sender.pacing import Later, Now, Turn
from sender.request import plan_request
from sender.send_queue import SendQueue
from sender.ses import MailService
from sender.wiring import Sender

if TYPE_CHECKING:
    from mailbus.events import BusEntry

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SETTINGS = SenderSettings(
    event_bus_name="mailbus",
    dead_letter_queue_url="https://sqs.example/dead",
    send_queue_url="https://sqs.example/send",
    configuration_set_name="mailbus",
    max_attempts=5,
    metadata_in_headers=True,
    ledger_table_name="ledger",
    rate_cache_seconds=60,
)


def refused(code: str, message: str = "", status: int = 400) -> ClientError:
    answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "SendEmail")  # type: ignore[arg-type]  # the rest of the metadata is not read


class Ses:
    """Answers by the local part of the first recipient: an error for `fails`, else accepted."""

    def __init__(self, *fails: tuple[str, Exception]) -> None:
        self.fails = dict(fails)
        self.sent: list[dict[str, Any]] = []

    def send_email(self, **request: Any) -> dict[str, str]:
        destination = request["Destination"]
        first = [*destination["ToAddresses"], *destination["CcAddresses"], *destination["BccAddresses"]][0]
        error = self.fails.get(first.partition("@")[0])
        if error is not None:
            raise error
        self.sent.append(request)
        return {"MessageId": f"ses-{first.split('@')[0]}"}


class Bus:
    """Takes entries, or gives each the same failure."""

    def __init__(self, failure: PublishFailure | Exception | None = None) -> None:
        self.failure = failure
        self.calls: list[list[BusEntry]] = []

    def publish(self, entries: list[BusEntry]) -> dict[int, PublishFailure]:
        if isinstance(self.failure, Exception):
            raise self.failure
        self.calls.append(list(entries))
        return dict.fromkeys(range(len(entries)), self.failure) if self.failure else {}

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(entry.detail) for call in self.calls for entry in call]


class Sqs:
    """Both queues."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.buried: list[dict[str, Any]] = []
        self.hidden: dict[str, int] = {}

    def send_message(self, **message: Any) -> None:
        if self.error:
            raise self.error
        self.buried.append(message)

    def change_message_visibility(self, **change: Any) -> None:
        if self.error:
            raise self.error
        assert change["QueueUrl"] == SETTINGS.send_queue_url
        self.hidden[change["ReceiptHandle"]] = change["VisibilityTimeout"]


class Pace:
    """Gives each recipient a second of its own, from the epoch on; or no turn at all."""

    def __init__(self, later: Later | None = None) -> None:
        self.later = later
        self.waited: list[float] = []

    def reserve(self, recipients: list[int]) -> list[Turn]:
        return [self.later or Now(due=float(sum(recipients[:at]))) for at in range(len(recipients))]


class Attempts:
    """Counts tries by message and kind, or does not answer."""

    def __init__(self, *, broken: bool = False) -> None:
        self.broken = broken
        self.counts: Counter[tuple[str, str]] = Counter()
        self.expiries: set[int] = set()

    def count_attempt(self, message_id: str, kind: str, *, expires_at: int) -> int | Unreachable:
        self.expiries.add(expires_at)
        self.counts[message_id, kind] += 1
        return Unreachable(code="InternalServerError") if self.broken else self.counts[message_id, kind]


class World:
    """A sender among fakes."""

    def __init__(
        self,
        ses: Ses | None = None,
        bus: Bus | None = None,
        sqs: Sqs | None = None,
        pace: Pace | None = None,
        attempts: Attempts | None = None,
    ) -> None:
        self.attempts = attempts or Attempts()
        self.ses, self.bus, self.sqs, self.pace = ses or Ses(), bus or Bus(), sqs or Sqs(), pace or Pace()
        self.stream = io.StringIO()
        self.sender = Sender(
            settings=SETTINGS,
            mail=MailService(self.ses),  # type: ignore[arg-type]  # a fake client
            bus=self.bus,  # type: ignore[arg-type]  # a fake
            queue=SendQueue(self.sqs, SETTINGS.send_queue_url),  # type: ignore[arg-type]  # a fake client
            dead_letters=DeadLetterQueue(self.sqs, SETTINGS.dead_letter_queue_url),  # type: ignore[arg-type]
            ledger=self.attempts,  # type: ignore[arg-type]  # a fake
            pacer=self.pace,  # type: ignore[arg-type]  # a fake
            wait_until=self.pace.waited.append,
            log=Logger(service=f"sender-{uuid4()}", stream=self.stream, level="INFO"),
            now=lambda: NOW,
            uniform=lambda _low, high: high,
        )

    def given_back(self, *records: Record) -> list[str]:
        answer = process(self.sender, records)
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    @property
    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


def record(to: Any = "ann", count: int = 1, **fields: Any) -> Record:
    names = [to] if isinstance(to, str) else to
    job = {
        "job_id": f"job-{names[0]}",
        "from_email": "Example <hello@example.com>",
        "to": [f"{name}@example.org" for name in names],
        "subject": "Willkommen, Jürgen",
        "text": "The body of the mail",
    } | fields
    return raw(json.dumps(job), f"sqs-{names[0]}", count)


def raw(body: str, message_id: str = "sqs-raw", count: int = 1) -> Record:
    return Record(
        message_id=message_id, receipt_handle=f"handle-{message_id}", body=body, receive_count=count
    )


def test_an_accepted_mail_is_queued_for_each_recipient_and_acknowledged() -> None:
    world = World()
    given_back = world.given_back(
        record(["ann", "bob"], bcc=["eve@example.org"], metadata={"user": 17}, tags=["welcome"])
    )
    assert given_back == []
    assert [event["recipient"] for event in world.bus.events] == [
        "ann@example.org",
        "bob@example.org",
        "eve@example.org",
    ]
    event = world.bus.events[0]
    assert event["event_type"] == "queued"
    assert (event["message_id"], event["job_id"]) == ("ses-ann", "job-ann")
    assert event["metadata"] == {"user": 17}
    assert event["tags"] == ["welcome"]
    assert event["message_tags"] == {JOB_ID_TAG: ["job-ann"]}
    assert event["timestamp"] == "2026-11-22T12:00:00Z"
    assert world.bus.calls[0][0].detail_type == "email.queued"
    assert len({event["event_id"] for event in world.bus.events}) == 3


def test_the_largest_metadata_and_tags_leave_an_event_that_the_bus_takes() -> None:
    job = {
        "from_email": "hello@example.com",
        "to": ["ann@example.org"],
        "text": "",
        "metadata": {str(number): "\x01" * 100 for number in range(MAX_METADATA_BYTES // 620)},
        "tags": ['"' * 100] * (MAX_TAGS_BYTES // 210),
    }
    world = World()
    assert world.given_back(raw(json.dumps(job))) == []
    [entry] = world.bus.calls[0]
    assert MAX_METADATA_BYTES + MAX_TAGS_BYTES - 4096 < entry_size(entry) < ENTRY_BYTES


def test_ses_gets_the_envelope_the_job_id_and_the_configuration_set() -> None:
    world = World()
    world.given_back(record("ann", cc=["Bob <bob@example.org>"], bcc=["eve@example.org"]))
    [request] = world.ses.sent
    assert request["FromEmailAddress"] == "hello@example.com"
    assert request["Destination"] == {
        "ToAddresses": ["ann@example.org"],
        "CcAddresses": ["bob@example.org"],
        "BccAddresses": ["eve@example.org"],
    }
    assert request["EmailTags"] == [{"Name": "mailbus-job-id", "Value": "job-ann"}]
    assert request["ConfigurationSetName"] == "mailbus"
    message = message_from_bytes(request["Content"]["Raw"]["Data"], policy=policy.default)
    assert message["Subject"] == "Willkommen, Jürgen"
    assert message["Bcc"] is None


def test_the_request_is_one_that_the_aws_sdk_knows() -> None:
    client = boto3.client(
        "sesv2",
        region_name="eu-west-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}),
    )
    expected = {
        "FromEmailAddress": "hello@example.com",
        "Destination": {"ToAddresses": ["ann@example.org"], "CcAddresses": [], "BccAddresses": []},
        "Content": {"Raw": {"Data": ANY}},
        "EmailTags": [{"Name": "mailbus-job-id", "Value": "job-ann"}],
        "ConfigurationSetName": "mailbus",
    }
    request = plan_request(parse_job(record("ann").body, "sqs-ann"), SETTINGS)
    with Stubber(client) as stub:
        stub.add_response("send_email", {"MessageId": "0102"}, expected)
        assert MailService(client).send(request) == "0102"


@pytest.mark.parametrize(
    ("body", "job_id", "description"),
    [
        ("not JSON", "sqs-raw", "$: is not JSON: Expecting value at line 1, column 1"),
        (
            '{"job_id": "job-1", "subjet": ""}',
            "job-1",
            "$.subjet: unknown field 'subjet'; did you mean subject?",
        ),
        ('{"from_email": "a@example.com"}', "sqs-raw", "$.to: names nobody"),
    ],
)
def test_an_unreadable_job_fails_once_and_is_kept_with_its_reason(
    body: str, job_id: str | None, description: str
) -> None:
    world = World()
    assert world.given_back(raw(body)) == []
    [event] = world.bus.events
    assert (event["event_type"], event["job_id"], event["recipient"]) == ("failed", job_id, None)
    assert event["description"].startswith(description)
    [buried] = world.sqs.buried
    assert buried["QueueUrl"] == SETTINGS.dead_letter_queue_url
    assert buried["MessageBody"] == body
    assert buried["MessageAttributes"]["Error"]["StringValue"] == "InvalidJob"
    assert buried["MessageAttributes"]["Path"]["StringValue"] == description.partition(":")[0]


def test_a_job_that_cannot_become_a_mail_fails_for_each_recipient() -> None:
    world = World()
    assert world.given_back(record(["ann", "bob"], metadata={"token": "x" * 2000})) == []
    assert [(e["event_type"], e["recipient"]) for e in world.bus.events] == [
        ("failed", "ann@example.org"),
        ("failed", "bob@example.org"),
    ]
    assert world.bus.events[0]["description"].startswith("$.metadata: ")
    assert (world.ses.sent, len(world.sqs.buried)) == ([], 1)


def test_a_mail_that_ses_rejects_is_rejected_and_kept() -> None:
    world = World(Ses(("ann", refused("MessageRejected", "Email address is not verified."))))
    assert world.given_back(record("ann")) == []
    [event] = world.bus.events
    assert (event["event_type"], event["reject_reason"]) == ("rejected", "blocked")
    assert event["description"].startswith("MessageRejected: Email address is not verified: ")
    assert world.sqs.buried[0]["MessageAttributes"]["Code"]["StringValue"] == "MessageRejected"


def test_a_permanent_error_fails_without_a_reject_reason() -> None:
    world = World(Ses(("ann", refused("NotFoundException", "No such configuration set.", 404))))
    assert world.given_back(record("ann")) == []
    assert (world.bus.events[0]["event_type"], world.bus.events[0]["reject_reason"]) == ("failed", None)


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (refused("TooManyRequestsException", "Maximum sending rate exceeded.", 429), 2),
        (refused("TooManyRequestsException", "Daily message quota exceeded.", 429), 7200),
        (refused("SendingPausedException"), 15),
    ],
)
def test_a_job_that_waits_for_the_account_goes_back_beyond_its_attempts(
    error: Exception, seconds: int
) -> None:
    world = World(Ses(("ann", error)))
    assert world.given_back(record("ann", count=5)) == ["sqs-ann"]
    assert world.sqs.hidden == {"handle-sqs-ann": seconds}
    assert (world.bus.events, world.sqs.buried) == ([], [])


def test_an_unreachable_ses_is_tried_again_until_the_last_attempt() -> None:
    unreachable = EndpointConnectionError(endpoint_url="https://email.example")
    world = World(Ses(("ann", unreachable)))
    # deliveries that were no attempts, such as waiting for the rate, do not count
    for seconds in (2, 4, 8, 16):
        assert world.given_back(record("ann", count=50)) == ["sqs-ann"]
        assert (world.bus.events, world.sqs.hidden) == ([], {"handle-sqs-ann": seconds})
    assert world.given_back(record("ann", count=51)) == []
    assert world.bus.events[0]["event_type"] == "failed"
    assert world.sqs.buried[0]["MessageAttributes"]["Error"]["StringValue"] == "SendError"
    assert world.attempts.expiries == {int(NOW.timestamp()) + 14 * 24 * 60 * 60}


@pytest.mark.parametrize(("deliveries", "seconds"), [(1, 2), (3, 8), (4, 16), (50, 16)])
def test_without_the_ledger_deliveries_tell_how_long_a_job_waits_but_end_none(
    deliveries: int, seconds: int
) -> None:
    unreachable = EndpointConnectionError(endpoint_url="https://email.example")
    world = World(Ses(("ann", unreachable)), attempts=Attempts(broken=True))
    assert world.given_back(record("ann", count=deliveries)) == ["sqs-ann"]
    assert world.sqs.hidden == {"handle-sqs-ann": seconds}
    assert (world.bus.events, world.sqs.buried) == ([], [])


@pytest.mark.parametrize("spent", [{"count": 990}, {"sent_at": NOW.timestamp() - 13 * 24 * 60 * 60}])
@pytest.mark.parametrize("later", [None, Later(seconds=5)])
def test_a_job_that_waits_is_failed_with_its_reason_before_sqs_drops_it_without_one(
    spent: dict[str, Any], later: Later | None
) -> None:
    quota = refused("TooManyRequestsException", "Daily message quota exceeded.", 429)
    world = World(Ses(("ann", quota)), pace=Pace(later))
    waiting = msgspec.structs.replace(
        record("ann", count=spent.get("count", 1)), sent_at=spent.get("sent_at", NOW.timestamp())
    )
    assert world.given_back(waiting) == []
    assert [event["event_type"] for event in world.bus.events] == ["failed"]
    assert world.sqs.buried[0]["MessageBody"] == waiting.body


def test_one_bad_job_never_hurts_its_neighbours() -> None:
    world = World(Ses(("eve", refused("TooManyRequestsException", "", 429)), ("max", MemoryError("a bug"))))
    batch = [record("ann"), raw("poison"), record("eve"), record("max"), record("bob")]
    assert world.given_back(*batch) == ["sqs-eve", "sqs-max"]
    assert [(e["event_type"], e["recipient"]) for e in world.bus.events] == [
        ("queued", "ann@example.org"),
        ("failed", None),
        ("queued", "bob@example.org"),
    ]
    assert len(world.bus.calls) == 1


def test_a_mail_that_ses_took_is_not_sent_again_when_the_bus_is_down() -> None:
    for failure in (PublishFailure(code="InternalFailure", reason="", retryable=True), RuntimeError("a bug")):
        world = World(bus=Bus(failure))
        assert world.given_back(record("ann")) == []
        [lost] = [line for line in world.log if line["level"] == "ERROR"]
        assert (lost["job_id"], lost["message_id"]) == ("job-ann", "ses-ann")


def test_a_failure_that_is_not_on_the_bus_yet_is_repeated_before_the_job_is_put_away() -> None:
    world = World(bus=Bus(PublishFailure(code="ThrottlingException", reason="", retryable=True)))
    assert world.given_back(raw("not JSON")) == ["sqs-raw"]
    assert (world.sqs.buried, world.sqs.hidden) == ([], {"handle-sqs-raw": 2})


def test_a_failure_that_the_bus_can_never_take_does_not_loop() -> None:
    world = World(bus=Bus(PublishFailure(code="EntryTooLarge", reason="", retryable=False)))
    assert world.given_back(raw("not JSON")) == []
    assert len(world.sqs.buried) == 1
    assert [line["bus_error"] for line in world.log if line["level"] == "ERROR"] == ["EntryTooLarge"]


def test_a_job_that_cannot_be_put_away_comes_back_and_repeats_the_same_event() -> None:
    world = World(sqs=Sqs(refused("ServiceUnavailable", "", 503)))
    assert world.given_back(record("ann"), raw("not JSON")) == ["sqs-raw"]
    assert world.given_back(raw("not JSON", count=2)) == ["sqs-raw"]
    first, second = (event for event in world.bus.events if event["event_type"] == "failed")
    assert first["event_id"] == second["event_id"]


def test_a_failure_that_nobody_foresaw_ends_in_the_dead_letter_queue_too() -> None:
    world = World(Ses(("ann", MemoryError("secret of the mail"))))
    assert world.given_back(record("ann", count=1)) == ["sqs-ann"]
    assert world.given_back(record("ann", count=5)) == []
    [event] = world.bus.events
    assert event["description"].startswith("unexpected MemoryError in the sender")
    assert len(world.sqs.buried) == 1
    assert "secret of the mail" not in world.stream.getvalue()


def test_the_log_names_ids_and_outcomes_and_nothing_of_the_mail() -> None:
    world = World(Ses(("bob", refused("MessageRejected", "bob@example.org is not verified"))))
    world.given_back(record("ann"), record("bob"), raw('{"to": "eve@example.org", "subject": "Willkommen"}'))
    assert [line["outcome"] for line in world.log] == ["queued", "rejected", "failed"]
    assert [line.get("error") for line in world.log] == [None, "MessageRejected", "InvalidJob"]
    assert world.log[0]["job_id"] == "job-ann"
    text = world.stream.getvalue()
    assert not [word for word in ("example.org", "Willkommen", "body of the mail") if word in text]


def test_an_empty_batch_is_nothing_to_do() -> None:
    assert World().given_back() == []


def test_each_mail_of_a_batch_waits_for_its_own_turn_by_recipients() -> None:
    world = World()
    batch = [record("ann"), raw("not JSON"), record(["bob", "cid"]), record("dan")]
    assert world.given_back(*batch) == []
    assert sorted(world.pace.waited) == [0.0, 1.0, 3.0]


def test_a_batch_whose_turn_is_too_late_goes_back_until_then_and_fails_nothing() -> None:
    world = World(pace=Pace(Later(seconds=20.3)))
    given_back = world.given_back(record("ann"), record("bob", count=99), raw("not JSON"))
    assert given_back == ["sqs-ann", "sqs-bob"]
    # spread out, the longer a job has waited
    assert world.sqs.hidden == {"handle-sqs-ann": 26, "handle-sqs-bob": 516}
    assert world.ses.sent == []
    assert [event["event_type"] for event in world.bus.events] == ["failed"]
