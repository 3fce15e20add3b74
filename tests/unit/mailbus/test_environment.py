from __future__ import annotations

from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailbus.environment import (
    BusSettings,
    FunctionSettings,
    InboundSettings,
    SenderSettings,
    TrackingSettings,
    from_environment,
    to_environment,
)
from mailbus.errors import ConfigurationError

TRACKING = {
    "EVENT_BUS_NAME": "mailbus-dev",
    "DEAD_LETTER_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/210987654321/mailbus-dev-tracking-dead",
    "TRACKING_TOPIC_ARN": "arn:aws:sns:eu-west-1:210987654321:mailbus-dev-tracking",
    "TRACKING_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/210987654321/mailbus-dev-tracking",
    "LEDGER_TABLE_NAME": "mailbus-dev-state-ledger",
    "MAX_RECEIVES": "10",
    "EVENTS_BUCKET_NAME": "mailbus-dev-state-espevents",
    "ESP_EVENTS_PREFIX": "esp-events/",
}


class PacedSettings(BusSettings, frozen=True, kw_only=True):
    """A settings class with every kind of field."""

    share: float
    attempts: int
    eager: bool
    ending: Literal["resend", "fail"]
    defaults: dict[str, Any] = msgspec.field(default_factory=dict)
    buckets: tuple[str, ...] = ()
    prefix: str = "raw/"
    topic_arn: str | None = None


def test_settings_are_read_from_variables_in_capitals() -> None:
    assert from_environment(TrackingSettings, TRACKING | {"AWS_REGION": "eu-west-1"}) == TrackingSettings(
        event_bus_name="mailbus-dev",
        dead_letter_queue_url="https://sqs.eu-west-1.amazonaws.com/210987654321/mailbus-dev-tracking-dead",
        tracking_topic_arn="arn:aws:sns:eu-west-1:210987654321:mailbus-dev-tracking",
        tracking_queue_url="https://sqs.eu-west-1.amazonaws.com/210987654321/mailbus-dev-tracking",
        ledger_table_name="mailbus-dev-state-ledger",
        max_receives=10,
        events_bucket_name="mailbus-dev-state-espevents",
        esp_events_prefix="esp-events/",
    )


def test_by_default_they_come_from_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in TRACKING.items():
        monkeypatch.setenv(name, value)
    assert from_environment(TrackingSettings) == from_environment(TrackingSettings, TRACKING)


@pytest.mark.parametrize("name", list(TRACKING))
def test_a_missing_or_empty_variable_is_named(name: str) -> None:
    for environ in (TRACKING | {name: ""}, {key: text for key, text in TRACKING.items() if key != name}):
        with pytest.raises(ConfigurationError, match=f"environment variable {name} is missing"):
            from_environment(TrackingSettings, environ)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ATTEMPTS", "many"),
        ("EAGER", "perhaps"),
        ("SHARE", "a lot"),
        ("DEFAULTS", '["tags"]'),
        ("BUCKETS", '{"example": "invoices"}'),
        ("BUCKETS", "example-invoices"),
    ],
)
def test_a_wrong_value_is_named_but_not_repeated(name: str, value: str) -> None:
    environ = TRACKING | {"ATTEMPTS": "5", "EAGER": "true", "SHARE": "0.5", "ENDING": "fail"} | {name: value}
    with pytest.raises(ConfigurationError, match=f"environment variable {name}: ") as raised:
        from_environment(PacedSettings, environ)
    assert value not in str(raised.value)


def test_a_value_that_is_not_allowed_is_named() -> None:
    environ = TRACKING | {"ATTEMPTS": "5", "EAGER": "true", "SHARE": "0.5", "ENDING": "happy"}
    with pytest.raises(ConfigurationError, match="environment variable ENDING: Invalid enum value"):
        from_environment(PacedSettings, environ)


@given(
    st.builds(
        PacedSettings,
        event_bus_name=st.text(min_size=1),
        dead_letter_queue_url=st.text(min_size=1),
        share=st.floats(allow_nan=False, allow_infinity=False),
        attempts=st.integers(0, 2**53),
        eager=st.booleans(),
        ending=st.sampled_from(["resend", "fail"]),
        defaults=st.dictionaries(
            st.sampled_from(["subject", "tags", "metadata"]),
            st.text() | st.lists(st.text()) | st.dictionaries(st.text(), st.text() | st.integers(0, 9)),
        ),
        buckets=st.lists(st.from_regex(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", fullmatch=True)).map(tuple),
        prefix=st.text(min_size=1),
        topic_arn=st.none() | st.from_regex(r"arn:aws:sns:[a-z0-9:-]+", fullmatch=True),
    )
)
def test_what_a_deployment_writes_the_function_reads(settings: PacedSettings) -> None:
    assert from_environment(PacedSettings, to_environment(settings)) == settings


@pytest.mark.parametrize("kind", [SenderSettings, TrackingSettings, InboundSettings])
def test_every_function_knows_its_bus_and_its_dead_letter_queue(kind: type[FunctionSettings]) -> None:
    names = {field.name for field in msgspec.structs.fields(kind)}
    assert {"event_bus_name", "dead_letter_queue_url"} <= names
