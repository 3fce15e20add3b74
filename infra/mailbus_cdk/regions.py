"""The regions of AWS, and those that have SES, its receiving, EventBridge's archives and schema registry."""

from __future__ import annotations

from functools import cache
from typing import Final

from botocore.loaders import create_loader

# https://docs.aws.amazon.com/general/latest/gr/ses.html#ses_inbound_endpoints (read 2026-11-22)
RECEIVING_REGIONS: Final = (
    "af-south-1",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-south-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-south-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
)
# https://docs.aws.amazon.com/eventbridge/latest/userguide/feature-availability.html (read 2026-11-22)
WITHOUT_ARCHIVE: Final = (
    "ap-east-2",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-7",
    "ca-west-1",
    "il-central-1",
)
# Regions without AWS::EventSchemas in CloudFormation, by its resource schemas (read 2026-11-22). In some of
# them EventBridge itself has a registry.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resource-type-schemas.html
WITHOUT_SCHEMAS: Final = (
    "ap-east-2",
    "ap-south-2",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-west-1",
    "il-central-1",
    "mx-central-1",
)


@cache
def known_regions() -> frozenset[str]:
    """Return all regions that botocore knows."""
    partitions = create_loader().load_data("partitions")["partitions"]
    return frozenset(region for one in partitions for region in one["regions"])


@cache
def ses_regions() -> frozenset[str]:
    """Return the regions in which botocore knows SES, which its data calls `email`."""
    partitions = create_loader().load_data("endpoints")["partitions"]
    found = {region for one in partitions for region in one["services"].get("email", {}).get("endpoints", {})}
    return known_regions() & found
