"""Cold starts: the import of a handler, its settings and its clients, from the code as it is packaged."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.results import Goal
from bench.support.comparison import compare
from bench.world import sender
from bench.world.reporting import TIMELINE, TRACKING
from mailbus.environment import (
    AuthorizerSettings,
    FunctionSettings,
    GuardSettings,
    InboundSettings,
    WebhookSettings,
    to_environment,
)
from mailbus_cdk.packaging import build

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.results import Result

#: By function, its module and what makes its clients at its first event.
FUNCTIONS: Final = {
    "sender": ("sender.handler", "wire('bench')"),
    "tracking": ("tracking.handler", "wire('bench')"),
    "inbound": ("inbound.handler", "wire('bench')"),
    "timeline": ("timeline.handler", "wire()"),
    "webhook": ("webhook.handler", "wire('bench')"),
    "webhook's authorizer": ("webhook.authorizer", "wire()"),
    "guard": ("guard.handler", "wire()"),
    "activation": ("activation.handler", "client()"),
    "identity_feedback": ("identity_feedback.handler", "client()"),
    "redirect_domain": ("redirect_domain.handler", "client()"),
}
GOALS: Final = {"sender": Goal(of="ratio", at_most=1.10)}
ROUNDS: Final = 5
# the others share these sources
COMPILED: Final = "sender"
COMPILED_ROUNDS: Final = 3
FUNCTION: Final = """
import {0}
{0}.{1}
"""
BOTO3: Final = """
import boto3
session = boto3.Session()
for service in {0}:
    session.client(service)
"""
# processor time: another process on the machine makes no import slower
TIMED: Final = """
import time
began = time.process_time()
{0}
print(time.process_time() - began)
"""
CLIENTS: Final = """
import botocore.session
create = botocore.session.Session.create_client
def noted(session, service, *options, **more):
    print(service)
    return create(session, service, *options, **more)
botocore.session.Session.create_client = noted
{0}
"""
_URL: Final = "https://sqs.eu-west-1.amazonaws.com/123456789012/mailbus-bench"
_ARN: Final = "arn:aws:sns:eu-west-1:123456789012:mailbus-bench"
SETTINGS: Final[tuple[FunctionSettings, ...]] = (
    sender.SETTINGS,
    TRACKING,
    TIMELINE,
    InboundSettings(
        event_bus_name="mailbus-bench",
        dead_letter_queue_url=_URL,
        inbound_bucket_name="mailbus-bench",
        raw_prefix="raw/",
        parts_prefix="parts/",
        max_receives=10,
    ),
    WebhookSettings(tracking_queue_url=_URL, topic_arns=(_ARN,), confirm_subscriptions=True),
    AuthorizerSettings(secret_arn=_ARN),
    GuardSettings(event_bus_name="mailbus-bench", ledger_table_name="mailbus-bench", alarm_names=("bench",)),
)
ENVIRONMENT: Final = {
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    **dict(chain.from_iterable(to_environment(settings).items() for settings in SETTINGS)),
}


def measure() -> Iterator[Result]:
    """Compare each function with boto3 alone, and the sender with its own sources without compiled files."""
    shipped = build("host").path
    programs = {name: FUNCTION.format(*called) for name, called in FUNCTIONS.items()}
    for name, program in programs.items():
        clients = _run(shipped, CLIENTS.format(program)).split()
        yield compare(
            f"cold start: {name}",
            ("handler, settings and clients", _timed(shipped, program)),
            ("boto3 and the same clients", _timed(shipped, BOTO3.format(clients))),
            rounds=ROUNDS,
            goal=GOALS.get(name),
            notes=(f"clients: {', '.join(clients)}",),
        )
    with tempfile.TemporaryDirectory() as directory:
        bare = Path(directory) / "bare"
        shutil.copytree(shipped, bare, ignore=shutil.ignore_patterns("__pycache__"))
        yield compare(
            f"compiled files of the {COMPILED}",
            ("as packaged", _timed(shipped, programs[COMPILED])),
            ("sources alone", _timed(bare, programs[COMPILED])),
            rounds=COMPILED_ROUNDS,
        )


def _timed(code: Path, program: str) -> Callable[[], float]:
    return lambda: float(_run(code, TIMED.format(program)))


def _run(code: Path, program: str) -> str:
    """Return what a program prints with the code alone."""
    # -I: only the code itself; -B: as on Lambda, no compiled files are written
    own = f"import sys; sys.path.insert(0, {str(code)!r})\n{program}"
    command = [sys.executable, "-I", "-S", "-B", "-c", own]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=ENVIRONMENT)  # noqa: S603 - our own command
    return done.stdout
