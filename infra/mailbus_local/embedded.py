"""The whole of Mailbus on this machine: embedded AWS, simulated SES, the stacks deployed on them."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import boto3
import msgspec

from mailbus_cdk.settings.schema import load
from mailbus_local import assembly, processes
from mailbus_local.ministack import ACCOUNT_ID, REGION, EmbeddedAwsError, MiniStack, own_environment
from mailbus_local.ses.server import SimulatedSes, SimulatorSettings
from mailbus_local.sns.server import SnsOverHttps, SnsSettings
from mailbus_local.sns.signing import region_of
from mailbus_local.stopping import StopRequest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

ROOT: Final = Path(__file__).resolve().parents[2]
DIRECTORY: Final = ROOT / ".local"
OUTPUTS: Final = "outputs.json"
STAGE: Final = "local"
POLL_SECONDS: Final = 0.05
# Held while a system runs in a directory.
LOCK: Final = "lock"
# What CDK calls the outputs by which one stack refers to another.
CROSS_STACK: Final = "ExportsOutput"
# No name leads to MiniStack: it takes a REST API's requests at a path.
_API_URL: Final = re.compile(r"https://([a-z0-9]+)\.execute-api\.[^/]+/(.*)")


# Where clients of these services go, by the name of the output.
_ENDPOINTS: Final = {"ses": "ses_endpoint_url", "sesv2": "ses_endpoint_url", "sns": "sns_endpoint_url"}


class Ports(msgspec.Struct, frozen=True, kw_only=True):
    """Where to listen on 127.0.0.1; 0 takes a free port."""

    aws: int = 0
    ses: int = 0
    smtp: int = 0
    sns: int = 0


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def check(ports: Ports) -> None:
    """Refuse ports that cannot be listened on: who does so already could pass for this system."""
    asked = [port for port in (ports.aws, ports.ses, ports.smtp, ports.sns) if port]
    if len(set(asked)) < len(asked):
        reason = "the embedded AWS, the simulated SES, its SMTP and SNS each need a port of their own"
        raise EmbeddedAwsError(reason)
    for port in asked:
        with socket.socket() as probe:
            # What connections of a system that has just ended leave behind does not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                reason = f"port {port}: {error.strerror}; ask for another, or for none to get a free one"
                raise EmbeddedAwsError(reason) from error


class EmbeddedAws:
    """Started by `with`, ended with everything that it started; one at a time in a directory.

    `outputs` holds `endpoint_url`, `ses_endpoint_url`, `sns_endpoint_url`, `smtp_host`, `smtp_port`,
    `region` and every stack output by name; the same stands in `outputs.json` in the directory while it runs.
    """

    outputs: Mapping[str, Any]

    def __init__(
        self,
        *,
        directory: Path = DIRECTORY,
        ports: Ports | None = None,
        progress: Callable[[str], None] = print,
        stop: StopRequest | None = None,
    ) -> None:
        ports = ports or Ports()
        # The commands run in it, so that a relative one would mean another place to them.
        self._directory = directory.absolute()
        self._scratch = self._directory / "scratch"
        self._progress = progress
        self._stop_request = stop or StopRequest()
        self._commands: list[subprocess.Popen[bytes]] = []
        check(ports)
        aws_port = ports.aws or free_port()
        self._ses = SimulatedSes(
            SimulatorSettings(
                upstream_url=f"http://127.0.0.1:{aws_port}",
                region=REGION,
                account_id=ACCOUNT_ID,
                port=ports.ses,
                smtp_port=ports.smtp,
            )
        )
        self._sns = SnsOverHttps(
            SnsSettings(upstream_url=f"http://127.0.0.1:{aws_port}", directory=self._scratch, port=ports.sns)
        )
        self._ministack: MiniStack | None = None
        self._aws_port = aws_port
        self._held = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._directory.mkdir(parents=True, exist_ok=True)
        self._held.enter_context(_hold(self._directory))
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    @property
    def running(self) -> bool:
        """Whether the embedded AWS is alive."""
        return self._ministack is not None and self._ministack.running

    def client(self, service: str) -> Any:
        """Make a boto3 client, as an application does from `outputs`."""
        endpoint = _ENDPOINTS.get(service, "endpoint_url")
        return boto3.client(
            service,  # type: ignore[call-overload]  # the stubs know literal names only
            endpoint_url=self.outputs[endpoint],
            region_name=self.outputs["region"],
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - nobody's
        )

    def _start(self) -> None:
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir(parents=True)
        (self._directory / OUTPUTS).unlink(missing_ok=True)
        self._progress("starting the embedded AWS and the simulated SES")
        self._ses.start()
        self._sns.start()
        functions = {
            "AWS_ENDPOINT_URL_SESV2": self._ses.url,
            "AWS_ENDPOINT_URL_SES": self._ses.url,
            "AWS_ENDPOINT_URL_SNS": self._sns.url,
            **self._sns.function_environment(),
        }
        self._ministack = MiniStack(
            port=self._aws_port,
            log=self._directory / "ministack.log",
            scratch=self._scratch,
            function_environment=functions,
        )
        self._ministack.start()
        self._ministack.wait()
        self._progress("synthesizing the stacks (packages are installed the first time)")
        synthesized, adapted = self._directory / "synthesized", self._directory / "cdk.out"
        bootstrap = self._cdk("bootstrap", f"aws://{ACCOUNT_ID}/{REGION}")
        synth = self._cdk("synth", "--quiet", "--context", f"stage={STAGE}", "--output", str(synthesized))
        self._finish("synth", synth)
        assembly.adapt(synthesized, adapted)
        self._finish("bootstrap", bootstrap)
        self._find_what_is_there()
        self._progress("deploying the stacks by cdk deploy")
        deployed = self._directory / "deployed.json"
        deploy = self._cdk(
            *("deploy", "--app", str(adapted), "--all", "--require-approval", "never"),
            *("--method", "direct", "--concurrency", "3", "--outputs-file", str(deployed)),
        )
        self._finish("deploy", deploy)
        self._publish(json.loads(deployed.read_text()))

    def _find_what_is_there(self) -> None:
        """Make what the settings say that the account has already."""
        settings = load(ROOT / "mailbus.toml", STAGE)
        ses = boto3.client(
            "sesv2",
            endpoint_url=f"http://127.0.0.1:{self._aws_port}",
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - nobody's
        )
        for identity in settings.other_identities:
            ses.create_email_identity(EmailIdentity=identity)
        for configuration_set in settings.other_configuration_sets:
            ses.create_configuration_set(ConfigurationSetName=configuration_set)
        for topic_arn in settings.webhook.topic_arns:
            sns = boto3.client(
                "sns",
                endpoint_url=f"http://127.0.0.1:{self._aws_port}",
                region_name=region_of(topic_arn),
                aws_access_key_id="test",
                aws_secret_access_key="test",  # noqa: S106 - nobody's
            )
            sns.create_topic(Name=topic_arn.rpartition(":")[2])

    def _publish(self, stacks: Mapping[str, Mapping[str, str]]) -> None:
        sender = load(ROOT / "mailbus.toml", STAGE).sender
        self.outputs = {
            "endpoint_url": f"http://127.0.0.1:{self._aws_port}",
            "ses_endpoint_url": self._ses.url,
            "sns_endpoint_url": self._sns.url,
            "smtp_host": "127.0.0.1",
            "smtp_port": self._ses.smtp_port,
            "region": REGION,
            "rate_cache_seconds": sender.rate_cache_seconds,
            "doubt_seconds": sender.doubt_seconds,
            **{
                name: _API_URL.sub(rf"http://127.0.0.1:{self._aws_port}/_aws/execute-api/\1/\2", value)
                for outputs in stacks.values()
                for name, value in outputs.items()
                if not name.startswith(CROSS_STACK)
            },
        }
        # Written aside and renamed: who waits for the file never reads half of it.
        draft = self._directory / f"{OUTPUTS}.new"
        draft.write_text(json.dumps(self.outputs, indent=2) + "\n")
        draft.replace(self._directory / OUTPUTS)

    def _cdk(self, command: str, *arguments: str) -> subprocess.Popen[bytes]:
        environment = own_environment(
            {
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._aws_port}",
                "CDK_DISABLE_CLI_TELEMETRY": "true",
                # jsii unpacks itself there, and leaves it behind when it is stopped.
                "TMPDIR": str(self._scratch),
                "PYTHONPATH": os.pathsep.join((str(ROOT / "functions"), str(ROOT / "infra"), str(ROOT))),
                # Node and the CDK CLI are the project's own.
                "PATH": os.pathsep.join(
                    (str(Path(sys.executable).parent), str(ROOT / "node_modules/.bin"), os.environ["PATH"])
                ),
            }
        )
        process = processes.start(
            ["cdk", command, *arguments, "--no-notices", "--no-version-reporting"],
            environment=environment,
            # Elsewhere it would find cdk.json, and synthesize where there is nothing to synthesize.
            directory=ROOT if command == "synth" else self._directory,
            log=self._log(command),
        )
        self._commands.append(process)
        return process

    def _log(self, command: str) -> Path:
        return self._directory / f"cdk-{command}.log"

    def _finish(self, command: str, process: subprocess.Popen[bytes]) -> None:
        while process.poll() is None:
            if self._stop_request.wait(POLL_SECONDS):
                reason = "stopped before it was ready"
                raise EmbeddedAwsError(reason)
        if process.returncode != 0:
            log = self._log(command)
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
            reason = f"cdk {command} failed; the end of {log}:\n{tail}"
            raise EmbeddedAwsError(reason)

    def _stop(self) -> None:
        for process in self._commands:
            processes.end(process)
        # SES first: it still hands its last events to SNS.
        self._ses.stop()
        if self._ministack is not None:
            self._ministack.stop()
        self._sns.stop()
        (self._directory / OUTPUTS).unlink(missing_ok=True)
        for leftover in ("scratch", "synthesized", "cdk.out"):
            shutil.rmtree(self._directory / leftover, ignore_errors=True)
        self._held.close()


@contextlib.contextmanager
def _hold(directory: Path) -> Iterator[None]:
    """Keep others out of a directory; the lock goes with the process, however that ends."""
    with (directory / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            reason = f"another system runs in {directory}: end it first, or give this one another --directory"
            raise EmbeddedAwsError(reason) from error
        yield
