from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from mailbus.errors import ConfigurationError
from mailbus_cdk.settings import Settings
from mailbus_cdk.settings.receiving import Inbound, Rule
from mailbus_cdk.settings.tables import Retention, Tracking
from tests.unit.mailbus_cdk.settings.stage_file import DOMAIN, FILE, receiving, rejected

if TYPE_CHECKING:
    from pathlib import Path

STORE = f'{DOMAIN}\n[[inbound.rules]]\nname = "store"'

REJECTED = {
    "the error for an unknown key names the nearest": (
        ("max_attempts = 8", "max_atempts = 8"),
        "mailbus.toml: max_atempts: is unknown; did you mean 'max_attempts'?",
    ),
    "the error for a key of a table names the table and the nearest": (
        ("raw_days = 90", "raw_dayz = 90"),
        ("mailbus.toml: [retention] raw_dayz: is unknown; did you mean 'raw_days'?"),
    ),
    "the error for a key in a stage's table names that table": (
        ("raw_days = 28", "raw_day = 7"),
        ("mailbus.toml: [stages.dev.retention] raw_day: is unknown; did you mean 'raw_days'?"),
    ),
    "the error for a key of another table names that table": (
        ("max_attempts = 8", "doubt_seconds = 8"),
        ("mailbus.toml: doubt_seconds: is unknown; it belongs at sender.doubt_seconds"),
    ),
    "a stage cannot be renamed from within": (
        ("max_attempts = 8", 'stage = "prod"'),
        ("mailbus.toml: stage: is unknown; the settings of a stage are in its table, [stages.<name>]"),
    ),
    "the tables of the stages are found by a name that is near": (
        ("[stages.prod]", "[stage.prod]"),
        ("mailbus.toml: stage: is unknown; the settings of a stage are in its table, [stages.<name>]"),
    ),
    "a table is a table": (
        ("[retention]\nraw_days = 90\nparts_days = 30", "[retention.raw]"),
        "mailbus.toml: [retention] raw: is unknown; did you mean 'raw_days'?",
    ),
    "a table cannot be a number": (
        ("max_attempts = 8", "sender = 8"),
        "mailbus.toml: sender: must be a table, not an integer (it is 8)",
    ),
    "a key without default must be there": (
        ('region = "eu-west-1"', ""),
        "mailbus.toml: region: is missing",
    ),
    "the transactional lane has no share": (
        ("[tracking]", "[transactional]\nshare = 0.5\n\n[tracking]"),
        "mailbus.toml: [transactional] share: is unknown; it belongs at bulk.share",
    ),
    "the lanes' concurrency is not a setting of the sender": (
        ("[tracking]", "[sender]\nmax_concurrency = 5\n\n[tracking]"),
        (
            "mailbus.toml: [sender] max_concurrency: is unknown; it belongs at "
            "transactional.max_concurrency or bulk.max_concurrency"
        ),
    ),
    "an unknown job field among the defaults names the nearest": (
        ("[tracking]", '[send_defaults]\nfrom_emial = "shop@example.com"\n\n[tracking]'),
        "mailbus.toml: [send_defaults] from_emial: is unknown; did you mean 'from_email'?",
    ),
    "a default has the type of the job's field": (
        ("[tracking]", '[send_defaults]\ntrack_opens = "yes"\n\n[tracking]'),
        "mailbus.toml: [send_defaults] track_opens: must be a boolean, not a string (it is 'yes')",
    ),
    "a default inside a default has its type too": (
        ("[tracking]", "[send_defaults.metadata]\norder = [1, 2]\n\n[tracking]"),
        (
            "mailbus.toml: [send_defaults.metadata] order: must be a string or a number or a "
            "boolean, not an array (it is [1, 2])"
        ),
    ),
    "a long value is cut": (
        ("[tracking]", f"[send_defaults]\nsubject = {[0] * 500}\n\n[tracking]"),
        (
            "mailbus.toml: [send_defaults] subject: must be a string, not an array (it is [0, 0, "
            "0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, …)"
        ),
    ),
    "a date among the defaults needs its offset, as in a job": (
        ("[tracking]", "[send_defaults]\nexpires_at = 2030-01-01T00:00:00\n\n[tracking]"),
        "mailbus.toml: [send_defaults] expires_at: ",
    ),
    "a job's id cannot have a default": (
        ("[tracking]", '[send_defaults]\njob_id = "order-1"\n\n[tracking]'),
        "mailbus.toml: [send_defaults] job_id: belongs to each job, and cannot have a default",
    ),
    "a job in S3 cannot be a default": (
        ("[tracking]", '[send_defaults.content_ref]\nbucket = "jobs"\nkey = "a"\n\n[tracking]'),
        ("mailbus.toml: [send_defaults] content_ref: belongs to each job, and cannot have a default"),
    ),
    "the error for a stage's default names the stage's table": (
        ("[stages.prod]", "[stages.dev.send_defaults]\ntag = []\n\n[stages.prod]"),
        "mailbus.toml: [stages.dev.send_defaults] tag: is unknown; did you mean 'tags'?",
    ),
    "keys of a session do not belong here": (
        ("[tracking]", '[session_params]\naws_access_key_id = "x"\n\n[tracking]'),
        "mailbus.toml: [session_params] aws_access_key_id: access keys do not belong in a file",
    ),
    "recipients belong to a rule": (
        ('domains = ["inbound.example.com"]', 'recipients = ["me@inbound.example.com"]'),
        "mailbus.toml: [inbound] recipients: is unknown; it belongs at inbound.rules.recipients",
    ),
    "rules are tables": (
        (DOMAIN, f'{DOMAIN}\nrules = ["me@inbound.example.com"]'),
        ("mailbus.toml: [inbound] rules #1: must be a table, not a string (it is 'me@inbound.example.com')"),
    ),
    "rules are not one table": (
        (DOMAIN, f'{DOMAIN}\n[inbound.rules]\nname = "store"'),
        (
            "mailbus.toml: [inbound] rules: must be an array, not a table; write each rule under "
            "[[inbound.rules]] (it is {'name': 'store'})"
        ),
    ),
    "an error in a stage's rule names that table": (
        ("[stages.prod]", "[[stages.dev.inbound.rules]]\nscan = true\n[stages.prod]"),
        "mailbus.toml: [[stages.dev.inbound.rules]] #1 name: is missing",
    ),
    "the error for invalid TOML has the line": (
        ("max_attempts = 8", "max_attempts = "),
        "mailbus.toml: not TOML: Invalid value (at line 4",
    ),
}

