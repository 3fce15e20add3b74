from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailbus.errors import ConfigurationError
from mailbus_cdk.regions import RECEIVING_REGIONS
from mailbus_cdk.settings.schema import (
    Alarms,
    Bulk,
    ClientParams,
    Inbound,
    Retention,
    Rule,
    Sender,
    SessionParams,
    Settings,
    Tracking,
    Transactional,
    load,
)

OURS = Path(__file__).resolve().parents[3] / "mailbus.toml"

FILE = """
region = "eu-west-1"
identity = "example.com"
max_attempts = 8
log_retention_days = 30

[retention]
raw_days = 90
parts_days = 30

[tracking]
batch_size = 100
batch_window_seconds = 1

[inbound]
domain = "inbound.example.com"

[stages.dev]
identity = "dev.example.com"
architecture = "x86_64"

[stages.dev.retention]
raw_days = 28

[stages.prod]
"""


# What rules are put behind.
DOMAIN = 'domain = "inbound.example.com"'
STORE = f'{DOMAIN}\n[[inbound.rules]]\nname = "store"'


@pytest.fixture
def stage_file(tmp_path: Path) -> Path:
    path = tmp_path / "mailbus.toml"
    path.write_text(FILE)
    return path


def refusal(path: Path, text: str, stage: str = "dev") -> str:
    path.write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        load(path, stage)
    message = str(refused.value)
    assert "\n" not in message
    return message


def test_what_stands_at_the_top_holds_for_a_stage_that_says_nothing(stage_file: Path) -> None:
    assert load(stage_file, "prod") == Settings(
        stage="prod",
        region="eu-west-1",
        identity="example.com",
        max_attempts=8,
        log_retention_days=30,
        retention=Retention(raw_days=90, parts_days=30),
        tracking=Tracking(batch_size=100, batch_window_seconds=1),
        inbound=Inbound(domain="inbound.example.com"),
    )


def test_a_stage_overrides_keys_and_single_keys_of_a_table(stage_file: Path) -> None:
    settings = load(stage_file, "dev")
    assert (settings.identity, settings.architecture) == ("dev.example.com", "x86_64")
    assert settings.retention == Retention(raw_days=28, parts_days=30)


def test_a_stage_adds_to_the_defaults_of_jobs(stage_file: Path) -> None:
    defaults = '[send_defaults]\nreply_to = ["help@example.com"]\ntags = ["shop"]\n'
    own = "[stages.dev.send_defaults]\ntags = []\nsend_at = 2030-01-01T00:00:00Z\n"
    stage_file.write_text(FILE.replace("[tracking]", f"{defaults}\n[tracking]") + own)
    assert load(stage_file, "prod").send_defaults == {"reply_to": ["help@example.com"], "tags": ["shop"]}
    assert load(stage_file, "dev").send_defaults == {
        "reply_to": ["help@example.com"],
        "tags": [],
        "send_at": datetime(2030, 1, 1, tzinfo=UTC),
    }


@pytest.mark.parametrize("stage", ["local", "dev", "prod"])
def test_the_file_that_ships_is_right_for_each_of_its_stages(stage: str) -> None:
    assert load(OURS, stage).name == f"mailbus-{stage}"


def test_a_laptop_deploys_for_example_com_on_its_own_architecture() -> None:
    settings = load(OURS, "local")
    assert (settings.region, settings.identity, settings.architecture) == ("us-east-1", "example.com", "host")
    assert settings.inbound.domain == "inbound.example.com"
    assert {(rule.action, rule.encoding) for rule in settings.inbound.rules} == {
        ("s3", "Base64"),
        ("sns", "UTF-8"),
        ("sns", "Base64"),
    }
    assert settings.ephemeral
    assert (settings.sender.rate_cache_seconds, settings.sender.doubt_seconds) == (1, 20)


@pytest.mark.parametrize(
    ("kind", "table"),
    [
        (Settings, None),
        (Retention, "retention"),
        (Sender, "sender"),
        (Transactional, "transactional"),
        (Bulk, "bulk"),
        (Alarms, "alarms"),
        (ClientParams, "client_params"),
        (SessionParams, "session_params"),
        (Tracking, "tracking"),
        (Inbound, "inbound"),
        (Rule, "inbound.rules"),
    ],
)
def test_the_file_that_ships_shows_every_key(kind: type, table: str | None) -> None:
    text = OURS.read_text()
    section = re.split(rf"\n(?:# \[)?\[{table}\]\]?\n", text)[1].partition("\n[")[0] if table else text
    for key in kind.__struct_fields__:
        if key != "stage":
            assert f"{key} = " in section or f"[{key}]" in section or f"[[{table}.{key}]]" in section


# Receipt rules


def receiving(path: Path, rules: str) -> Inbound:
    path.write_text(FILE.replace(DOMAIN, f"{DOMAIN}\n{rules}"))
    return load(path, "dev").inbound


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


