"""What the functions measure of their own, by the log, and what the alarms look at."""

from __future__ import annotations

from typing import Final, Literal

Metric = Literal["SendingPaused", "WaitingJobSeconds", "RefusedMessages", "UnconfirmedSubscriptions"]

NAMESPACE: Final = "Mailbus"
# The one dimension: the function's name, which no other deployment of the account has. Powertools adds a
# dimension of this name by itself, unless it is there: any other would stand beside it, and an alarm sees
# only what has exactly its dimensions.
# https://docs.aws.amazon.com/powertools/python/latest/core/metrics/
FUNCTION_DIMENSION: Final = "service"
# mails that SES did not take since sending is paused
SENDING_PAUSED: Final = "SendingPaused"
# how long the longest waiting of the transactional jobs of a batch has waited, where it goes on waiting
WAITING_JOB_SECONDS: Final = "WaitingJobSeconds"
# messages over HTTPS, delivered with the right password, that were not taken for what they say
REFUSED_MESSAGES: Final = "RefusedMessages"
# subscriptions of the webhook that somebody has to confirm by hand, or that somebody ended
UNCONFIRMED_SUBSCRIPTIONS: Final = "UnconfirmedSubscriptions"