REJECTED_RULES = {
    "the error for a wrong key names the nearest": (
        'name = "store"\nrecipient = []',
        "#1 recipient: is unknown; did you mean 'recipients'?",
    ),
    "the error for a key of another table names that table": (
        'name = "store"\ntopic_arn = 512',
        "#1 topic_arn: is unknown; it belongs at alarms.topic_arn",
    ),
    "access keys do not belong there either": (
        'name = "store"\nsecret_key = "x"',
        "#1 secret_key: access keys do not belong in a file",
    ),
}


@pytest.mark.parametrize(("change", "message"), REJECTED.values(), ids=REJECTED)
def test_a_wrong_setting_is_one_line(stage_file: Path, change: tuple[str, str], message: str) -> None:
    old, new = change
    assert old in FILE
    assert rejected(stage_file, FILE.replace(old, new)).startswith(message)


@pytest.mark.parametrize(("rule", "message"), REJECTED_RULES.values(), ids=REJECTED_RULES)
def test_a_wrong_receipt_rule_is_one_line(stage_file: Path, rule: str, message: str) -> None:
    text = FILE.replace(DOMAIN, f"{DOMAIN}\n[[inbound.rules]]\n{rule}")
    assert rejected(stage_file, text).startswith(f"mailbus.toml: [[inbound.rules]] {message}")


def test_a_stage_inherits_the_keys_at_the_top(stage_file: Path) -> None:
    assert Settings.load(stage_file, "prod") == Settings(
        stage="prod",
        region="eu-west-1",
        identity="example.com",
        max_attempts=8,
        log_retention_days=30,
        retention=Retention(raw_days=90, parts_days=30),
        tracking=Tracking(displace_notification_topics=True),
        inbound=Inbound(domains=("inbound.example.com",)),
    )


def test_a_stage_overrides_keys_and_single_keys_of_a_table(stage_file: Path) -> None:
    settings = Settings.load(stage_file, "dev")
    assert (settings.identity, settings.architecture) == ("dev.example.com", "x86_64")
    assert settings.retention == Retention(raw_days=28, parts_days=30)


