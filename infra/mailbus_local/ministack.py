"""Runs MiniStack, the embedded AWS: a process whose Lambda workers are its children."""

from __future__ import annotations

import http.client
import os
import sys
import time
import urllib.request
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mailbus_local import denials, processes, used_rights
from mailbus_local.errors import EmbeddedAwsError
from mailbus_local.stop_signals import StopRequest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping

    from mailbus_local.process_record import ProcessRecord

_PROGRAM: Final = Path(__file__).with_name("ministack_process.py")
START_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.05
REGION: Final = "us-east-1"
ACCOUNT_ID: Final = "000000000000"
# MiniStack accepts any credentials.
CREDENTIALS: Final = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


def own_environment(extra: Mapping[str, str], *, region: str = REGION) -> dict[str, str]:
    """Return this process's environment with `extra`, without what could lead to a real AWS account.

    The embedded AWS is on this machine: no proxy leads there.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("AWS_") and name != "PYTHONPATH"
    }
    regions = {"AWS_REGION": region, "AWS_DEFAULT_REGION": region, "AWS_EC2_METADATA_DISABLED": "true"}
    return {**kept, **CREDENTIALS, **regions, **without_proxy(), **extra}


def behind_proxy() -> bool:
    """Return True if the environment has a proxy for requests to this machine."""
    return not {"http", "all"}.isdisjoint(urllib.request.getproxies_environment())


def without_proxy() -> dict[str, str]:
    """Return the environment variables for reaching this machine without a proxy, in both spellings."""
    names = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    hosts = ",".join(dict.fromkeys([*filter(None, names.split(",")), "127.0.0.1", "localhost"]))
    return {"NO_PROXY": hosts, "no_proxy": hosts}


class MiniStack:
    """A MiniStack process. Functions inherit `function_environment`; temporary files are below `scratch`."""

    def __init__(
        self,
        *,
        port: int,
        log: Path,
        scratch: Path,
        function_environment: Mapping[str, str],
        region: str = REGION,
    ) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.log = log
        self.denials = log.with_name(denials.FILE)
        self._scratch = scratch
        self._environment = function_environment
        # MiniStack's health has it, which distinguishes this process from another MiniStack on the port
        self._token = uuid.uuid4().hex
        self._region = region
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, record: ProcessRecord | None = None) -> None:
        """Start the process, without waiting until it is ready; `record` is that of its directory."""
        environment = own_environment(
            {
                "GATEWAY_PORT": str(self.port),
                "BIND_HOST": "127.0.0.1",
                "MINISTACK_HOST": "127.0.0.1",
                "MINISTACK_REGION": self._region,
                "TMPDIR": str(self._scratch),
                "LOG_LEVEL": "INFO",
                "MINISTACK_EDITION": self._token,
                # policies are evaluated, and functions have sessions of their roles
                "AUTH": "true",
                **self._environment,
            },
            region=self._region,
        )
        self.denials.write_bytes(b"")
        self.denials.with_name(used_rights.FILE).unlink(missing_ok=True)
        self._process = processes.start(
            # -P: the modules beside this one are not for MiniStack to import
            [sys.executable, "-P", str(_PROGRAM), str(self.denials)],
            environment=environment,
            directory=self._scratch,
            log=self.log,
        )
        if record is not None:
            record.add("MiniStack", self._process.pid)

    def wait(self, stop: StopRequest | None = None) -> None:
        """Wait until it is healthy.

        Raises `EmbeddedAwsError` if it exits, takes over a minute, or a stop is requested meanwhile.
        """
        stop = stop or StopRequest()
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if not self.running:
                break
            try:
                with urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=1) as answer:  # noqa: S310 - on loopback
                    if self._token.encode() in answer.read():
                        return
                    break
            except (OSError, http.client.HTTPException):
                stop.sleep(POLL_SECONDS)
        reason = f"MiniStack does not respond on port {self.port}; see {self.log}"
        raise EmbeddedAwsError(reason)

    @property
    def running(self) -> bool:
        """Whether the process is running."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End the process and its Lambda workers."""
        process, self._process = self._process, None
        if process is not None:
            processes.end(process)
