"""All checks, in the order in which they are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mailbus_cli.doctor.checks import (
    alarms,
    buckets,
    code,
    concurrency,
    configuration_set,
    dead_letters,
    dkim,
    dmarc,
    enforcement,
    event_bus,
    event_destinations,
    event_sources,
    functions,
    identity,
    in_flight,
    lanes,
    mail_from,
    mx,
    oldest,
    pricing_plan,
    queue_policies,
    quota,
    quotas,
    rate,
    receipt_rules,
    rule_set,
    sandbox,
    schedules,
    sending,
    spf,
    subscriptions,
    suppression_list,
    tables,
    tails,
    timeline,
    topic_key,
    topics,
    tracking_domain,
)

if TYPE_CHECKING:
    from mailbus_cli.doctor.check import Check

CHECKS: Final[tuple[Check, ...]] = (
    # the sender
    identity.CHECK,
    dkim.CHECK,
    mail_from.CHECK,
    spf.CHECK,
    dmarc.CHECK,
    tracking_domain.CHECK,
    # the account
    sandbox.CHECK,
    sending.CHECK,
    enforcement.CHECK,
    quota.CHECK,
    rate.CHECK,
    pricing_plan.CHECK,
    suppression_list.CHECK,
    # from SES to the queues
    configuration_set.CHECK,
    event_destinations.CHECK,
    topics.CHECK,
    topic_key.CHECK,
    subscriptions.CHECK,
    queue_policies.CHECK,
    event_bus.CHECK,
    tables.CHECK,
    timeline.CHECK,
    # received mail
    mx.CHECK,
    rule_set.CHECK,
    receipt_rules.CHECK,
    buckets.CHECK,
    # functions
    code.CHECK,
    functions.CHECK,
    event_sources.CHECK,
    concurrency.CHECK,
    quotas.CHECK,
    schedules.CHECK,
    # what goes on
    lanes.CHECK,
    alarms.CHECK,
    dead_letters.CHECK,
    oldest.CHECK,
    in_flight.CHECK,
    tails.CHECK,
)
