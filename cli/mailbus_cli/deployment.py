"""What a command works on: the system on this machine, or a stage in the operator's account."""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mailbus.stages import LOCAL
from mailbus_cli import verbose
from mailbus_cli.errors import CommandError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import boto3

# threads of one process share a client
CONNECTIONS: Final = 20
ATTEMPTS: Final = 4


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Whose credentials are used."""

    account: str
    arn: str

    @property
    def name(self) -> str:
        """The last part of the ARN: a user, or a role without its session."""
        kind, *parts = self.arn.rpartition(":")[2].split("/")
        return parts[0] if kind == "assumed-role" and parts else (parts or [kind])[-1]


class Deployment:
    """A stage with its outputs by name, and clients of AWS for it.

    `directory` and `simulator_url` are those of the system on this machine, else None.
    """

    def __init__(
        self,
        *,
        stage: str,
        session: boto3.Session,
        outputs: Mapping[str, str],
        endpoints: Mapping[str, str] | None = None,
        directory: Path | None = None,
    ) -> None:
        self.stage = stage
        self.outputs = outputs
        self.directory = directory
        self._session = session
        self._endpoints = endpoints or {}
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()

    @property
    def is_local(self) -> bool:
        """True for the system on this machine."""
        return self.directory is not None

    @property
    def region(self) -> str:
        """The region."""
        return str(self._session.region_name)

    @property
    def profile(self) -> str | None:
        """The profile of AWS's configuration, if one was chosen."""
        name = self._session.profile_name
        return None if name == "default" else name

    @property
    def name(self) -> str:
        """The stage as people say it."""
        return "the system on this machine" if self.is_local else f"stage {self.stage} in {self.region}"

    @property
    def option(self) -> str:
        """The option that chooses it, to show a command: `--local`, `--stage prod`."""
        return "--local" if self.is_local else f"--stage {self.stage}"

    @property
    def simulator_url(self) -> str | None:
        """Where the control API of the simulated SES is; None for a stage in an account."""
        url = self._endpoints.get("sesv2")
        return f"{url}/_simulator" if url and self.is_local else None

    @functools.cached_property
    def caller(self) -> Caller:
        """Whose credentials are used, by STS."""
        answer = self.client("sts").get_caller_identity()
        return Caller(account=answer["Account"], arn=answer["Arn"])

    def output(self, name: str, *, without: str = "deploy the stage with this version") -> str:
        """Return a stack output. Raises `CommandError` with what to do if the stage has none."""
        value = self.outputs.get(name)
        if value is None:
            reason = f"{self.name} has no {name}"
            raise CommandError(reason, hint=without)
        return value

    def client(self, service: str, *, region: str | None = None) -> Any:  # noqa: ANN401 - the caller knows the service
        """Return the boto3 client of a service, by default in the stage's region; threads share it."""
        from botocore.config import Config  # noqa: PLC0415 - takes long to load

        from mailbus.aws import sessions  # noqa: PLC0415 - as above

        with self._lock:
            key = (service, region or self.region)
            if key not in self._clients:
                self._clients[key] = self._session.client(
                    service,  # type: ignore[call-overload]  # the stubs know literal names only
                    region_name=region,
                    endpoint_url=self._endpoints.get(service, self._endpoints.get("")),
                    config=sessions.config(max_attempts=ATTEMPTS, max_pool_connections=CONNECTIONS).merge(
                        # no proxy leads to this machine
                        Config(proxies={}) if self.is_local else Config()
                    ),
                )
            return self._clients[key]


def find(
    *,
    local: bool,
    stage: str | None,
    profile: str | None = None,
    region: str | None = None,
    directory: Path | None = None,
) -> Deployment:
    """Return the deployment that options choose. Raises `CommandError` and `UsageError`."""
    if local and stage not in {None, LOCAL}:
        reason = "--local and --stage exclude each other"
        raise UsageError(reason, hint="`--local`, or `--stage prod`")
    if local or stage == LOCAL:
        return _on_this_machine(directory)
    if directory is not None:
        reason = "--directory is an option of --local"
        raise UsageError(reason, hint="`--local --directory …`")
    if stage is None:
        reason = "one of --local and --stage is needed"
        raise UsageError(reason, hint="`--local`, or `--stage prod`; MAILBUS_STAGE=prod sets a default")
    from mailbus_cli import stages  # noqa: PLC0415 - loads boto3

    session = stages.session(profile=profile, region=region)
    return Deployment(stage=stage, session=session, outputs=stages.outputs(stage, session))


def _on_this_machine(directory: Path | None) -> Deployment:
    import boto3  # noqa: PLC0415 - takes long to load

    from mailbus_cli import local_systems  # noqa: PLC0415 - as above
    from mailbus_local.ministack import CREDENTIALS  # noqa: PLC0415 - as above

    system = local_systems.find(directory)
    outputs = system.outputs
    session = boto3.Session(
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        region_name=outputs["region"],
    )
    verbose.observe(session)
    ses = str(outputs["ses_endpoint_url"])
    return Deployment(
        stage=str(outputs.get("stage", LOCAL)),
        session=session,
        outputs={name: str(value) for name, value in outputs.items()},
        endpoints={
            "": str(outputs["endpoint_url"]),
            "ses": ses,
            "sesv2": ses,
            "sns": str(outputs["sns_endpoint_url"]),
        },
        directory=system.directory,
    )