def test_a_stage_adds_to_the_defaults_of_jobs(stage_file: Path) -> None:
    defaults = '[send_defaults]\nreply_to = ["help@example.com"]\ntags = ["shop"]\n'
    own = "[stages.dev.send_defaults]\ntags = []\nsend_at = 2030-01-01T00:00:00Z\n"
    stage_file.write_text(FILE.replace("[tracking]", f"{defaults}\n[tracking]") + own)
    assert Settings.load(stage_file, "prod").send_defaults == {
        "reply_to": ["help@example.com"],
        "tags": ["shop"],
    }
    assert Settings.load(stage_file, "dev").send_defaults == {
        "reply_to": ["help@example.com"],
        "tags": [],
        "send_at": datetime(2030, 1, 1, tzinfo=UTC),
    }


def test_a_stage_with_rules_does_not_inherit_rules(stage_file: Path) -> None:
    own = '[[stages.dev.inbound.rules]]\nname = "own"\n'
    stage_file.write_text(FILE.replace(DOMAIN, STORE) + own)
    assert [rule.name for rule in Settings.load(stage_file, "dev").inbound.rules] == ["own"]
    assert [rule.name for rule in Settings.load(stage_file, "prod").inbound.rules] == ["store"]


def test_rules_are_read_in_their_order(stage_file: Path) -> None:
    rules = """
[[inbound.rules]]
name = "alerts"
recipients = ["alerts@inbound.example.com", ".eu.inbound.example.com", "us.inbound.example.com"]
action = "sns"
encoding = "Base64"
scan = false
require_tls = true
stop = true

[[inbound.rules]]
name = "store.all_mail-2"
enabled = false
"""
    assert receiving(stage_file, rules).rules == (
        Rule(
            name="alerts",
            recipients=("alerts@inbound.example.com", ".eu.inbound.example.com", "us.inbound.example.com"),
            action="sns",
            encoding="Base64",
            scan=False,
            require_tls=True,
            stop=True,
        ),
        Rule(name="store.all_mail-2", enabled=False),
    )


def test_the_error_for_a_missing_stage_names_the_nearest_and_all(stage_file: Path) -> None:
    assert rejected(stage_file, FILE, "prodd") == (
        "mailbus.toml: there is no stage 'prodd'; did you mean 'prod'? (stages: dev, prod)"
    )


@pytest.mark.parametrize("stage", ["Dev!", "d" * 30])
def test_the_name_of_a_stage_can_be_part_of_other_names(stage_file: Path, stage: str) -> None:
    message = rejected(stage_file, f'{FILE}\n[stages."{stage}"]\n', stage)
    assert "stage: must be a name of at most 24" in message


@pytest.mark.parametrize("stages", ["stages = 3", "[stages]\ndev = 3", "[[stages]]\ndev = {}"])
def test_stages_must_be_tables(stage_file: Path, stages: str) -> None:
    text = f'{stages}\nregion = "eu-west-1"' if stages == "stages = 3" else f'region = "eu-west-1"\n{stages}'
    assert "[stages.dev]" in rejected(stage_file, text)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"mailbus.toml: not found at"):
        Settings.load(tmp_path / "mailbus.toml", "dev")


def test_a_file_that_is_not_text_is_an_error(stage_file: Path) -> None:
    stage_file.write_bytes(b"\xff\xfe region")
    with pytest.raises(ConfigurationError, match=r"mailbus.toml: not TOML"):
        Settings.load(stage_file, "dev")


@pytest.mark.parametrize(
    "line",
    [
        'aws_access_key_id = "x"',
        'aws_secret_access_key = "x"',
        'accessKey = "x"',
        'AWS_SESSION_TOKEN = "x"',
        'configuration_set_name = "AKIAIOSFODNN7EXAMPLE"',
        '[stages.prod.client]\nsecret_key = "x"',
        '[client]\nkeys = ["ASIAIOSFODNN7EXAMPLE"]',
    ],
)
def test_access_keys_are_refused_with_the_reason_and_not_repeated(stage_file: Path, line: str) -> None:
    message = rejected(stage_file, f"{line}\n{FILE}" if not line.startswith("[") else f"{FILE}\n{line}")
    assert "access keys do not belong in a file that is committed" in message
    assert "AWS_PROFILE" in message
    assert "IOSFODNN7EXAMPLE" not in message
