"""How long a mail in doubt must wait for SES's report: it would be sent twice if its doubt ended before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailbus.validation import Path
    from mailbus_cdk.settings.schema import StageSettings

# The timeout of the tracking function. With less, a ledger that does not answer would take the time that
# publishing needs (tracking/wiring.py); with more, a doubt would have to be longer.
TRACKING_SECONDS: Final = 20
# A batch of more than 10 messages needs a window of at least 1 s:
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html
TRACKING_WINDOW_SECONDS: Final = 1
# Reports of a tracking function that was stopped, or that Lambda throttled, are delivered again once it can
# no longer be working on them, and this much later. AWS recommends six timeouts; but a report that is
# delivered twice does no harm, since its events have the same ids.
REPORT_SLACK_SECONDS: Final = 1
REDELIVERY_SECONDS: Final = TRACKING_SECONDS + REPORT_SLACK_SECONDS + TRACKING_WINDOW_SECONDS
# A doubt is counted from the claim, after which a call begins at most so much later (sender/dispatch.py).
CALL_BEGIN_SECONDS: Final = 20
# What SES and SNS take to deliver a report: usually a second or two.
REPORT_SECONDS: Final = 10
# So often in a row the function may die, or be throttled, while it has the report that settles a doubt.
REPORT_LOSSES: Final = 2


def least_seconds(settings: StageSettings) -> float:
    """Return how long a report of an accepted mail may take from the claim before the call, in seconds."""
    report = REPORT_SECONDS + REPORT_LOSSES * REDELIVERY_SECONDS + TRACKING_SECONDS
    return CALL_BEGIN_SECONDS + settings.client_params.call_seconds + report


def findings(settings: StageSettings) -> Iterator[tuple[Path, str]]:
    """Yield what is wrong with the doubt's length."""
    least = least_seconds(settings)
    if settings.sender.doubt_seconds < least:
        yield (
            ("sender", "doubt_seconds"),
            (
                f"must be at least {least:g}, or a mail whose report is late is sent twice (it is "
                f"{settings.sender.doubt_seconds:g}): {CALL_BEGIN_SECONDS} until a call to SES begins, "
                f"{settings.client_params.call_seconds:g} for the call (client_params), "
                f"{REPORT_SECONDS} until SES's report is on the tracking queue, "
                f"{REPORT_LOSSES} × {REDELIVERY_SECONDS} until it is delivered again after its worker died "
                f"or was throttled, {TRACKING_SECONDS} to process it"
            ),
        )
