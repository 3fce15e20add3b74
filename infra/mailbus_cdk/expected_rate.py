"""Warns of what `expected_rate` does not fit into: a region's quotas by default, and the stage's workers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from mailbus_cdk import limits
from mailbus_cdk.quotas import BY_NAME, WORKER_RATE, uses

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
    more = f"ask AWS for more: {use.command}" if use.command else "Service Quotas cannot raise it"
    return (
        f"expected_rate: {rate:g} mails a second need {use.needed:,.0f} of {use.quota.title}; by default "
        f"{use.region} has {use.limit:,.0f}, enough for {use.most:,.0f} mails a second. Otherwise "
        f"{use.quota.beyond}. If the account has no more than that, {more}"
    )


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
    have = settings.transactional.max_concurrency + settings.bulk.max_concurrency
    needed = math.ceil(settings.expected_rate / WORKER_RATE)
    if have < needed:
        yield (
            "workers",
            (
                f"expected_rate: {settings.expected_rate:g} mails a second take about {needed} workers, and "
                f"both lanes have {have}: raise bulk.max_concurrency to "
                f"{needed - settings.transactional.max_concurrency}"
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
                f"{limit:,.0f} of {quota.title}. Otherwise {quota.beyond}. Lower max_concurrency, or if the "
                f"account has no more than that, ask AWS for more: "
                f"{quota.increase(workers, settings.region)}"
            ),
        )
