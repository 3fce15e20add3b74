from __future__ import annotations

import pytest

from mailbus.errors import InvalidJob
from mailbus.jobs.parsing import parse_document
from tests.unit.mailbus.jobs.example_documents import SQS_ID, WELCOME, without


def test_the_jobs_own_value_wins_over_the_defaults_and_objects_are_merged_one_level() -> None:
    read = parse_document(
        WELCOME | {"headers": {"x-team": "growth"}, "reply_to": None, "esp_extra": {"TenantName": "b"}},
        SQS_ID,
        defaults={
            "job_id": "of-nobody",
            "subject": "Hello",
            "reply_to": ["support@example.com"],
            "headers": {"X-Team": "platform", "X-Stage": "dev"},
            "metadata": {"user": 0, "stage": "dev"},
            "tags": ["default"],
            "track_opens": False,
            "esp_extra": {"TenantName": "a", "ConfigurationSetName": "other"},
        },
    )
    assert (read.job_id, read.subject, read.tags, read.track_opens) == (
        "welcome-1",
        "Welcome",
        ("default",),
        False,
    )
    assert read.reply_to[0].address == "support@example.com"
    assert read.headers == (("X-Stage", "dev"), ("x-team", "growth"))
    assert read.metadata == {"user": 17, "stage": "dev", "plan": None}
    assert read.esp_extra == {"TenantName": "b", "ConfigurationSetName": "other"}


def test_a_job_without_an_id_never_takes_one_from_the_defaults() -> None:
    assert parse_document(without("job_id"), SQS_ID, defaults={"job_id": "x"}).job_id == SQS_ID


def test_defaults_for_one_kind_of_call_do_not_affect_the_other() -> None:
    tags = [{"Name": "stage", "Value": "dev"}]
    defaults = {
        "esp_extra": {
            "EmailTags": tags,
            "DefaultEmailTags": tags,
            "ListManagementOptions": {"ContactListName": "readers"},
            "TenantName": "acme",
        }
    }
    ordinary = parse_document(WELCOME, SQS_ID, defaults=defaults)
    merged = parse_document(WELCOME | {"merge_data": {}}, SQS_ID, defaults=defaults)
    assert set(ordinary.esp_extra) == {"EmailTags", "ListManagementOptions", "TenantName"}
    assert set(merged.esp_extra) == {"DefaultEmailTags", "TenantName"}


def test_a_wrong_default_is_refused_at_its_field() -> None:
    with pytest.raises(InvalidJob) as refused:
        parse_document(WELCOME, SQS_ID, defaults={"reply_to": 17})
    assert refused.value.path == "$.reply_to"
