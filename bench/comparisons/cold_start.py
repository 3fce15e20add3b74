"""Cold starts: the import of a handler and its first clients, from the code as it is shipped."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.results import Goal
from bench.support.comparison import compare
from mailbus_cdk.packaging import build

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.results import Result

# the clients that each function makes at its first event
CLIENTS: Final = {
    "sender.handler": ("sqs", "sesv2", "events", "dynamodb", "s3", "scheduler"),
    "tracking.handler": ("sqs", "events", "dynamodb"),
    "inbound.handler": ("s3", "events", "sqs", "kms"),
    "timeline.handler": ("sqs", "dynamodb"),
    "webhook.handler": ("sqs",),
    "webhook.authorizer": ("secretsmanager",),
    "guard.handler": ("dynamodb", "events"),
    "activation.handler": ("ses",),
    "identity_feedback.handler": ("ses",),
    "redirect_domain.handler": ("sesv2",),
}
GOALS: Final = {"sender.handler": Goal(of="ratio", at_most=1.10)}
ROUNDS: Final = 7
# the others share these sources
COMPILED: Final = "sender.handler"
COMPILED_ROUNDS: Final = 3
# processor time: another process on the machine makes no import slower
START: Final = """
import sys, time
sys.path.insert(0, sys.argv[1])
start = time.process_time()
{imports}
for service in sys.argv[2:]:
    session.client(service)
print(time.process_time() - start)
"""
HANDLER: Final = """
import {module}
from mailbus.aws import sessions
session = sessions.open_session()
"""
BOTO3: Final = """
import boto3
session = boto3.Session()
"""
ENVIRONMENT: Final = {
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
}


def measure() -> Iterator[Result]:
    """Compare each handler with boto3 alone, and the sender with its own sources without compiled files."""
    shipped = build("host").path
    for module, clients in CLIENTS.items():
        yield compare(
            f"cold start of {module.removesuffix('.handler')}",
            ("handler and clients", _starter(shipped, HANDLER.format(module=module), clients)),
            ("boto3 and the same clients", _starter(shipped, BOTO3, clients)),
            rounds=ROUNDS,
            goal=GOALS.get(module),
        )
    imports, clients = HANDLER.format(module=COMPILED), CLIENTS[COMPILED]
    with tempfile.TemporaryDirectory() as directory:
        bare = Path(directory) / "bare"
        shutil.copytree(shipped, bare, ignore=shutil.ignore_patterns("__pycache__"))
        yield compare(
            "compiled files of the sender",
            ("as packaged", _starter(shipped, imports, clients)),
            ("sources alone", _starter(bare, imports, clients)),
            rounds=COMPILED_ROUNDS,
        )


def _starter(code: Path, imports: str, clients: tuple[str, ...]) -> Callable[[], float]:
    # -I: only the code itself; -B: as on Lambda, no compiled files are written
    program = START.format(imports=imports)
    command = [sys.executable, "-I", "-S", "-B", "-c", program, str(code), *clients]

    def run() -> float:
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=ENVIRONMENT)  # noqa: S603 - our own command
        return float(done.stdout)

    return run