def test_a_mail_in_its_notification_loses_no_byte_unless_it_is_asked_for(stage_file: Path) -> None:
    (rule,) = receiving(stage_file, '[[inbound.rules]]\nname = "alerts"\naction = "sns"').rules
    assert rule.encoding == "Base64"


def test_a_stage_that_has_rules_has_these_alone(stage_file: Path) -> None:
    own = '[[stages.dev.inbound.rules]]\nname = "own"\n'
    stage_file.write_text(FILE.replace(DOMAIN, STORE) + own)
    assert [rule.name for rule in load(stage_file, "dev").inbound.rules] == ["own"]
    assert [rule.name for rule in load(stage_file, "prod").inbound.rules] == ["store"]


def test_a_rule_without_recipients_takes_all_mail_of_the_domain(stage_file: Path) -> None:
    everything = Rule(name="store", recipients=("inbound.example.com",))
    assert receiving(stage_file, '[[inbound.rules]]\nname = "store"').receipt_rules == (everything,)


def test_without_rules_one_stores_all_mail_of_the_domain(stage_file: Path) -> None:
    assert load(stage_file, "dev").inbound.receipt_rules == (
        Rule(name="store", recipients=("inbound.example.com",)),
    )


def test_without_a_domain_there_are_no_rules_and_nothing_is_encrypted() -> None:
    assert Inbound(encrypt=True).receipt_rules == ()
    assert not Inbound(encrypt=True).encrypted


@pytest.mark.parametrize(
    "rest",
    [
        'stop = false\n[[inbound.rules]]\nname = "notes"\nrecipients = ["me@inbound.example.com"]',
        'stop = true\nenabled = false\n[[inbound.rules]]\nname = "notes"',
        'stop = true\n[[inbound.rules]]\nname = "notes"\nrecipients = ["me@eu.inbound.example.com"]',
        'stop = true\n[[inbound.rules]]\nname = "notes"\nrecipients = [".inbound.example.com"]',
        'stop = true\nrecipients = [".inbound.example.com"]\n[[inbound.rules]]\nname = "notes"',
        'stop = true\nrecipients = ["me@inbound.example.com"]\n[[inbound.rules]]\nname = "notes"',
        (
            'stop = true\nrecipients = ["x+1@inbound.example.com"]\n'
            '[[inbound.rules]]\nname = "notes"\nrecipients = ["x@inbound.example.com"]'
        ),
    ],
)
def test_a_rule_may_follow_one_that_leaves_it_any_mail(stage_file: Path, rest: str) -> None:
    assert len(receiving(stage_file, f'[[inbound.rules]]\nname = "store"\n{rest}').rules) == 2


ALERTS = '[[inbound.rules]]\nname = "alerts"\nrecipients = ["alerts@inbound.example.com"]\naction = "sns"\n'


@pytest.mark.parametrize(
    "rules",
    [
        f'{ALERTS}encoding = "UTF-8"\nstop = true\n[[inbound.rules]]\nname = "store"',
        f'{ALERTS}encoding = "UTF-8"\nenabled = false\n[[inbound.rules]]\nname = "store"',
        f'{ALERTS}encoding = "UTF-8"\n[[inbound.rules]]\nname = "store"\nenabled = false',
        f'{ALERTS}encoding = "Base64"\n[[inbound.rules]]\nname = "u"\nrecipients = ["u@inbound.example.com"]',
        f'{ALERTS}encoding = "UTF-8"\n[[inbound.rules]]\nname = "all"\naction = "sns"\nencoding = "UTF-8"',
    ],
    ids=["stop", "disabled before", "disabled after", "the same bytes to others", "one way"],
)
def test_rules_may_differ_where_no_mail_is_stored_in_two_ways(stage_file: Path, rules: str) -> None:
    assert len(receiving(stage_file, rules).rules) == 2


# One line for each mistake

