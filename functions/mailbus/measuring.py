"""How a function lets CloudWatch know a value: by its log, in the embedded metric format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aws_lambda_powertools.metrics import MetricUnit, single_metric

from mailbus.metrics import FUNCTION_DIMENSION, NAMESPACE, WAITING_JOB_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus.metrics import Metric

# all others are counts
UNITS: Final[Mapping[Metric, MetricUnit]] = {WAITING_JOB_SECONDS: MetricUnit.Seconds}


def measure(function_name: str, name: Metric, value: float) -> None:
    """Write one value of a metric of this function."""
    with single_metric(
        name=name,
        unit=UNITS.get(name, MetricUnit.Count),
        value=value,
        namespace=NAMESPACE,
        default_dimensions={FUNCTION_DIMENSION: function_name},
    ):
        pass
