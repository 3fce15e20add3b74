"""One run: load and faults, a deployment meanwhile, then quiet, a redrive, and what came out."""

from __future__ import annotations

import contextlib
import json
import random
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from bench.chaos import jobs, notifications, received, rules
from bench.chaos.checker import Expected, not_happened, problems
from bench.chaos.episodes import EPISODES, Player
from bench.chaos.jobs import Job
from bench.chaos.notifications import Notification
from bench.chaos.observed import Events, Observed
from bench.chaos.plan import Plan, Rule
from bench.chaos.proxy import Proxy
from bench.chaos.received import ReceivedMail
from bench.chaos.system import System
from mailbus_local import stage
from mailbus_local.embedded import EmbeddedAws
from mailbus_local.ports import Ports, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.chaos.calls import Service

T = TypeVar("T")

#: The load goes in in so many steps. Each waits until few jobs can be received, not too many wait at all, and
#: SES is not far behind with its events: one that comes after `doubt_seconds` is too late to settle a doubt.
STEPS: Final = 40
BACKLOG: Final = 300
WAITING: Final = 1500
UNPUBLISHED: Final = 1000
#: All mails are received in the first steps: a mail whose worker died waits for 12 minutes.
RECEIVING_STEPS: Final = 6
DEPLOYMENT_STEP: Final = 10
GUARD_STEPS: Final = (30, 31)
#: A run may take so long altogether.
LIMIT_SECONDS: Final = 25 * 60.0
POLL_SECONDS: Final = 1.0
REPORT_SECONDS: Final = 20.0
#: https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
SNS_RETRY_SECONDS: Final = (20.0, 20.0, 20.0)
#: What the deployment meanwhile changes: the environment of the sender, tracking, inbound and timeline
#: functions, so that all workers of these are replaced.
CHANGES: Final = (
    ("timeline.days = 30", "timeline.days = 31"),
    ("timeline.days", "events.entry_bytes = 300_000\ntimeline.days"),
)


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """How much goes in."""

    jobs: int = 10_000
    notifications: int = 5_000
    mails: int = 500

    @property
    def is_full(self) -> bool:
        """Whether there are calls enough for each fault to happen as often as planned."""
        return all(given >= full for given, full in zip(_sizes(self), _sizes(Size()), strict=True))


