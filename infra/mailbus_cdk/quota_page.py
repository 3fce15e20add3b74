"""Writes the page of the quotas, made of their table: `python -m mailbus_cdk.quota_page docs`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mailbus_cdk.lanes import WORKER_RATE
from mailbus_cdk.quotas import QUOTAS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailbus_cdk.quota import Quota

NAME: Final = "quotas.md"
_INTRODUCTION: Final = f"""\
# Quotas

<!-- Written by `make schemas` from infra/mailbus_cdk/quotas.py. -->

AWS limits what an account may do in a region. The setting [`expected_rate`](settings.md) has the mails a
second that the account is to send. Three things compare it with the quotas below:

- **Synthesizing** (`make synth`, `cdk deploy`) warns of each quota whose default in the stage's region is too
  small for it, and of lanes whose `max_concurrency` is too small: by default a lane has a worker for each
  {WORKER_RATE:.0f} mails a second. It knows no account, so it warns of what AWS has raised, too. In an app of
  your own, `Annotations.of(stack).acknowledge_warning("mailbus:sns-publish")` ends a warning; the name is the
  quota's.
- [`mailbus quotas`](commands/quotas.md) lists all of them, for a region or with an account's own values, with
  the mails a second that each is enough for.
- [`mailbus doctor`](doctor.md) checks the account's own values.

## What a mail uses

A mail here has one recipient, arrives, and is opened and clicked once, so SES reports four events. A test
counts what it uses from the code's own calls, at full load: batches are full, with ten jobs or a hundred
events. With less, a mail takes more calls, up to five of PutEvents; that uses up no quota, since what waits
fills the batches. A merge uses as much for each recipient.
"""
_AFTER: Final = """\
"At most" is how many mails a second the default is enough for, in the regions that have no other value.

SES gives each account its own rate and 24-hour quota; a new account begins in the sandbox. SQS has no limit
on the messages a second of a standard queue. AWS's pages disagree on whether `SendBulkEmail` has a limit of
one call a second: [the sender is right under both](limits.md#calls-of-sendbulkemail).

Sent mail makes no request of KMS of its own. Queues, tables, buckets and the bus are encrypted by keys of
AWS's services, which do not count. The topics have a key of the stage, from which SNS takes data keys for
many messages each; how many requests a second that is, AWS does not say for what SES publishes.

## What happens beyond

| quota | counted | if it is used up |
| --- | --- | --- |
"""
_REGIONS: Final = """\

## In which regions

The default of a region that is not named is the last one.

| quota | |
| --- | --- |
"""


def page() -> str:
    """Return the text of the page."""
    return "".join(_lines())


def _lines() -> Iterator[str]:
    yield f"{_INTRODUCTION}\n| quota | | code | default | a mail uses | at most |\n"
    yield "| --- | --- | --- | --- | --- | --- |\n"
    for quota in QUOTAS:
        yield (
            f"| `{quota.name}` | [{quota.title}]({quota.source}) | {_code(quota)} | {_defaults(quota)} |"
            f" {_used(quota)} | {_most(quota)} |\n"
        )
    yield f"\n{_AFTER}"
    for quota in QUOTAS:
        uses = f"{quota.uses}; only {quota.only}" if quota.only else quota.uses
        yield f"| `{quota.name}` | {uses} | {quota.beyond} |\n"
    yield _REGIONS
    for quota in QUOTAS:
        if quota.by_region:
            yield f"| `{quota.name}` | {_by_value(quota)} |\n"


def _code(quota: Quota) -> str:
    return f"`{quota.service}` `{quota.code}`" if quota.code else "none"


def _defaults(quota: Quota) -> str:
    if quota.granted:
        return f"{quota.default:,.0f} in the sandbox"
    values = sorted({quota.default, *quota.by_region.values()})
    return f"{values[0]:,.0f} to {values[-1]:,.0f}" if len(values) > 1 else f"{values[0]:,.0f}"


def _used(quota: Quota) -> str:
    if not quota.per_mail:
        return f"{quota.per_mail_in_timeline:g} with a timeline" if quota.per_mail_in_timeline else ""
    more = f"; {quota.used_by_a_mail(timeline=True):g} with a timeline" if quota.per_mail_in_timeline else ""
    return f"{quota.per_mail:g}{more}"


def _most(quota: Quota) -> str:
    used = quota.used_by_a_mail(timeline=True)
    return f"{quota.default / used:,.0f}" if used else ""


def _by_value(quota: Quota) -> str:
    values: dict[float, list[str]] = {}
    for region, value in quota.by_region.items():
        values.setdefault(value, []).append(region)
    named = (f"{value:,.0f}: {', '.join(regions)}" for value, regions in values.items())
    return "; ".join((*named, f"others: {quota.default:,.0f}"))


if __name__ == "__main__":
    (Path(sys.argv[1]) / NAME).write_text(page(), encoding="utf-8")
