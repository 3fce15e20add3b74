"""Settings as keywords: checked when they are created, as a file is when it is read."""

from __future__ import annotations

from typing import Any

import pytest

from mailbus.errors import ConfigurationError
from mailbus_cdk import (
    Alarms,
    ClientParams,
    Inbound,
    Retention,
    Rule,
    Sender,
    SessionParams,
    Settings,
)

STAGE = {"stage": "prod", "region": "eu-west-1", "identity": "example.com"}
# what the CDK has in place of a name that only the deployment knows
UNRESOLVED = "${Token[TOKEN.42]}"

REJECTED: dict[str, tuple[Any, dict[str, Any], str]] = {
    "an unknown keyword": (
        Settings,
        {**STAGE, "regoin": "eu-west-1"},
        "Settings: regoin: is unknown; did you mean 'region'?",
    ),
    "an unknown keyword of a section": (
        Retention,
        {"raw_day": 90},
        "Retention: raw_day: is unknown; did you mean 'raw_days'?",
    ),
    "a keyword of a section": (
        Settings,
        {**STAGE, "doubt_seconds": 300},
        "Settings: doubt_seconds: is unknown; it belongs at sender.doubt_seconds",
    ),
    "a keyword that is missing": (
        Settings,
        {"stage": "prod", "identity": "example.com"},
        "Settings: region: is missing",
    ),
    "a value out of range": (
        Sender,
        {"ledger_days": 0},
        "Sender: ledger_days: must be at least 1 and at most 365 (it is 0)",
    ),
    "another type": (
        Settings,
        {**STAGE, "max_attempts": "8"},
        "Settings: max_attempts: must be an int, not str (it is '8')",
    ),
    "a str in place of a tuple": (
        Inbound,
        {"domains": "inbound.example.com"},
        (
            "Inbound: domains: must be a tuple, not str; write domains=('inbound.example.com',) "
            "(it is 'inbound.example.com')"
        ),
    ),
    "a single value in place of a tuple": (
        Inbound,
        {"rules": 3},
        "Inbound: rules: must be a tuple, not int; write rules=(…,) (it is 3)",
    ),
    "another section": (
        Settings,
        {**STAGE, "alarms": ClientParams()},
        (
            "Settings: alarms: must be Alarms(…), not ClientParams "
            "(it is ClientParams(connect_timeout=3, read_timeout=15))"
        ),
    ),
    "no section in a tuple of sections": (
        Inbound,
        {"rules": ("store",)},
        "Inbound: rules[0]: must be Rule(…), not str (it is 'store')",
    ),
    "a default of jobs that no job has": (
        Settings,
        {**STAGE, "send_defaults": {"subjet": "Hello"}},
        "Settings: send_defaults.subjet: is unknown; did you mean 'subject'?",
    ),
    "a default of jobs of another type": (
        Settings,
        {**STAGE, "send_defaults": {"metadata": "order"}},
        "Settings: send_defaults.metadata: must be a dict, not str (it is 'order')",
    ),
    "defaults of jobs that are no JSON": (
        Settings,
        {**STAGE, "send_defaults": {"metadata": {"order": object()}}},
        "Settings: send_defaults: must be JSON, as jobs are: Encoding objects of type object is unsupported",
    ),
    "an access key": (
        SessionParams,
        {"aws_secret_access_key": "AKIAIOSFODNN7EXAMPLE"},
        (
            "SessionParams: aws_secret_access_key: access keys do not belong in a file that is committed and "
            "copied; remove it, revoke the key, and let AWS_PROFILE or the environment provide credentials"
        ),
    ),
    "a region that only the deployment knows": (
        Settings,
        {**STAGE, "region": UNRESOLVED},
        (
            "Settings: region: is a token of the CDK, whose value is not known at synth; write the value "
            f"itself (it is '{UNRESOLVED}')"
        ),
    ),
}


@pytest.mark.parametrize(("section", "keywords", "message"), REJECTED.values(), ids=REJECTED)
def test_a_wrong_keyword_is_one_line_that_names_it(
    section: Any, keywords: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError) as error:
        section(**keywords)
    assert str(error.value) == message
    # no traceback of msgspec above it
    assert error.value.__suppress_context__


def test_rules_between_settings_are_checked_too() -> None:
    with pytest.raises(ConfigurationError) as error:
        Settings(
            stage="prod",
            region="eu-west-1",
            identity="example.com",
            inbound=Inbound(
                domains=("inbound.example.com",),
                rules=(Rule(name="store"), Rule(name="other", recipients=("me@example.org",))),
            ),
        )
    assert str(error.value) == (
        "Settings: inbound.rules[1].recipients: me@example.org is not of inbound.domains "
        "(inbound.example.com) or a domain below one"
    )


def test_only_keywords_are_accepted() -> None:
    section: Any = Settings
    with pytest.raises(ConfigurationError, match=r"^Settings: takes keywords only, such as stage=…$"):
        section("prod")


def test_a_list_becomes_a_tuple() -> None:
    section: Any = Inbound
    assert section(domains=["inbound.example.com"]).domains == ("inbound.example.com",)


def test_names_of_resources_of_the_app_may_be_tokens() -> None:
    settings = Settings(
        stage="prod",
        region="eu-west-1",
        identity="example.com",
        hosted_zone_id=UNRESOLVED,
        source_buckets=(UNRESOLVED,),
        alarms=Alarms(topic_arn=UNRESOLVED),
    )
    assert (settings.hosted_zone_id, settings.source_buckets) == (UNRESOLVED, (UNRESOLVED,))
    assert settings.alarms.topic_arn == UNRESOLVED


def test_a_stage_of_a_file_is_loaded_by_its_name_as_a_string_too(tmp_path: Any) -> None:
    (tmp_path / "mailbus.toml").write_text('region = "eu-west-1"\nidentity = "example.com"\n[stages.prod]\n')
    expected = Settings(stage="prod", region="eu-west-1", identity="example.com")
    assert Settings.load(str(tmp_path / "mailbus.toml"), "prod") == expected