MISTAKES = {
    "a key that is not there names the nearest": (
        ("max_attempts = 8", "max_atempts = 8"),
        "mailbus.toml: max_atempts: unknown key; did you mean 'max_attempts'? (keys: region,",
    ),
    "a key of a table names the table and the nearest": (
        ("raw_days = 90", "raw_dayz = 90"),
        (
            "mailbus.toml: [retention] raw_dayz: unknown key; did you mean 'raw_days'? "
            "(keys: raw_days, parts_days, jobs_days, event_archive_days, esp_events_days)"
        ),
    ),
    "a key in a stage's table names that table": (
        ("raw_days = 28", "raw_day = 7"),
        (
            "mailbus.toml: [stages.dev.retention] raw_day: unknown key; did you mean 'raw_days'? "
            "(keys: raw_days, parts_days, jobs_days, event_archive_days, esp_events_days)"
        ),
    ),
    "jobs in S3 outlive the messages that refer to them": (
        ("parts_days = 30", "parts_days = 30\njobs_days = 27"),
        (
            "mailbus.toml: [retention] jobs_days: must be at least 28: a job waits up to 14 days in its "
            "queue and as long among the dead letters, and is lost without what it refers to (it is 27)"
        ),
    ),
    "a key that belongs elsewhere says where": (
        ("max_attempts = 8", "batch_window_seconds = 8"),
        (
            "mailbus.toml: batch_window_seconds: unknown key; it belongs at "
            "transactional.batch_window_seconds or bulk.batch_window_seconds or "
            "tracking.batch_window_seconds (keys:"
        ),
    ),
    "a stage cannot be renamed from within": (
        ("max_attempts = 8", 'stage = "prod"'),
        "mailbus.toml: stage: unknown key",
    ),
    "the tables of the stages are found by a name that is near": (
        ("[stages.prod]", "[stage.prod]"),
        "mailbus.toml: stage: unknown key; did you mean 'stages'?",
    ),
    "a wrong type says what it is and was to be": (
        ("max_attempts = 8", 'max_attempts = "eight"'),
        "mailbus.toml: max_attempts: expected `int`, got `str` (it is 'eight')",
    ),
    "a number out of range says the range": (
        ("max_attempts = 8", "max_attempts = 100"),
        "mailbus.toml: max_attempts: expected `int` <= 90 (it is 100)",
    ),
    "a number out of range in a stage's table names that table": (
        ("raw_days = 28", "raw_days = 0"),
        "mailbus.toml: [stages.dev.retention] raw_days: expected `int` >= 1 (it is 0)",
    ),
    "a word that is none of those allowed names the nearest": (
        ('"x86_64"', '"x86"'),
        (
            "mailbus.toml: [stages.dev] architecture: must be one of arm64, x86_64, host; "
            "did you mean 'x86_64'? (it is 'x86')"
        ),
    ),
    "a number that is none of those allowed names the nearest": (
        ("log_retention_days = 30", "log_retention_days = 100"),
        (
            "mailbus.toml: log_retention_days: must be one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, "
            "365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653; the nearest is 90 (it is 100)"
        ),
    ),
    "a number where one of several is allowed has to be one": (
        ("log_retention_days = 30", 'log_retention_days = "30"'),
        "mailbus.toml: log_retention_days: must be one of 1, 3,",
    ),
    "an identity is a domain or an address": (
        ('"dev.example.com"', '"https://example.com"'),
        (
            "mailbus.toml: [stages.dev] identity: must be a domain in lower case, such as example.com, "
            "or an address (it is 'https://example.com')"
        ),
    ),
    "a domain is no address": (
        ('"inbound.example.com"', '"me@example.com"'),
        "mailbus.toml: [inbound] domain: must be a domain in lower case",
    ),
    "a table is a table": (
        ("[retention]\nraw_days = 90\nparts_days = 30", "[retention.days]"),
        "mailbus.toml: [retention] days: unknown key",
    ),
    "a key is no table": (
        ("max_attempts = 8", "sender = 8"),
        "mailbus.toml: sender: must be a table: [sender]",
    ),
    "what has no default is missing by name": (
        ('region = "eu-west-1"', ""),
        "mailbus.toml: region: is missing, and has no default",
    ),
    "a region where SES does not receive mail is refused with those where it does": (
        ('"eu-west-1"', '"ca-west-1"'),
        (
            "mailbus.toml: region: SES does not receive mail in ca-west-1; remove inbound.domain or take "
            "one of af-south-1,"
        ),
    ),
    "a region is written as AWS writes it": (
        ('"eu-west-1"', '"Ireland"'),
        "mailbus.toml: region: must be a region, such as us-east-1 (it is 'Ireland')",
    ),
    "a big batch needs its window": (
        ("batch_window_seconds = 1", "batch_window_seconds = 0"),
        (
            "mailbus.toml: [tracking] batch_size: more than 10 events a batch need "
            "tracking.batch_window_seconds of at least 1 (it is 100)"
        ),
    ),
    "a tracking function has time for what hangs": (
        ("[tracking]", "[tracking]\ntimeout_seconds = 29"),
        "mailbus.toml: [tracking] timeout_seconds:",
    ),
    "a big batch of jobs needs its window too": (
        ("[tracking]", "[transactional]\nbatch_size = 20\n\n[tracking]"),
        (
            "mailbus.toml: [transactional] batch_size: more than 10 jobs a batch need "
            "transactional.batch_window_seconds of at least 1 (it is 20)"
        ),
    ),
    "a lane's batch has an end": (
        ("[tracking]", "[bulk]\nbatch_size = 101\n\n[tracking]"),
        "mailbus.toml: [bulk] batch_size: expected `int` <= 100 (it is 101)",
    ),
    "a lane without any share of the rate would never send": (
        ("[tracking]", "[bulk]\nshare = 0.0\n\n[tracking]"),
        "mailbus.toml: [bulk] share: expected `float` > 0.0 (it is 0.0)",
    ),
    "a lane has no more than the whole rate": (
        ("[tracking]", "[bulk]\nshare = 1.5\n\n[tracking]"),
        "mailbus.toml: [bulk] share: expected `float` <= 1.0 (it is 1.5)",
    ),
    "the transactional lane has no share: it takes what it needs": (
        ("[tracking]", "[transactional]\nshare = 0.5\n\n[tracking]"),
        "mailbus.toml: [transactional] share: unknown key; it belongs at bulk.share (keys: batch_size,",
    ),
    "limits of the lanes are no longer the sender's": (
        ("[tracking]", "[sender]\nmax_concurrency = 5\n\n[tracking]"),
        "mailbus.toml: [sender] max_concurrency: unknown key; it belongs at transactional.max_concurrency or",
    ),
    "what is done with an unknown outcome is one of two": (
        ("[tracking]", '[sender]\non_unknown = "retry"\n\n[tracking]'),
        "mailbus.toml: [sender] on_unknown: must be one of resend, fail",
    ),
    "doubt lasts as long as SES's event may take to come": (
        ("[tracking]", "[sender]\ndoubt_seconds = 1\n\n[tracking]"),
        "mailbus.toml: [sender] doubt_seconds: expected `float` >= 5.0 (it is 1)",
    ),
    "the name of a message tag is one that SES takes": (
        ("max_attempts = 8", 'message_tag_name = "ses:campaign"'),
        "mailbus.toml: message_tag_name: must be 1 to 256 of A-Z a-z 0-9 _ - (it is 'ses:campaign')",
    ),
    "the tags that tell jobs apart are taken": (
        ("max_attempts = 8", 'message_tag_name = "mailbus-job-id"'),
        "mailbus.toml: message_tag_name: mailbus-job-id is a tag of Mailbus's own; take another name",
    ),
    "a source is a bucket's name, not its address": (
        ("max_attempts = 8", 'source_buckets = ["s3://example-invoices/"]'),
        "mailbus.toml: source_buckets: must be names of buckets: 3 to 63 of a-z 0-9 . -",
    ),
    "an alarm's topic is named by its ARN": (
        ("[tracking]", '[alarms]\ntopic_arn = "alarms"\n\n[tracking]'),
        "mailbus.toml: [alarms] topic_arn: must be an SNS topic's ARN, such as arn:aws:sns:us-east-1:",
    ),
    "an alarm reaches no topic of another region": (
        ("[tracking]", '[alarms]\ntopic_arn = "arn:aws:sns:us-east-1:111122223333:ops"\n\n[tracking]'),
        (
            "mailbus.toml: [alarms] topic_arn: alarms of eu-west-1 reach topics of that region only "
            "(it is of us-east-1)"
        ),
    ),
    "a default of no job's field names the nearest": (
        ("[tracking]", '[send_defaults]\nfrom_emial = "shop@example.com"\n\n[tracking]'),
        "mailbus.toml: [send_defaults] from_emial: unknown key; did you mean 'from_email'? (keys: ",
    ),
    "a default has the type of the job's field": (
        ("[tracking]", '[send_defaults]\ntrack_opens = "yes"\n\n[tracking]'),
        "mailbus.toml: [send_defaults] track_opens: expected `bool | null`, got `str` (it is 'yes')",
    ),
    "a default inside a default has its type too": (
        ("[tracking]", "[send_defaults.metadata]\norder = [1, 2]\n\n[tracking]"),
        (
            "mailbus.toml: [send_defaults] metadata: expected `bool | int | float | str | null`, got `array` "
            "(it is {'order': [1, 2]})"
        ),
    ),
    "a long value is not told whole": (
        ("[tracking]", f"[send_defaults]\nsubject = {[0] * 500}\n\n[tracking]"),
        (
            "mailbus.toml: [send_defaults] subject: expected `str | null`, got `array` "
            "(it is [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, …)"
        ),
    ),
    "a date among the defaults needs its offset, as in a job": (
        ("[tracking]", "[send_defaults]\nexpires_at = 2030-01-01T00:00:00\n\n[tracking]"),
        "mailbus.toml: [send_defaults] expires_at: ",
    ),
    "a job's id is no default": (
        ("[tracking]", '[send_defaults]\njob_id = "order-1"\n\n[tracking]'),
        "mailbus.toml: [send_defaults] job_id: is each job's own, and cannot be the default of all",
    ),
    "a job kept elsewhere is no default": (
        ("[tracking]", '[send_defaults.content_ref]\nbucket = "jobs"\nkey = "a"\n\n[tracking]'),
        "mailbus.toml: [send_defaults] content_ref: is each job's own, and cannot be the default of all",
    ),
    "a wrong default of a stage names the stage's table": (
        ("[stages.prod]", "[stages.dev.send_defaults]\ntag = []\n\n[stages.prod]"),
        "mailbus.toml: [stages.dev.send_defaults] tag: unknown key; did you mean 'tags'?",
    ),
    "defaults have to fit into the function's environment": (
        ("[tracking]", f'[send_defaults]\nhtml = "{"<p>" * 700}"\n\n[tracking]'),
        (
            "mailbus.toml: send_defaults: take 2111 bytes as JSON; they travel in the function's "
            "environment, where there is room for 2000: leave long texts to the jobs"
        ),
    ),
    "so have buckets": (
        ("max_attempts = 8", f"source_buckets = {[f'example-invoices-of-the-shop-{n}' for n in range(99)]}"),
        "mailbus.toml: source_buckets: take ",
    ),
    "bounces go to a domain below the sender's": (
        ("max_attempts = 8", 'mail_from_domain = "bounces.example.org"'),
        (
            "mailbus.toml: mail_from_domain: has to be a domain below that of identity, such as "
            "bounces.dev.example.com (it is bounces.example.org)"
        ),
    ),
    "bounces do not go where mail is received": (
        (
            '[stages.dev]\nidentity = "dev.example.com"',
            '[stages.dev]\nmail_from_domain = "inbound.example.com"',
        ),
        "mailbus.toml: [stages.dev] mail_from_domain: takes SES's feedback, and inbound.domain other mail:",
    ),
    "an identity that is there already is not changed": (
        ("max_attempts = 8", 'mail_from_domain = "b.dev.example.com"\nidentity_exists = true'),
        "mailbus.toml: mail_from_domain: is set on an identity that is made here; set it there",
    ),
    "a policy for mail of a domain is none for an address": (
        ('"dev.example.com"', '"shop@example.com"\ndmarc_policy = "reject"'),
        "mailbus.toml: [stages.dev] dmarc_policy: is of a domain, and identity is an address",
    ),
    "a policy is one of three": (
        ("max_attempts = 8", 'dmarc_policy = "rejected"'),
        (
            "mailbus.toml: dmarc_policy: must be one of none, quarantine, reject; did you mean 'reject'? "
            "(it is 'rejected')"
        ),
    ),
    "a hosted zone is named by its id": (
        ("max_attempts = 8", 'hosted_zone_id = "example.com"'),
        "mailbus.toml: hosted_zone_id: must be the id of a Route 53 hosted zone, such as Z0123",
    ),
    "a hosted zone without a record to make is a mistake": (
        ("max_attempts = 8", 'hosted_zone_id = "Z0123456789ABCDEFGHIJ"\nidentity_exists = true'),
        "mailbus.toml: hosted_zone_id: there are no records to make:",
    ),
    "a configuration set that is there already is found by its name": (
        ("max_attempts = 8", "configuration_set_exists = true"),
        "mailbus.toml: configuration_set_exists: needs configuration_set_name, to find it by",
    ),
    "a configuration set that is there already is not changed": (
        (
            "[stages.dev.retention]\nraw_days = 28\n\n[stages.prod]",
            (
                'configuration_set_name = "shop"\nconfiguration_set_exists = true\n\n'
                '[stages.dev.tracking]\ncustom_redirect_domain = "links.example.com"\n\n[stages.prod]'
            ),
        ),
        (
            "mailbus.toml: [stages.dev.tracking] custom_redirect_domain: is set on a configuration set that "
            "is made here; set it there"
        ),
    ),
    "another identity is a domain, an address or an ARN": (
        ("max_attempts = 8", 'other_identities = ["example.net", "Shop <shop@example.org>"]'),
        (
            "mailbus.toml: other_identities: must be domains in lower case, addresses, or their ARNs where "
            "they are another account's, such as arn:aws:ses:us-east-1:111122223333:identity/example.com (it "
        ),
    ),
    "another identity is in SES's own region": (
        (
            "max_attempts = 8",
            'other_identities = ["arn:aws:ses:us-east-1:111122223333:identity/example.net"]',
        ),
        (
            "mailbus.toml: other_identities: SES takes identities of its own region, eu-west-1, alone (it is "
            "arn:aws:ses:us-east-1:111122223333:identity/example.net)"
        ),
    ),
    "another identity is another one": (
        (
            '[stages.dev]\nidentity = "dev.example.com"',
            '[stages.dev]\nidentity = "dev.example.com"\nother_identities = ["dev.example.com"]',
        ),
        (
            "mailbus.toml: [stages.dev] other_identities: dev.example.com is the deployment's own, which "
            "jobs use anyway: remove it here"
        ),
    ),
    "another configuration set is another one, also where the deployment's has no name": (
        ("max_attempts = 8", 'other_configuration_sets = ["shop", "mailbus-dev"]'),
        "mailbus.toml: other_configuration_sets: mailbus-dev is the deployment's own, which jobs use anyway",
    ),
    "another configuration set is named once": (
        ("max_attempts = 8", 'other_configuration_sets = ["shop", "news", "shop"]'),
        "mailbus.toml: other_configuration_sets: shop is named twice",
    ),
    "another configuration set is named as SES names them": (
        ("max_attempts = 8", 'other_configuration_sets = ["the shop"]'),
        "mailbus.toml: other_configuration_sets: must be names of configuration sets: 1 to 64 of A-Z a-z 0-9",
    ),
    "what the sender may use has to fit into its policy": (
        ("max_attempts = 8", f"other_configuration_sets = {[f'shop-{number}' for number in range(99)]}"),
        (
            "mailbus.toml: other_configuration_sets: other_identities and other_configuration_sets together "
            "take 7613 characters of the sender's policy, where there is room for 5000: name fewer;"
        ),
    ),
    "a role that is assumed brings its own rights": (
        (
            "log_retention_days = 30",
            (
                'identity_exists = true\nconfiguration_set_name = "shop"\nconfiguration_set_exists = true\n'
                'other_identities = ["example.net"]\n'
                '[session_params]\nrole_arn = "arn:aws:iam::111122223333:role/send"'
            ),
        ),
        (
            "mailbus.toml: other_identities: session_params.role_arn names a role that brings its own "
            "rights: name them in its policy"
        ),
    ),
    "a function outlives SES's answer": (
        ("[tracking]", "[client_params]\nread_timeout = 30\n\n[tracking]"),
        (
            "mailbus.toml: [client_params] read_timeout: with client_params.connect_timeout a function needs "
            "sender.timeout_seconds of at least 75 (it is 60)"
        ),
    ),
    "a role is named by its ARN": (
        ("[tracking]", '[session_params]\nrole_arn = "send-mail"\n\n[tracking]'),
        "mailbus.toml: [session_params] role_arn: must be a role's ARN, such as arn:aws:iam::",
    ),
    "keys of a session do not belong here": (
        ("[tracking]", '[session_params]\naws_access_key_id = "x"\n\n[tracking]'),
        "mailbus.toml: [session_params] aws_access_key_id: access keys do not belong in a file",
    ),
    "what is sent elsewhere is not made here": (
        ("[tracking]", '[session_params]\nregion = "us-west-2"\n\n[tracking]'),
        "mailbus.toml: session_params: SES of another account or region has its own identities",
    ),
    "recipients belong to a rule": (
        ('domain = "inbound.example.com"', 'recipients = ["me@inbound.example.com"]'),
        "mailbus.toml: [inbound] recipients: unknown key; it belongs at inbound.rules.recipients (keys: ",
    ),
    "received mail is kept for as long as its notification may wait": (
        ("raw_days = 28", "raw_days = 27"),
        "mailbus.toml: [stages.dev.retention] raw_days: must be at least 28: a received mail's notification ",
    ),
    "the largest mail has to fit into the function's memory": (
        (DOMAIN, f"{DOMAIN}\nmemory_mb = 511"),
        "mailbus.toml: [inbound] memory_mb: expected `int` >= 512 (it is 511)",
    ),
    "a large mail takes its time": (
        (DOMAIN, f"{DOMAIN}\ntimeout_seconds = 29"),
        "mailbus.toml: [inbound] timeout_seconds: expected `int` >= 30 (it is 29)",
    ),
    "rules need the domain that turns receiving on": (
        ('domain = "inbound.example.com"', 'rules = [{ name = "store" }]'),
        "mailbus.toml: [inbound] rules: need inbound.domain, which turns receiving on",
    ),
    "rules are tables": (
        (DOMAIN, f'{DOMAIN}\nrules = ["me@inbound.example.com"]'),
        "mailbus.toml: [inbound] rules: must be tables, each under [[inbound.rules]]",
    ),
    "rules are no one table": (
        (DOMAIN, f'{DOMAIN}\n[inbound.rules]\nname = "store"'),
        "mailbus.toml: [inbound] rules: must be tables, each under [[inbound.rules]]",
    ),
    "a rule of a stage is told there": (
        ("[stages.prod]", "[[stages.dev.inbound.rules]]\nscan = true\n[stages.prod]"),
        "mailbus.toml: [[stages.dev.inbound.rules]] #1 name: is missing, and has no default",
    ),
    "SES takes 200 rules": (
        (DOMAIN, DOMAIN + "".join(f'\n[[inbound.rules]]\nname = "rule-{n}"' for n in range(201))),
        "mailbus.toml: [inbound] rules: expected `array` of length <= 200 (it is [{'name': 'rule-0'}",
    ),
    "what is not TOML says where": (
        ("max_attempts = 8", "max_attempts = "),
        "mailbus.toml: not TOML: Invalid value (at line 4",
    ),
}


