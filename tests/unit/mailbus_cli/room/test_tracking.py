from __future__ import annotations

from typing import Any

import pytest

from mailbus_cli.room.tracking import What, tracked

ALL: list[dict[str, Any]] = [{"Enabled": True, "MatchingEventTypes": ["SEND", "OPEN", "CLICK"]}]


@pytest.mark.parametrize("what", ["open", "click"])
def test_it_is_on_where_an_event_destination_reports_it(what: What) -> None:
    assert tracked(what, overrides={}, configuration_set="mailbus", destinations=ALL).is_on


@pytest.mark.parametrize(
    ("what", "overrides", "configuration_set", "destinations", "reason"),
    [
        ("open", {"Tracking": {"OpenTrackingEnabled": "DISABLED"}}, "set", ALL, "`track_opens` false"),
        ("click", {"Tracking": {"ClickTrackingEnabled": "DISABLED"}}, "set", ALL, "`track_clicks` false"),
        ("open", {}, None, [], "without a configuration set"),
        ("open", {}, "set", [], "set has no event destination for opens"),
        ("click", {}, "set", [{"Enabled": False, "MatchingEventTypes": ["CLICK"]}], "no event destination"),
        ("click", {"Tracking": {"ClickTrackingEnabled": "ENABLED"}}, "set", [], "no event destination"),
    ],
)
def test_the_reason_why_it_is_off_is_named(
    what: What,
    overrides: dict[str, Any],
    configuration_set: str | None,
    destinations: list[dict[str, Any]],
    reason: str,
) -> None:
    found = tracked(what, overrides=overrides, configuration_set=configuration_set, destinations=destinations)
    assert not found.is_on
    assert reason in (found.reason or "")


def test_the_override_of_opens_leaves_clicks_alone() -> None:
    overrides = {"Tracking": {"OpenTrackingEnabled": "DISABLED"}}
    assert tracked("click", overrides=overrides, configuration_set="set", destinations=ALL).is_on
