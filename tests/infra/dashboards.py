"""Reads the body of a dashboard as CloudWatch does.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.infra.templates import Templates


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A metric of a widget: what identifies it in CloudWatch."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]


def body(templates: Templates) -> dict[str, Any]:
    """Return the body of the dashboard of a stage, with construct paths in place of references."""
    dashboard = templates.one("AWS::CloudWatch::Dashboard")
    found: dict[str, Any] = json.loads(templates.text("mail", dashboard.properties["DashboardBody"]))
    return found


def widgets(templates: Templates) -> list[dict[str, Any]]:
    """Return the widgets of the dashboard of a stage."""
    found: list[dict[str, Any]] = body(templates)["widgets"]
    return found


def rows(widget: dict[str, Any]) -> list[list[Any]]:
    """Return the rows of a widget's metrics, of which the last item may be an object with options.

    A dot in a row stands for the same item of the row before it.
    """
    whole: list[list[Any]] = []
    for row in widget["properties"].get("metrics", []):
        names = row[:-1] if isinstance(row[-1], dict) else row
        options = row[-1] if isinstance(row[-1], dict) else {}
        before = whole[-1] if whole else []
        assert "..." not in names
        expanded = [before[place] if item == "." else item for place, item in enumerate(names)]
        whole.append([*expanded, options])
    return whole


def metrics_of(widget: dict[str, Any]) -> Iterator[Shown]:
    """Yield the metrics of a widget; expressions have none of their own."""
    for *names, _ in rows(widget):
        if names:
            namespace, name, *dimensions = names
            yield Shown(
                namespace=namespace,
                name=name,
                dimensions=tuple(zip(dimensions[::2], dimensions[1::2], strict=True)),
            )