# What stands in a rule, and what is told of it.
RULE_MISTAKES = {
    "a wrong key names the nearest": (
        'name = "store"\nrecipient = []',
        "#1 recipient: unknown key; did you mean 'recipients'? (keys: name, recipients, action, ",
    ),
    "a key of another table names where it belongs": (
        'name = "store"\nmemory_mb = 512',
        "#1 memory_mb: unknown key; it belongs at sender.memory_mb or ",
    ),
    "a rule has a name": (
        'action = "sns"',
        "#1 name: is missing, and has no default",
    ),
    "a rule is named as SES names them": (
        'name = "all mail"',
        (
            "#1 name: must be 1 to 64 of A-Z a-z 0-9 . _ -, beginning and ending with a letter or a digit "
            "(it is 'all mail')"
        ),
    ),
    "the name of a rule begins with a letter or a digit": (
        'name = "-store"',
        "#1 name: must be 1 to 64 ",
    ),
    "two rules have two names": (
        'name = "store"\n[[inbound.rules]]\nname = "store"',
        "#2 name: store is the name of another rule too",
    ),
    "a rule does one of two things": (
        'name = "store"\n[[inbound.rules]]\nname = "notes"\naction = "SNS"',
        "#2 action: must be one of s3, sns; did you mean 'sns'? (it is 'SNS')",
    ),
    "an encoding is one of two": (
        'name = "notes"\naction = "sns"\nencoding = "base64"',
        "#1 encoding: must be one of UTF-8, Base64; did you mean 'Base64'? (it is 'base64')",
    ),
    "an encoding is of mail in notifications": (
        'name = "store"\nencoding = "UTF-8"',
        '#1 encoding: is that of mail in notifications, which action = "sns" brings; remove it',
    ),
    "whether a rule scans is yes or no": (
        'name = "store"\nscan = "yes"',
        "#1 scan: expected `bool`, got `str` (it is 'yes')",
    ),
    "recipients are a list": (
        'name = "store"\nrecipients = "me@inbound.example.com"',
        "#1 recipients: expected `array`, got `str` (it is 'me@inbound.example.com')",
    ),
    "a recipient is an address or a domain": (
        'name = "store"\nrecipients = ["me@inbound.example.com", "<you@inbound.example.com>"]',
        "#1 recipients: must be addresses whose domain is in lower case, such as ",
    ),
    "a recipient is of the domain that receives": (
        'name = "store"\nrecipients = ["me@example.com"]',
        "#1 recipients: me@example.com is not of inbound.domain (inbound.example.com) or a domain below it",
    ),
    "a domain that merely ends alike is another": (
        'name = "store"\nrecipients = ["notinbound.example.com"]',
        "#1 recipients: notinbound.example.com is not of inbound.domain ",
    ),
    "a recipient is named once": (
        'name = "store"\nrecipients = ["inbound.example.com", "inbound.example.com"]',
        "#1 recipients: inbound.example.com is named twice",
    ),
    "SES takes 500 recipients a rule": (
        f'name = "store"\nrecipients = {[f"user{n}@inbound.example.com" for n in range(501)]}',
        "#1 recipients: expected `array` of length <= 500 (it is ['user0@",
    ),
    "a mail is not brought in the notification and stored by SES too": (
        (
            'name = "alerts"\nrecipients = ["alerts@inbound.example.com"]\naction = "sns"\n'
            'encoding = "UTF-8"\n'
            '[[inbound.rules]]\nname = "store"'
        ),
        (
            "#2 action: rule alerts before it brings mail in another way (sns, UTF-8, here s3), and does not "
            "stop: of a mail to both, each would write over what the other stored; set stop = true there, or "
            "give both the same action and encoding"
        ),
    ),
    "a mail is not brought in both encodings": (
        (
            'name = "all"\naction = "sns"\nencoding = "Base64"\n'
            '[[inbound.rules]]\nname = "notes"\nrecipients = ["notes@inbound.example.com"]\naction = "sns"\n'
            'encoding = "UTF-8"'
        ),
        "#2 action: rule all before it brings mail in another way (sns, Base64, here sns, UTF-8), ",
    ),
    "one mail may be to the recipients of two rules": (
        (
            'name = "alerts"\nrecipients = ["alerts@inbound.example.com"]\naction = "sns"\n'
            'encoding = "UTF-8"\n'
            '[[inbound.rules]]\nname = "rest"\nrecipients = ["me@inbound.example.com"]'
        ),
        "#2 action: rule alerts before it brings mail in another way ",
    ),
    "a rule of a subdomain may overlap with one of all subdomains": (
        (
            'name = "eu"\nrecipients = ["eu.inbound.example.com"]\n'
            '[[inbound.rules]]\nname = "below"\nrecipients = [".inbound.example.com"]\naction = "sns"\n'
            'encoding = "Base64"'
        ),
        "#2 action: rule eu before it brings mail in another way (s3, here sns, Base64), ",
    ),
    "no mail comes past a rule that takes all and stops": (
        (
            'name = "store"\nstop = true\n'
            '[[inbound.rules]]\nname = "notes"\nrecipients = ["me@inbound.example.com"]'
        ),
        "#2 recipients: rule store before it takes all of this mail and stops; put that one after this",
    ),
    "no mail of a subdomain comes past a rule that takes all of them and stops": (
        (
            'name = "store"\nstop = true\nrecipients = [".inbound.example.com"]\n'
            '[[inbound.rules]]\nname = "notes"\n'
            'recipients = ["me@eu.inbound.example.com", ".us.inbound.example.com"]'
        ),
        "#2 recipients: rule store before it takes all of this mail and stops",
    ),
    "no mail with a label comes past a rule that takes the address and stops": (
        (
            'name = "all"\nstop = true\nrecipients = ["x@inbound.example.com"]\n'
            '[[inbound.rules]]\nname = "one"\nrecipients = ["x+1@inbound.example.com"]'
        ),
        "#2 recipients: rule all before it takes all of this mail and stops; put that one after this",
    ),
    "a recipient is no pattern": (
        'name = "store"\nrecipients = ["*@inbound.example.com"]',
        (
            "#1 recipients: *@inbound.example.com would take mail to that very address: SES knows no "
            "patterns; name inbound.example.com"
        ),
    ),
    "access keys do not belong there either": (
        'name = "store"\nsecret_key = "x"',
        "#1 secret_key: access keys do not belong in a file",
    ),
}


