"""`mailbus doctor` on the whole system: each fault that is made is named by its check, and nothing else."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mailbus_cli import deployment, doctor
from mailbus_cli.doctor.registry import CHECKS
from mailbus_cli.printable import printable
from tests import fake_dns
from tests.e2e.doctor_faults import GROUPS, clear_alarms, own_mail_from
from tests.e2e.system import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.model import OperationModel

    from mailbus_cli.deployment import Deployment
    from mailbus_cli.doctor import Finding
    from tests.e2e.local import Local
    from tests.e2e.system import System
    from tests.fake_dns import FakeDns

CLIENTS = (
    *("cloudwatch", "dynamodb", "events", "iam", "kms", "lambda", "s3", "scheduler", "ses", "sesv2", "sns"),
    "sqs",
)
# in IAM
SERVICES = {"monitoring": "cloudwatch"}
ACTIONS = {"s3:HeadBucket": "s3:ListBucket"}
HOST = "inbound-smtp.us-east-1.amazonaws.com."


@pytest.fixture(scope="module")
def deployed(system: System, local: Local) -> Deployment:
    """Return the deployment, without what earlier tests left."""
    for output in ("SendDeadLetterQueueUrl", "TrackingDeadLetterQueueUrl", "InboundDeadLetterQueueUrl"):
        system.client("sqs").purge_queue(QueueUrl=system.outputs[output])
    clear_alarms(system)
    directory = Path(local.variables["XDG_STATE_HOME"]).parent
    return deployment.find(local=True, stage=None, directory=directory)


@pytest.fixture
def dns(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDns]:
    with fake_dns.running() as server:
        monkeypatch.setenv("MAILBUS_DNS_SERVER", server.address)
        yield server


@pytest.fixture
def right_dns(dns: FakeDns, system: System) -> FakeDns:
    """Return the server with all records that the system's domains should have."""
    for domain in ("example.com", "example.net"):
        found = system.client("sesv2").get_email_identity(EmailIdentity=domain)
        for token in found["DkimAttributes"]["Tokens"]:
            dns.set(f"{token}._domainkey.{domain}", "CNAME", f"{token}.dkim.amazonses.com.")
            dns.set(f"{token}.dkim.amazonses.com", "TXT", '"p=MIIBIjANBg"')
        dns.set(f"_dmarc.{domain}", "TXT", f'"v=DMARC1; p=reject; rua=mailto:dmarc@{domain}"')
        dns.set(f"inbound.{domain}", "MX", f"10 {HOST}")
    dns.set("links.example.com", "CNAME", "r.us-east-1.awstrack.me.")
    dns.set("bounces.example.com", "MX", "10 feedback-smtp.us-east-1.amazonses.com.")
    dns.set("bounces.example.com", "TXT", '"v=spf1 include:amazonses.com ~all"')
    dns.set("amazonses.com", "TXT", '"v=spf1 ip4:199.255.192.0/22 -all"')
    return dns


def _named(findings: tuple[Finding, ...]) -> dict[str, str]:
    return {one.check: one.text for one in findings if one.level != "ok"}


def test_a_healthy_system_is_fine(deployed: Deployment, system: System) -> None:
    system.wait_until_empty("TrackingQueueUrl")

    findings = doctor.run(deployed)

    assert _named(findings) == {}
    assert [one.check for one in findings] == [check.name for check in CHECKS]
    assert {one.check for one in findings if not one.checked} <= {
        "dmarc",
        "mx",
        "tracking-domain",
        "topic-key",
        "oldest",
    }
    [mx] = [one for one in findings if one.check == "mx"]
    assert mx.text == "not checked: the laptop has no DNS for inbound.example.com, inbound.example.net"


def test_each_call_is_one_that_the_documented_policy_allows(deployed: Deployment) -> None:
    called: set[str] = set()

    def collect(model: OperationModel, **_: object) -> None:
        service = SERVICES.get(model.service_model.signing_name, model.service_model.signing_name)
        called.add(ACTIONS.get(f"{service}:{model.name}", f"{service}:{model.name}"))

    for service in CLIENTS:
        deployed.client(service).meta.events.register("before-call", collect)
    doctor.run(deployed)
    for service in CLIENTS:
        deployed.client(service).meta.events.unregister("before-call", collect)

    declared = {right for check in CHECKS for right in check.rights}
    # what only a key, an inactive rule set, a dead letter or a tail needs, which other tests may have made
    elsewhere = {
        *("kms:DescribeKey", "kms:GetKeyPolicy", "ses:DescribeReceiptRuleSet", "sqs:ReceiveMessage"),
        *("sqs:GetQueueUrl", "sqs:ListQueueTags", "sqs:DeleteQueue"),
        *("events:RemoveTargets", "events:DeleteRule"),
        # the embedded AWS has none, so that the defaults stand
        "servicequotas:GetServiceQuota",
    }
    assert called <= declared
    assert called - elsewhere == declared - elsewhere


