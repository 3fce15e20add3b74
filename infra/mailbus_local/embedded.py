"""Runs all of Mailbus on this machine: embedded AWS, simulated SES, and the stacks deployed to them."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from mailbus_cdk.limits import rate_cache_seconds
from mailbus_local import (
    assembly,
    cdk_app,
    cdk_cli,
    clients,
    denials,
    kept_assemblies,
    node,
    stage,
    used_rights,
)
from mailbus_local.cdk_commands import CdkCommands
from mailbus_local.directory import OUTPUTS, locked
from mailbus_local.ministack import ACCOUNT_ID, MiniStack, own_environment
from mailbus_local.ports import Ports, free_port, require_free, taken_ports_named
from mailbus_local.process_record import ProcessRecord
from mailbus_local.ses.server import SimulatedSes, SimulatorSettings
from mailbus_local.sns.delivery import RETRY_SECONDS
from mailbus_local.sns.server import SnsOverHttps, SnsSettings
from mailbus_local.sns.signing import region_of
from mailbus_local.stop_signals import StopRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from mailbus_cdk.settings import Settings
    from mailbus_local.cdk_app import CdkApp
    from mailbus_local.denials import Denial

# The CDK's own name for what it bootstraps, and the version with all that its stacks may ask for.
BOOTSTRAP: Final = "hnb659fds"
BOOTSTRAP_VERSION: Final = 33
# The prefixes of the outputs that CDK creates for references between stacks.
CROSS_STACK: Final = ("ExportsOutput", "PublishOutput")
# MiniStack serves a REST API at a path, not at a host name.
_API_URL: Final = re.compile(r"https://([a-z0-9]+)\.execute-api\.[^/]+/(.*)")

# The output with the endpoint URL of a service; other services use `endpoint_url`.
ENDPOINTS: Final = {"ses": "ses_endpoint_url", "sesv2": "ses_endpoint_url", "sns": "sns_endpoint_url"}


class EmbeddedAws:
    """A context manager that starts the system and ends it. A directory can have one running system.

    `outputs` has `endpoint_url`, `ses_endpoint_url`, `sns_endpoint_url`, `smtp_host`, `smtp_port`,
    `region` and every stack output by name. While the system runs, `outputs.json` has the same.
    `settings` is a file with the stage `local`; by default that of this folder, or the package's own. With an
    `app`, its stacks are deployed instead. Functions have the variables of `function_environment` too. SNS
    tries a delivery over HTTPS again after each of `sns_retry_seconds`.
    """

    outputs: Mapping[str, Any]

    def __init__(  # noqa: PLR0913 - an option each
        self,
        *,
        directory: Path,
        settings: Path | None = None,
        app: CdkApp | None = None,
        ports: Ports | None = None,
        function_environment: Mapping[str, str] | None = None,
        sns_retry_seconds: tuple[float, ...] = RETRY_SECONDS,
        progress: Callable[[str], None] = print,
        stop: StopRequest | None = None,
    ) -> None:
        self._ports = ports = ports or Ports()
        # The commands run in this directory, so a relative path would mean another place to them.
        self._directory = directory.absolute()
        self._scratch = self._directory / "scratch"
        self._record = ProcessRecord(self._directory, self._scratch)
        self._progress = progress
        self._stop_request = stop or StopRequest()
        self._app = app
        self._settings_file = settings or stage.settings_file(Path.cwd())
        self._settings = None if app else stage.load_settings(self._settings_file)
        self._region = app.region if app else stage.load_settings(self._settings_file).region
        self._function_environment = function_environment or {}
        aws_port = ports.aws or free_port()
        self._ses = SimulatedSes(
            SimulatorSettings(
                upstream_url=f"http://127.0.0.1:{aws_port}",
                region=self._region,
                account_id=ACCOUNT_ID,
                port=ports.ses,
                smtp_port=ports.smtp,
                denials=self._directory / denials.FILE,
                used_rights=self._directory / used_rights.FILE,
            )
        )
        self._sns = SnsOverHttps(
            SnsSettings(
                upstream_url=f"http://127.0.0.1:{aws_port}",
                directory=self._scratch,
                port=ports.sns,
                retry_seconds=sns_retry_seconds,
            )
        )
        self._ministack: MiniStack | None = None
        self._commands: CdkCommands | None = None
        self._aws_port = aws_port
        self._lock = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._lock.enter_context(locked(self._directory))
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
        """Whether the embedded AWS is running."""
        return self._ministack is not None and self._ministack.running

    def denials(self) -> tuple[Denial, ...]:
        """Return the calls that the roles and policies did not allow, each once."""
        return denials.read(self._directory / denials.FILE)

    def deploy_again(self, settings: Path) -> None:
        """Deploy the stacks of other settings while the system runs, as an operator updates a stage."""
        assert self._commands is not None  # noqa: S101 - it runs
        self._settings_file, self._settings = settings, stage.load_settings(settings)
        self._deploy(self._commands, self._assembly(self._commands))

    def client(self, service: str) -> Any:
        """Return a boto3 client, as an application creates it from `outputs`."""
        url = self.outputs[ENDPOINTS.get(service, "endpoint_url")]
        return clients.client(service, url=url, region=self.outputs["region"])

    def _start(self) -> None:
        left = self._record.end_left()
        if left is not None:
            self._progress(f"ended what a killed system left here: {', '.join(left) or 'only files'}")
        self._remove_state()
        require_free(self._ports)
        self._scratch.mkdir(parents=True)
        found = node.find()
        cdk = cdk_cli.find(found, progress=self._progress, stop=self._stop_request)
        self._progress("starting the embedded AWS and the simulated SES")
        with taken_ports_named(Ports(ses=self._ports.ses, smtp=self._ports.smtp)):
            self._ses.start()
        with taken_ports_named(Ports(sns=self._ports.sns)):
            self._sns.start()
        functions = {
            "AWS_ENDPOINT_URL_SESV2": self._ses.url,
            "AWS_ENDPOINT_URL_SES": self._ses.url,
            "AWS_ENDPOINT_URL_SNS": self._sns.url,
            **self._sns.function_environment(),
            **self._function_environment,
        }
        self._ministack = MiniStack(
            port=self._aws_port,
            log=self._directory / "ministack.log",
            scratch=self._scratch,
            region=self._region,
            function_environment=functions,
        )
        with taken_ports_named(Ports(aws=self._ports.aws)):
            self._ministack.start(self._record)
            self._ministack.wait(self._stop_request)
        self._commands = CdkCommands(
            directory=self._directory,
            environment=own_environment(
                {
                    "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._aws_port}",
                    # jsii unpacks itself into it, and does not clean up when it is killed
                    "TMPDIR": str(self._scratch),
                },
                region=self._region,
            ),
            # an app's `python3` is that of this environment, activated or not
            executables=(*found.directories, cdk, Path(sys.executable).parent),
            record=self._record,
            stop=self._stop_request,
        )
        adapted = self._assembly(self._commands)
        self._bootstrap()
        if self._settings:
            self._create_existing_resources(self._settings)
        self._deploy(self._commands, adapted)

    def _deploy(self, commands: CdkCommands, adapted: Path) -> None:
        self._progress("deploying the stacks with cdk deploy")
        deployed = self._directory / "deployed.json"
        deploy = commands.start(
            *("deploy", "--app", str(adapted), "--all", "--require-approval", "never"),
            *("--method", "direct", "--concurrency", "3", "--outputs-file", str(deployed)),
        )
        commands.wait(deploy)
        self._publish(json.loads(deployed.read_text()))

    def _bootstrap(self) -> None:
        """Create what `cdk deploy` uses of all that `cdk bootstrap` creates in an account: it starts Node.

        https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html
        """
        place = f"{ACCOUNT_ID}-{self._region}"
        # in this region, where the CDK looks for it; us-east-1 is no constraint
        constraint = {"CreateBucketConfiguration": {"LocationConstraint": self._region}}
        self._upstream("s3", self._region).create_bucket(
            Bucket=f"cdk-{BOOTSTRAP}-assets-{place}", **({} if self._region == "us-east-1" else constraint)
        )
        self._upstream("ecr", self._region).create_repository(
            repositoryName=f"cdk-{BOOTSTRAP}-container-assets-{place}"
        )
        self._upstream("ssm", self._region).put_parameter(
            Name=f"/cdk-bootstrap/{BOOTSTRAP}/version", Value=str(BOOTSTRAP_VERSION), Type="String"
        )

    def _assembly(self, commands: CdkCommands) -> Path:
        """Return the directory of the cloud assembly to deploy."""
        synthesized, adapted = self._directory / "synthesized", self._directory / "cdk.out"

        def synthesize() -> Path:
            if self._app:
                self._progress("synthesizing the stacks of the app")
                commands.wait(commands.start_synthesis_of(self._app, synthesized))
                cdk_app.check_regions(self._app, synthesized)
            else:
                self._progress("synthesizing the stacks (the first time this installs packages)")
                commands.wait(commands.start_synthesis(self._settings_file, synthesized))
            return synthesized

        if self._settings:
            return kept_assemblies.find(
                self._settings, synthesize, progress=self._progress, stop=self._stop_request
            )
        assembly.adapt(synthesize(), adapted)
        return adapted

    def _create_existing_resources(self, settings: Settings) -> None:
        """Create the resources that the settings expect in the account before the deployment."""
        ses = self._upstream("sesv2", settings.region)
        identities = [*settings.other_identities, *settings.inbound.existing_identities]
        if settings.identity_exists:
            identities.append(settings.identity)
        # an ARN names an identity of another account; all are of this one here
        for identity in dict.fromkeys(name.rpartition(":identity/")[2] for name in identities):
            ses.create_email_identity(EmailIdentity=identity)
        sets = [*settings.other_configuration_sets]
        if settings.configuration_set_exists:
            sets.append(settings.configuration_set)
        for configuration_set in sets:
            ses.create_configuration_set(ConfigurationSetName=configuration_set)
        if settings.inbound.rule_set_name:
            receiving = self._upstream("ses", settings.region)
            receiving.create_receipt_rule_set(RuleSetName=settings.inbound.rule_set_name)
        for topic_arn in settings.webhook.topic_arns:
            self._upstream("sns", region_of(topic_arn)).create_topic(Name=topic_arn.rpartition(":")[2])
        s3 = self._upstream("s3", "us-east-1")
        for bucket in settings.source_buckets:
            s3.create_bucket(Bucket=bucket)

    def _upstream(self, service: str, region: str) -> Any:
        """Return a client of the embedded AWS itself, before there are outputs."""
        return clients.client(service, url=f"http://127.0.0.1:{self._aws_port}", region=region)

    def _publish(self, stacks: Mapping[str, Mapping[str, str]]) -> None:
        of_stage = self._stage_outputs()
        self.outputs = {
            "endpoint_url": f"http://127.0.0.1:{self._aws_port}",
            "ses_endpoint_url": self._ses.url,
            "sns_endpoint_url": self._sns.url,
            "smtp_host": "127.0.0.1",
            "smtp_port": self._ses.smtp_port,
            "region": self._region,
            **({"rate_cache_seconds": rate_cache_seconds(self._settings)} if self._settings else {}),
            **{
                name: _API_URL.sub(rf"http://127.0.0.1:{self._aws_port}/_aws/execute-api/\1/\2", value)
                for outputs in (of_stage, *stacks.values())
                for name, value in cdk_app.own_outputs(outputs, of_stage).items()
                if not name.startswith(CROSS_STACK)
            },
        }
        # Written to another file and renamed, so that no reader sees half of it.
        temporary = self._directory / f"{OUTPUTS}.new"
        temporary.write_text(json.dumps(self.outputs, indent=2) + "\n")
        temporary.replace(self._directory / OUTPUTS)

    def _stage_outputs(self) -> Mapping[str, str]:
        """Return the outputs that the stacks of an app have by other names."""
        return cdk_app.stage_outputs(self._upstream("ssm", self._region)) if self._app else {}

    def _stop(self) -> None:
        if self._commands is not None:
            self._commands.end()
        # SES first: it still publishes its last events to SNS.
        self._ses.stop()
        if self._ministack is not None:
            self._ministack.stop()
        self._sns.stop()
        self._remove_state()
        self._record.remove()
        self._lock.close()

    def _remove_state(self) -> None:
        """Remove all but the logs."""
        for name in (OUTPUTS, "deployed.json"):
            (self._directory / name).unlink(missing_ok=True)
        for name in ("scratch", "synthesized", "cdk.out"):
            shutil.rmtree(self._directory / name, ignore_errors=True)
