"""The table of quotas, and what a rate needs of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mailbus_cdk.quotas import BY_NAME, QUOTAS, uses
from mailbus_cdk.regions import known_regions, ses_regions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus_cdk.quota import Quota, Use

CODE = re.compile(r"L-[0-9A-F]{8}")


def by_name(
    rate: float, region: str, *, timeline: bool = False, values: Mapping[str, float] | None = None
) -> dict[str, Use]:
    made = uses(rate, region=region, timeline=timeline, values=values)
    return {use.quota.name: use for use in made}


@pytest.mark.parametrize("quota", QUOTAS, ids=lambda quota: quota.name)
def test_a_quota_has_regions_of_aws_a_code_of_service_quotas_and_a_source(quota: Quota) -> None:
    assert set(quota.by_region) <= known_regions()
    assert all(value > 0 and value != quota.default for value in (*quota.by_region.values(), 0.5))
    assert quota.code is None or CODE.fullmatch(quota.code)
    assert quota.source.startswith("https://docs.aws.amazon.com/")
    assert all((quota.title, quota.uses, quota.beyond))


def test_names_are_unique() -> None:
    assert len(BY_NAME) == len(QUOTAS)


def test_the_table_needs_no_cdk() -> None:
    program = (
        "import sys; sys.modules['aws_cdk'] = None; "
        "import mailbus_cdk.quotas, mailbus_cdk.expected_rate, mailbus_cdk.limits"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)


@pytest.mark.parametrize(
    ("region", "sns", "put", "invocations", "requests"),
    [
        ("us-east-1", 30_000, 10_000, 18_750, 10_000),
        ("eu-west-1", 9_000, 10_000, 18_750, 10_000),
        ("eu-central-1", 1_500, 2_400, 4_500, 10_000),
        ("eu-north-1", 300, 600, 1_100, 10_000),
        ("eu-south-1", 300, 400, 750, 2_500),
    ],
)
def test_a_region_has_its_own_defaults(
    region: str, sns: float, put: float, invocations: float, requests: float
) -> None:
    names = ("sns-publish", "events-put", "events-invocations", "api-requests")
    assert [BY_NAME[name].default_in(region) for name in names] == [sns, put, invocations, requests]


def test_four_events_a_mail_make_the_smallest_regions_a_ceiling_of_75_mails_a_second() -> None:
    use = by_name(76, "eu-north-1")["sns-publish"]
    assert (use.limit, use.needed, use.most, use.fits, use.is_default) == (300, 304, 75, False, True)
    assert by_name(75, "eu-north-1")["sns-publish"].fits


def test_the_accounts_own_value_replaces_the_default() -> None:
    use = by_name(100, "eu-north-1", values={"sns-publish": 400})["sns-publish"]
    assert (use.limit, use.fits, use.is_default) == (400, True, False)


def test_more_is_asked_for_by_the_code_and_in_the_region_of_the_quota() -> None:
    assert by_name(100, "eu-north-1")["sns-publish"].command == (
        "aws service-quotas request-service-quota-increase --service-code sns --quota-code L-F8E2BA85"
        " --desired-value 400 --region eu-north-1"
    )
    assert by_name(100, "eu-north-1")["rate-item"].command is None


def test_ses_publishes_in_its_own_region() -> None:
    made = {
        use.quota.name: use for use in uses(14, region="us-east-1", ses_region="eu-north-1", timeline=False)
    }
    assert (made["sns-publish"].region, made["sns-publish"].limit) == ("eu-north-1", 300)
    assert (made["events-put"].region, made["events-put"].limit) == ("us-east-1", 10_000)


def test_a_timeline_has_quotas_of_its_own_and_takes_more_of_others() -> None:
    without, with_one = by_name(100, "eu-north-1"), by_name(100, "eu-north-1", timeline=True)
    assert set(with_one) - set(without) == {"timeline-writes", "timeline-new-table", "timeline-shard"}
    assert without["events-invocations"].fits
    assert not with_one["events-invocations"].fits


def test_what_only_some_mails_use_is_shown_but_not_judged() -> None:
    use = by_name(5_000, "eu-north-1")["scheduler-create"]
    assert (use.needed, use.limit, use.fits) == (5_000, 250, None)


def test_what_aws_grants_each_account_is_judged_only_once_it_is_known() -> None:
    assert by_name(14, "us-east-1")["ses-rate"].fits is None
    assert by_name(14, "us-east-1", values={"ses-rate": 1})["ses-rate"].fits is False
    assert by_name(14, "us-east-1", values={"ses-rate": 14})["ses-rate"].fits


@pytest.mark.parametrize("region", sorted(ses_regions()))
def test_the_default_rate_fits_every_region(region: str) -> None:
    assert {use.fits for use in uses(14, region=region, timeline=True)} == {True, None}


def test_what_does_not_grow_with_the_mails_is_not_judged() -> None:
    use = by_name(100_000, "us-east-1")["events-rules"]
    assert (use.needed, use.most, use.command, use.fits) == (None, None, None, None)
