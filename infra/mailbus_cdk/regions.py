"""The regions that have SES's receiving, EventBridge's archives and its schema registry."""

from __future__ import annotations

from typing import Final

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
