from __future__ import annotations

import pytest

from mailbus.aws.partitions import dns_suffix, partition_of, partitions

SUFFIXES = [
    ("us-east-1", "amazonaws.com"),
    ("us-gov-west-1", "amazonaws.com"),
    ("mx-central-1", "amazonaws.com"),
    ("cn-northwest-1", "amazonaws.com.cn"),
    ("eusc-de-east-1", "amazonaws.eu"),
    ("us-iso-west-1", "c2s.ic.gov"),
    ("us-isob-west-1", "sc2s.sgov.gov"),
    ("eu-isoe-west-1", "cloud.adc-e.uk"),
    ("us-isof-east-1", "csp.hci.ic.gov"),
    # a region that is newer than this botocore
    ("zz-future-1", "amazonaws.com"),
]
NO_REGIONS = [
    "",
    "us",
    "s3",
    "s3-us-west-2",
    "eusc-zz-east-1",
    "us-we_st-1",
    "us-east-1\n",
    "us-east-\u0661",
    "US-EAST-1",
]


@pytest.mark.parametrize(("region", "suffix"), SUFFIXES)
def test_a_region_has_the_domain_of_its_partition(region: str, suffix: str) -> None:
    assert dns_suffix(region) == suffix


@pytest.mark.parametrize("region", NO_REGIONS)
def test_what_is_no_region_has_none(region: str) -> None:
    assert dns_suffix(region) is None


def test_all_partitions_are_known() -> None:
    assert {"aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso"} <= {one.name for one in partitions()}


@pytest.mark.parametrize(
    ("region", "name"),
    [("eu-west-1", "aws"), ("zz-future-1", "aws"), ("eusc-de-east-1", "aws-eusc"), ("nowhere", None)],
)
def test_a_region_is_in_one_partition(region: str, name: str | None) -> None:
    partition = partition_of(region)
    assert (partition and partition.name) == name
