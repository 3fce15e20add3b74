"""What `mailbus cost` says is paid for by the month is what is deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailbus_cli.costing.counted import written
from tests.infra.paid_resources import FILE, deployed

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailbus_cdk.settings import Settings
    from tests.infra.templates import Templates


def test_the_file_is_up_to_date(synthesize: Callable[[Settings], Templates]) -> None:
    assert written(deployed(synthesize)) == FILE.read_bytes(), "make goldens"


def test_each_setting_adds_its_queue_and_alarms(
    synthesize: Callable[[Settings], Templates],
) -> None:
    found = deployed(synthesize)
    assert found.every.pollers == 3, "both lanes and tracking"
    for added in (found.timeline, found.inbound):
        assert added.pollers == 1
        assert added.alarm_metrics > 0, "at least on its dead letters"
    assert (found.webhook.pollers, found.webhook.secrets) == (0, 1)
