"""AWS's partitions, such as China and the European Sovereign Cloud, as botocore knows them."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

import msgspec
from botocore.loaders import create_loader

if TYPE_CHECKING:
    from typing import Final

COMMERCIAL: Final = "aws"
# what the names of all regions look like, in a pattern of hosts
REGION: Final = "[a-z]+(?:-[a-z]+)+-[0-9]{1,2}"
_REGION: Final = re.compile(REGION, re.ASCII)
# every year has new ones, which an older botocore does not know
_COMMERCIAL_REGION: Final = re.compile(r"[a-z]{2}(?:-[a-z]+)+-[0-9]", re.ASCII)


class Partition(msgspec.Struct, frozen=True, kw_only=True):
    """A partition: the regions that belong to it, and the domain of its services' hosts."""

    name: str
    regions: re.Pattern[str]
    dns_suffix: str


@cache
def partitions() -> tuple[Partition, ...]:
    """Return all partitions."""
    data = create_loader().load_data("partitions")
    return tuple(
        Partition(
            name=one["id"],
            regions=re.compile(one["regionRegex"], re.ASCII),
            dns_suffix=one["outputs"]["dnsSuffix"],
        )
        for one in data["partitions"]
    )


def partition_of(region: str) -> Partition | None:
    """Return the partition of a region; None if no partition has such a region."""
    if not _REGION.fullmatch(region):
        return None
    own = next((one for one in partitions() if one.regions.fullmatch(region)), None)
    if own is None and _COMMERCIAL_REGION.fullmatch(region):
        return next(one for one in partitions() if one.name == COMMERCIAL)
    return own


def dns_suffix(region: str) -> str | None:
    """Return the domain of the hosts of a region's services; None if no partition has such a region."""
    partition = partition_of(region)
    return None if partition is None else partition.dns_suffix
