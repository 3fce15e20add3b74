"""Warns of what `expected_rate` does not fit into: a region's quotas by default, and the stage's workers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from mailbus_cdk import lanes, limits
from mailbus_cdk.quotas import BY_NAME, uses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailbus_cdk.quota import Use
    from mailbus_cdk.settings import Settings

REQUESTS_A_MAIL: Final = BY_NAME["api-requests"].per_mail


def warnings(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each warning; an account may have more than the defaults."""
    rate = settings.expected_rate
    found = uses(
        rate, region=settings.region, ses_region=settings.ses_region, timeline=settings.timeline.days > 0
    )
    for use in found:
        if use.fits is False:
            yield use.quota.name, _too_little(rate, use)
    yield from _workers(settings)
    if settings.webhook.topic_arns:
        yield from _webhook(settings)


def _too_little(rate: float, use: Use) -> str:
    return (
        f"expected_rate: {rate:g} mails a second need {use.needed:,.0f} of {use.quota.title}; by default "
        f"{use.region} has {use.limit:,.0f}, enough for {use.most:,.0f} mails a second. Otherwise "
        f"{use.quota.beyond}. {_more(use)}"
    )


def _more(use: Use) -> str:
    """Return how to get more of a quota."""
    if use.quota.table is not None:
        return f"If the table has never had that much to do, raise it, for a price: {use.command}"
    more = f"ask AWS for more: {use.command}" if use.command else "Service Quotas cannot raise it"
    return f"If the account has no more than that, {more}"


def _webhook(settings: Settings) -> Iterator[tuple[str, str]]:
    """Check that SNS may deliver as many messages over HTTPS as there are events, each by two requests."""
    have, needed = settings.webhook.requests_a_second, math.ceil(settings.expected_rate * REQUESTS_A_MAIL)
    if have < needed:
        yield (
            "webhook",
            (
                f"expected_rate: the events of {settings.expected_rate:g} mails a second are about {needed} "
                f"requests, and webhook.requests_a_second is {have}: SNS repeats what is refused, so that "
                f"events come late. Raise it, if all of the mail is of other accounts or regions"
            ),
        )


def _workers(settings: Settings) -> Iterator[tuple[str, str]]:
    """Check that the lanes have enough workers, and that Lambda runs all workers of the stage at a time."""
    have = settings.transactional_workers + settings.bulk_workers
    needed = lanes.workers(settings.expected_rate)
    if have < needed:
        yield (
            "workers",
            (
                f"expected_rate: {settings.expected_rate:g} mails a second take about {needed} workers, and "
                f"both lanes have {have}: remove bulk.max_concurrency, which then follows the rate, or "
                f"raise it to {needed - settings.transactional_workers}"
            ),
        )
    quota = BY_NAME["lambda-concurrency"]
    limit = quota.default_in(settings.region)
    workers = limits.workers(settings)
    if workers > limit:
        yield (
            quota.name,
            (
                f"the stage's {workers:,} workers do not run at a time: by default an account has "
                f"{limit:,.0f} of {quota.title}. Otherwise {quota.beyond}. Set a lower max_concurrency, "
                f"or if the account has no more than that, ask AWS for more: "
                f"{quota.increase(workers, settings.region)}"
            ),
        )