def _sizes(size: Size) -> tuple[int, ...]:
    return msgspec.structs.astuple(size)


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What a run put in, what came out, and what is wrong. Times are in seconds."""

    seed: int
    size: Size
    expected: Expected
    observed: Observed
    happened: tuple[tuple[Rule, int], ...]
    episodes: tuple[str, ...]
    throttled: int
    faulted: int
    deployments: int
    redriven: int
    longest_silence: float
    loaded_seconds: float
    settled_seconds: float
    seconds: float
    problems: tuple[str, ...]


class Clock:
    """The time of a run, against its limit; `report` takes a line of progress."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._began = time.monotonic()
        self._report = report

    @property
    def seconds(self) -> float:
        """The seconds since the beginning."""
        return time.monotonic() - self._began

    def report(self, text: str) -> None:
        """Report a line, with the time."""
        minutes, seconds = divmod(int(self.seconds), 60)
        self._report(f"{minutes:2}:{seconds:02}  {text}")

    def until(self, probe: Callable[[], object], what: Callable[[], str]) -> bool:
        """Call `probe` until its answer is true; return False if that is not so at the limit."""
        reported = self.seconds
        while not probe():
            if self.seconds > LIMIT_SECONDS:
                return False
            if self.seconds - reported > REPORT_SECONDS:
                reported = self.seconds
                self.report(what())
            time.sleep(POLL_SECONDS)
        return True


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What goes in, from the seed."""

    jobs: list[Job]
    notifications: list[Notification]
    mails: list[ReceivedMail]


def draw(seed: int, size: Size, *, region: str, now: float) -> Load:
    """Return the load of a seed; `now` is in epoch seconds."""
    chance = random.Random(seed)  # noqa: S311 - test data, no secret
    mark = f"{chance.randrange(16**6):06x}"
    return Load(
        jobs=jobs.draw(chance, size.jobs, mark),
        notifications=notifications.draw(chance, size.notifications, mark, region=region, now=now),
        mails=received.draw(chance, size.mails, mark),
    )


def run(seed: int, size: Size, *, report: Callable[[str], None]) -> Result:
    """Run it, and check it."""
    clock = Clock(report)
    plan = Plan([rule.scaled(size.jobs / jobs.OF) for rule in rules.ALL], seed)
    ports = Ports(aws=free_port(), ses=free_port())
    aws_url, ses_url = f"http://127.0.0.1:{ports.aws}", f"http://127.0.0.1:{ports.ses}"
    upstream: dict[Service, str] = {
        "sesv2": ses_url,
        **dict.fromkeys(("dynamodb", "eventbridge", "sqs", "s3", "kms"), aws_url),
    }
    with (
        tempfile.TemporaryDirectory(prefix="mailbus-chaos-") as name,
        Proxy(upstream, plan) as proxy,
        EmbeddedAws(
            directory=Path(name),
            settings=stage.PACKAGED,
            ports=ports,
            function_environment=proxy.environment,
            sns_retry_seconds=SNS_RETRY_SECONDS,
            progress=clock.report,
        ) as aws,
        Events(aws, "chaos") as events,
        contextlib.closing(System(aws, Path(name))) as system,
    ):
        return _Run(seed, size, clock, plan, aws, events, system, Path(name)).run()


class _Run:
    def __init__(  # noqa: PLR0913, PLR0917 - its parts
        self,
        seed: int,
        size: Size,
        clock: Clock,
        plan: Plan,
        aws: EmbeddedAws,
        events: Events,
        system: System,
        directory: Path,
    ) -> None:
        self._seed = seed
        self._size = size
        self._clock = clock
        self._plan = plan
        self._aws = aws
        self._events = events
        self._system = system
        self._directory = directory
        self._load = draw(seed, size, region=aws.outputs["region"], now=time.time())
        self._jobs: list[Job] = []
        self._due: dict[str, float] = {}
        self._received: list[str] = []
        self._scale = size.jobs / jobs.OF
        self._episodes = Player(EPISODES, system, calls=self._calls, scale=self._scale, report=clock.report)
        self._deployed = threading.Event()
        self._deployments = 0
        self._errors: list[str] = []

    def run(self) -> Result:
        self._system.subscribe_webhook()
        self._clock.until(self._system.webhook_has_confirmed, lambda: "the webhook has not confirmed")
        self._system.store_file()
        self._system.change_identity("PENDING")
        self._put_in()
        self._clock.until(self._deployed.is_set, lambda: "the deployment goes on")
        self._clock.until(self._all_happened, lambda: f"not all faults happened; {self._progress()}")
        self._plan.stop()
        self._system.clear_faults()
        loaded, loaded_at = self._clock.seconds, time.time()
        self._clock.report("all is in, and the faults end")
        self._settle()
        letters = self._system.letters()
        counts = Counter(f"{letter.queue} {letter.code}" for letter in letters)
        self._clock.report(f"dead letters: {', '.join(f'{name} {count}' for name, count in counts.items())}")
        self._system.fix(self._jobs)
        done = json.loads(self._system.command("dead-letters", "redrive", "--all", "--yes", "--json"))
        redriven = sum(one["result"] == "redriven" for one in done)
        self._clock.report(f"{redriven} of {len(letters)} dead letters are redriven")
        self._settle()
        settled = self._clock.seconds
        expected = Expected(
            jobs=tuple(self._jobs),
            due=self._due,
            published={"tracking": tuple(self._load.notifications), "inbound": tuple(received.poison())},
            received=tuple(self._received),
        )
        observed = Observed(
            accepted=self._system.accepted(),
            events=self._events.so_far(),
            letters=letters,
            letters_after=self._system.letters(),
        )
        account = self._system.account()
        self._errors += [
            f"{count} messages in {name}" for name, count in self._system.other_letters().items()
        ]
        self._errors += self._system.refused_deliveries()
        self._errors += [f"not allowed: {denial}" for denial in self._aws.denials()]
        happened, played = tuple(self._plan.happened()), tuple(self._episodes.played)
        if self._size.is_full:
            self._errors += not_happened(happened, EPISODES, played)
        return Result(
            seed=self._seed,
            size=self._size,
            expected=expected,
            observed=observed,
            happened=happened,
            episodes=played,
            throttled=account["throttled"],
            faulted=account["faulted"],
            deployments=self._deployments,
            redriven=redriven,
            longest_silence=self._events.longest_silence(loaded_at),
            loaded_seconds=loaded,
            settled_seconds=settled,
            seconds=self._clock.seconds,
            problems=(*self._errors, *problems(expected, observed)),
        )

    def _put_in(self) -> None:
        """Put the load in, step by step; episodes of SES, the deployment and the guard have their turn."""
        self._system.publish("inbound", received.poison())
        for step in range(STEPS):
            enqueued, due = self._system.enqueue(_share(self._load.jobs, step, STEPS))
            self._jobs += enqueued
            self._due |= due
            self._system.publish("tracking", _share(self._load.notifications, step, STEPS))
            if step < RECEIVING_STEPS:
                self._received += self._system.receive(_share(self._load.mails, step, RECEIVING_STEPS))
            if step == DEPLOYMENT_STEP:
                threading.Thread(target=self._deploy, daemon=True).start()
            self._guard(step)
            self._clock.report(self._progress())
            self._clock.until(self._has_room, self._progress)

        self._clock.until(self._all_played, self._progress)

    def _has_room(self) -> bool:
        self._episodes.advance(len(self._jobs) / self._size.jobs)
        return (
            self._system.jobs_waiting("") < max(10, BACKLOG * self._scale)
            and self._system.jobs_waiting() < max(100, WAITING * self._scale)
            and self._system.unpublished() < max(50, UNPUBLISHED * self._scale)
        )

    def _all_played(self) -> bool:
        self._episodes.advance(1)
        return self._episodes.done

    def _all_happened(self) -> bool:
        """Return whether all faults have happened, or there are no calls any more that can have them."""
        return self._plan.done() or not self._system.waiting()

    def _progress(self) -> str:
        return f"{len(self._jobs)} jobs are in; waiting: {self._system.waiting()}"

    def _calls(self) -> int:
        return self._plan.calls("sesv2", "SendEmail", "SendBulkEmail")

    def _guard(self, step: int) -> None:
        """Let the guard pause the bulk lane, and an operator resume it."""
        begin, end = GUARD_STEPS
        if step == begin:
            self._clock.report("the bounce rate rises: the guard pauses the bulk lane")
            self._system.raise_bounce_rate()
        if step == end:
            self._clock.until(lambda: self._count("lane_paused"), lambda: "the guard has not paused the lane")
            self._system.command("resume", "bulk")
            self._clock.report("an operator resumes the bulk lane")

    def _count(self, event_type: str) -> int:
        return sum(event.event_type == event_type for event in self._events.so_far())

    def _deploy(self) -> None:
        """Deploy changed settings."""
        text = stage.PACKAGED.read_text(encoding="utf-8")
        for old, new in CHANGES:
            text = text.replace(old, new)
        path = self._directory / "changed.toml"
        path.write_text(text, encoding="utf-8")
        try:
            self._aws.deploy_again(path)
            self._deployments += 1
            self._clock.report("the deployment is done")
        except Exception as error:  # noqa: BLE001 - the run goes on, and is wrong
            self._errors.append(f"the deployment failed: {error}")
        self._deployed.set()

    def _settle(self) -> None:
        """Wait until no queue has a message, twice in a row: a message may be between two queues."""

        def quiet() -> bool:
            for _ in range(2):
                if self._system.waiting() or self._system.messages(self._events.queue_url):
                    return False
                time.sleep(POLL_SECONDS)
            return True

        if not self._clock.until(quiet, lambda: f"waiting: {self._system.waiting()}"):
            self._errors.append(f"not settled within {LIMIT_SECONDS:.0f} s: {self._system.waiting()}")


def _share(items: Sequence[T], step: int, steps: int) -> Sequence[T]:
    return items[len(items) * step // steps : len(items) * (step + 1) // steps]