@pytest.mark.parametrize("group", GROUPS)
def test_each_fault_is_named_by_its_check_and_nothing_else_is(
    deployed: Deployment, system: System, group: str
) -> None:
    faults = GROUPS[group]
    with contextlib.ExitStack() as made:
        for make, _, _ in faults:
            made.enter_context(make(system))
        named = _named(doctor.run(deployed))

    assert set(named) == {check for _, check, _ in faults}
    assert [text for _, check, text in faults if text not in named[check]] == [], named
    assert eventually(lambda: not _named(doctor.run(deployed, only=list(named))), "all is well again")


def test_right_dns_is_fine(deployed: Deployment, system: System, right_dns: FakeDns) -> None:
    with own_mail_from(system):
        findings = doctor.run(deployed, only=["dkim", "mail-from", "spf", "dmarc", "tracking-domain", "mx"])

    assert _named(findings) == {}
    assert [one.check for one in findings if not one.checked] == []
    assert right_dns.questions


def test_each_missing_or_wrong_record_is_named_with_the_one_to_copy(
    deployed: Deployment, system: System, right_dns: FakeDns
) -> None:
    found = system.client("sesv2").get_email_identity(EmailIdentity="example.com")
    token, other, _ = found["DkimAttributes"]["Tokens"]
    right_dns.set(f"{token}._domainkey.example.com", "CNAME")
    right_dns.fail(f"{other}._domainkey.example.com")
    right_dns.set("bounces.example.com", "MX")
    right_dns.set("bounces.example.com", "TXT", '"v=spf1 mx -all"')
    right_dns.set("_dmarc.example.net", "TXT")
    right_dns.set("inbound.example.com", "MX", "10 mail.example.org.")

    with own_mail_from(system):
        findings = doctor.run(deployed)
    records = {one.check: (one.level, one.record) for one in findings if one.level != "ok"}

    key = f"{token}._domainkey.example.com CNAME {token}.dkim.amazonses.com"
    assert records == {
        "dkim": ("problem", key),
        "mail-from": ("warning", "bounces.example.com MX 10 feedback-smtp.us-east-1.amazonses.com"),
        "spf": ("problem", 'bounces.example.com TXT "v=spf1 include:amazonses.com mx -all"'),
        "dmarc": (
            "problem",
            '_dmarc.example.net TXT "v=DMARC1; p=none; rua=mailto:dmarc@example.net"',
        ),
        "mx": ("problem", f"inbound.example.com MX 10 {HOST.rstrip('.')}"),
    }
    dkim = next(one for one in findings if one.check == "dkim")
    assert f"{other}._domainkey.example.com cannot be looked up: its DNS servers fail" in dkim.text


def test_a_missing_right_is_named_and_the_other_checks_go_on(deployed: Deployment, system: System) -> None:
    system.add_faults({"operation": "GetAccount", "error": "AccessDeniedException", "probability": 1})

    findings = doctor.run(deployed)

    denied = "cannot be checked: these credentials lack ses:GetAccount"
    assert _named(findings) == dict.fromkeys(
        ("sandbox", "sending", "enforcement", "quota", "rate", "pricing-plan", "suppression-list"), denied
    )
    assert {one.level for one in findings} == {"ok", "warning"}


@contextlib.contextmanager
def _with_outputs(deployed: Deployment, **outputs: str) -> Iterator[None]:
    now = deployed.outputs
    deployed.outputs = {**now, **outputs}
    try:
        yield
    finally:
        deployed.outputs = now


def test_code_that_was_changed_since_the_deployment_is_named(deployed: Deployment) -> None:
    with _with_outputs(deployed, CodeDigest="0" * 64):
        [finding] = doctor.run(deployed, only=["code"])

    assert (finding.level, finding.fix) == ("warning", "start `mailbus local` again")
    assert "is deployed with other code (00000000) than is installed here" in finding.text


def test_a_rate_that_the_default_quotas_are_too_small_for_is_named(deployed: Deployment) -> None:
    with _with_outputs(deployed, ExpectedRate="1500"):
        [finding] = doctor.run(deployed, only=["quotas"])

    assert (finding.level, finding.fix) == ("warning", "ask AWS for more, or lower expected_rate")
    assert " by default, and expected_rate needs " in finding.text
    assert finding.record is not None
    assert finding.record.startswith("aws service-quotas request-service-quota-increase --service-code ")


