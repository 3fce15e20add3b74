"""docs/quotas.md is made of the table of quotas."""

from __future__ import annotations

import re

from mailbus_cdk.quota_page import NAME
from mailbus_cdk.quota_page import page as written
from mailbus_cdk.quotas import QUOTAS
from tests.unit.docs.pages import named, page, rows

ROWS = rows(NAME, "| quota | | code | default | a mail uses | at most |")


def test_the_page_is_up_to_date() -> None:
    assert page(NAME) == written(), "make schemas"


def test_each_quota_has_its_row_with_its_code() -> None:
    assert [named(row[0]) for row in ROWS] == [[quota.name] for quota in QUOTAS]
    assert [named(row[2]) for row in ROWS] == [
        [quota.service, quota.code] if quota.code else [] for quota in QUOTAS
    ]


def test_the_smallest_regions_ceiling_is_on_the_page() -> None:
    [row] = [row for row in ROWS if named(row[0]) == ["sns-publish"]]
    assert row[3:] == ["300 to 30,000", "4", "75"]


def test_the_warning_that_the_page_acknowledges_is_one_of_a_quota() -> None:
    names = re.findall(r'acknowledge_warning\("mailbus:([a-z-]+)"\)', page(NAME))
    assert names
    assert set(names) <= {quota.name for quota in QUOTAS}
