"""Cold starts: the import of a handler and its first clients, from the code as it is shipped."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.support.comparison import Comparison, compare
from mailbus_cdk.packaging import build

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# the clients that each function makes at its first event
CLIENTS: Final = {
    "sender": ("sqs", "sesv2", "events", "dynamodb", "s3", "scheduler"),
    "tracking": ("sqs", "events", "dynamodb"),
    "inbound": ("s3", "events", "sqs", "kms"),
}
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
import {function}.handler
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


def measure() -> Iterator[Comparison]:
    """Compare each handler with boto3 alone, then with its own sources without the compiled files."""
    shipped = build("host").path
    with tempfile.TemporaryDirectory() as directory:
        bare = Path(directory) / "bare"
        shutil.copytree(shipped, bare, ignore=shutil.ignore_patterns("__pycache__"))
        for function, clients in CLIENTS.items():
            imports = HANDLER.format(function=function)
            handler = ("handler and clients, as shipped", _starter(shipped, imports, clients))
            yield compare(
                f"cold start of {function}",
                handler,
                ("boto3 and the same clients", _starter(shipped, BOTO3, clients)),
            )
            yield compare(
                f"compiled files of {function}",
                handler,
                ("sources alone", _starter(bare, imports, clients)),
                rounds=5,
            )


def _starter(code: Path, imports: str, clients: tuple[str, ...]) -> Callable[[], float]:
    # -I: only the code itself; -B: as on Lambda, no compiled files are written
    program = START.format(imports=imports)
    command = [sys.executable, "-I", "-S", "-B", "-c", program, str(code), *clients]

    def run() -> float:
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=ENVIRONMENT)  # noqa: S603 - our own command
        return float(done.stdout)

    return run