def test_a_deleted_queue_is_a_problem_of_each_check_that_reads_it(
    deployed: Deployment, system: System
) -> None:
    url = system.client("sqs").create_queue(QueueName="to-be-deleted")["QueueUrl"]
    system.client("sqs").delete_queue(QueueUrl=url)
    with _with_outputs(deployed, TrackingDeadLetterQueueUrl=url):
        findings = doctor.run(deployed, only=["dead-letters", "queue-policies", "rule-set"])

    assert [one.level for one in findings] == ["problem", "ok", "problem"]


def test_what_a_killed_tail_left_is_removed(deployed: Deployment, system: System) -> None:
    sqs, name = system.client("sqs"), "mailbus-local-tail-0123456789ab"
    tags = {"mailbus-stage": "local", "mailbus-last-used": "2026-01-01T00:00:00+00:00"}
    sqs.create_queue(QueueName=name, tags=tags)

    first = doctor.run(deployed, only=["tails"])
    second = doctor.run(deployed, only=["tails"])

    assert f"left: {name} (last used 2026-01-01 00:00 UTC)" in first[0].text
    assert [(one.level, one.text) for one in second] == [("ok", "none was left by a killed `mailbus tail`")]
    assert name not in str(sqs.list_queues().get("QueueUrls"))


def test_a_stage_in_an_account_is_checked_by_the_operators_credentials(
    system: System, local: Local, right_dns: FakeDns
) -> None:
    ssm, sqs = system.client("ssm"), system.client("sqs")
    pages = ssm.get_paginator("get_parameters_by_path").paginate(Path="/mailbus/local/")
    for parameter in [parameter for page in pages for parameter in page["Parameters"]]:
        name = parameter["Name"].replace("/local/", "/doctored/")
        ssm.put_parameter(Name=name, Value=parameter["Value"], Type="String", Overwrite=True)
    sqs.send_message(QueueUrl=system.outputs["InboundDeadLetterQueueUrl"], MessageBody="{}")
    environment = {
        **os.environ,
        **local.variables,
        "AWS_ENDPOINT_URL": system.outputs["endpoint_url"],
        "AWS_ENDPOINT_URL_SES": system.outputs["ses_endpoint_url"],
        "AWS_ENDPOINT_URL_SESV2": system.outputs["ses_endpoint_url"],
        "AWS_ENDPOINT_URL_SNS": system.outputs["sns_endpoint_url"],
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": system.outputs["region"],
        "MAILBUS_DNS_SERVER": right_dns.address,
    }
    done = subprocess.run(
        [sys.executable, "-m", "mailbus_cli", "doctor", "--stage", "doctored", "--json"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    sqs.purge_queue(QueueUrl=system.outputs["InboundDeadLetterQueueUrl"])

    assert done.stderr == ""
    findings = {one["check"]: one for one in json.loads(done.stdout)}
    assert [name for name, one in findings.items() if one["level"] != "ok"] == ["dead-letters"]
    assert findings["dead-letters"]["record"] == "mailbus dead-letters list --stage doctored"
    assert findings["dmarc"]["checked"]
    assert done.returncode == 1


def _run(local: Local, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mailbus_cli", "doctor", "--local", *arguments],
        env={**os.environ, **local.variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_command_prints_a_line_for_each_check_and_its_exit_code_is_that_of_a_problem(
    deployed: Deployment, local: Local, system: System
) -> None:
    assert deployed.is_local
    fine = _run(local, "--only", "dead-letters", "--only", "rule-set")
    assert (fine.returncode, fine.stderr) == (0, "")
    assert [line.split("\t")[:2] for line in fine.stdout.splitlines()] == [
        ["ok", "rule-set"],
        ["ok", "dead-letters"],
    ]

    fault = next(make for make, check, _ in GROUPS["receiving and functions"] if check == "dead-letters")
    with fault(system):
        bad = _run(local, "--only", "dead-letters", "--json")
    assert bad.returncode == 1
    [finding] = json.loads(bad.stdout)
    assert finding["level"] == "problem"
    assert finding["text"] == printable(finding["text"])
    assert finding["record"] == "mailbus dead-letters list --local"

    wrong = _run(local, "--only", "dead-leters")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr == "mailbus: there is no check dead-leters\nhint: did you mean dead-letters?\n"
