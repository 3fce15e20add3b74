"""Stages in regions that lack a feature."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
import pytest
from cfnlint.helpers import REGIONS  # type: ignore[import-untyped]
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]

from mailbus_cdk.regions import RECEIVING_REGIONS, WITHOUT_ARCHIVE, WITHOUT_SCHEMAS
from mailbus_cdk.settings.receiving import Inbound
from mailbus_cdk.settings.tables import Webhook
from tests.architecture.source_tree import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailbus_cdk.settings import Settings
    from tests.infra.templates import Templates

ARCHIVE = "AWS::Events::Archive"
SCHEMA_KINDS = {"AWS::EventSchemas::Registry", "AWS::EventSchemas::Schema"}
TOPIC = "arn:aws:sns:eu-west-1:444455556666:mail-events"


def _in_region(settings: Settings, region: str) -> Settings:
    alarms = msgspec.structs.replace(settings.alarms, topic_arn=None)
    inbound = settings.inbound if region in RECEIVING_REGIONS else Inbound()
    return msgspec.structs.replace(
        settings, region=region, alarms=alarms, inbound=inbound, webhook=Webhook(topic_arns=(TOPIC,))
    )


# Without archive and schemas; without schemas; without both but with receiving; with all.
@pytest.mark.parametrize("region", ["ca-west-1", "ap-south-2", "il-central-1", "eu-central-1"])
def test_a_stage_has_nothing_that_its_region_lacks(
    synthesize: Callable[[Settings], Templates], settings: Settings, region: str
) -> None:
    stage = synthesize(_in_region(settings, region))
    kinds = {resource.type for resource in stage.resources}
    known = set(PROVIDER_SCHEMA_MANAGER.get_resource_types(region))
    assert {kind for kind in kinds if not kind.startswith("Custom::")} <= known
    assert (ARCHIVE in kinds) == (region not in WITHOUT_ARCHIVE)
    assert kinds >= SCHEMA_KINDS or region in WITHOUT_SCHEMAS
    assert ("EventArchiveName" in stage.outputs("state")) == (ARCHIVE in kinds), "replay asks for it"


def test_a_stage_whose_settings_keep_no_events_has_no_archive(
    synthesize: Callable[[Settings], Templates], settings: Settings
) -> None:
    retention = msgspec.structs.replace(settings.retention, event_archive_days=0)
    stage = synthesize(msgspec.structs.replace(settings, retention=retention))
    assert ARCHIVE not in {resource.type for resource in stage.resources}
    assert "EventArchiveName" not in stage.outputs("state"), "replay says what to do"


def test_schemas_are_left_out_exactly_where_cloudformation_has_none() -> None:
    without = {
        region
        for region in REGIONS
        if not SCHEMA_KINDS & set(PROVIDER_SCHEMA_MANAGER.get_resource_types(region))
    }
    assert set(WITHOUT_SCHEMAS) == without


def test_the_page_names_the_regions_that_lack_a_feature() -> None:
    section = (ROOT / "docs/stacks.md").read_text().partition("\n## Regions\n")[2].partition("\n## ")[0]
    archive, schemas = (
        set(re.findall(r"\b[a-z]{2}-[a-z]+-\d\b", line))
        for line in section.splitlines()
        if line.startswith(("| [EventBridge's archive]", "| EventBridge's schemas"))
    )
    assert archive == set(WITHOUT_ARCHIVE)
    assert schemas | archive == set(WITHOUT_SCHEMAS), "those, and more"


@pytest.mark.parametrize("regions", [RECEIVING_REGIONS, WITHOUT_ARCHIVE, WITHOUT_SCHEMAS])
def test_the_regions_of_a_list_are_regions_in_order_each_once(regions: tuple[str, ...]) -> None:
    assert list(regions) == sorted(set(regions) & set(REGIONS))