@pytest.mark.parametrize(("rule", "told"), RULE_MISTAKES.values(), ids=RULE_MISTAKES)
def test_a_mistake_in_a_rule_is_one_line(stage_file: Path, rule: str, told: str) -> None:
    message = refusal(stage_file, FILE.replace(DOMAIN, f"{DOMAIN}\n[[inbound.rules]]\n{rule}"))
    assert message.startswith(f"mailbus.toml: [[inbound.rules]] {told}")


@pytest.mark.parametrize(("change", "told"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_line(stage_file: Path, change: tuple[str, str], told: str) -> None:
    old, new = change
    assert old in FILE
    assert refusal(stage_file, FILE.replace(old, new)).startswith(told)


def test_a_stage_that_is_not_there_names_the_nearest_and_all(stage_file: Path) -> None:
    assert refusal(stage_file, FILE, "prodd") == (
        "mailbus.toml: there is no stage 'prodd'; did you mean 'prod'? (stages: dev, prod)"
    )


@pytest.mark.parametrize("stage", ["Dev!", "d" * 30])
def test_the_name_of_a_stage_can_be_part_of_other_names(stage_file: Path, stage: str) -> None:
    told = refusal(stage_file, f'{FILE}\n[stages."{stage}"]\n', stage)
    assert "stage: must be a name of at most 24" in told


@pytest.mark.parametrize("stages", ["stages = 3", "[stages]\ndev = 3", "[[stages]]\ndev = {}"])
def test_stages_that_are_no_tables_are_told(stage_file: Path, stages: str) -> None:
    text = f'{stages}\nregion = "eu-west-1"' if stages == "stages = 3" else f'region = "eu-west-1"\n{stages}'
    assert "[stages.dev]" in refusal(stage_file, text)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"mailbus.toml: not found at"):
        load(tmp_path / "mailbus.toml", "dev")


def test_a_file_that_is_not_text_is_told(stage_file: Path) -> None:
    stage_file.write_bytes(b"\xff\xfe region")
    with pytest.raises(ConfigurationError, match=r"mailbus.toml: not TOML"):
        load(stage_file, "dev")


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
    told = refusal(stage_file, f"{line}\n{FILE}" if not line.startswith("[") else f"{FILE}\n{line}")
    assert "access keys do not belong in a file that is committed" in told
    assert "AWS_PROFILE" in told
    assert "IOSFODNN7EXAMPLE" not in told


@pytest.mark.parametrize(
    "name",
    [
        "example.net",
        "billing@example.org",
        "arn:aws:ses:eu-west-1:111122223333:identity/example.net",
        "arn:aws:ses:eu-west-1:111122223333:identity/o'hara+shop@example.net",
    ],
)
def test_jobs_may_be_from_other_identities(stage_file: Path, name: str) -> None:
    stage_file.write_text(FILE.replace("max_attempts = 8", f'other_identities = ["{name}"]'))
    assert load(stage_file, "prod").other_identities == (name,)


def test_sending_alone_works_in_any_region(stage_file: Path) -> None:
    stage_file.write_text(
        FILE.replace('domain = "inbound.example.com"', "").replace("eu-west-1", "ca-west-1")
    )
    assert load(stage_file, "prod").inbound.domain is None


def test_every_receiving_region_is_a_region(stage_file: Path) -> None:
    for region in RECEIVING_REGIONS:
        stage_file.write_text(FILE.replace("eu-west-1", region))
        assert load(stage_file, "prod").region == region
