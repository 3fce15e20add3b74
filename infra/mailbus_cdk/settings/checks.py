"""The rules between settings, which the type of one setting cannot express.

Each check yields its findings: the path of the setting that is wrong, and the reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from mailbus.aws.partitions import partition_of
from mailbus.environment import NAME_PREFIX
from mailbus.events import ENTRY_TAG, JOB_ID_TAG
from mailbus.spelling import nearest
from mailbus.validation import Path
from mailbus_cdk.regions import RECEIVING_REGIONS, known_regions, ses_regions
from mailbus_cdk.settings import doubt, receipt_rules
from mailbus_cdk.settings.values import UNRESOLVED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailbus_cdk.settings.schema import StageSettings

Finding = tuple[Path, str]

ARN_REGION: Final = 3
# A policy may have 6,144 characters
# (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html),
# and one statement of the sender's names them all, each by an ARN with a prefix of up to 70.
OTHERS_CHARACTERS: Final = 5000
ARN_CHARACTERS: Final = 70
# Half of what Lambda runs at a time for an account by default
# (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
BULK_WORKERS: Final = 500
# A function's environment may have 4 KB
# (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html),
# of which names, queues and roles take up to 1,900 bytes.
SEND_DEFAULTS_BYTES: Final = 1800
FREE_ENVIRONMENT_BYTES: Final = 2100
# https://docs.aws.amazon.com/ses/latest/dg/reputationdashboardmessages.html
SES_PAUSES_BOUNCES: Final = 0.1
SES_PAUSES_COMPLAINTS: Final = 0.005


def findings(settings: StageSettings) -> Iterator[Finding]:
    """Yield what is wrong with valid settings in combination."""
    yield from _regions(settings)
    yield from _environment(settings)
    yield from doubt.findings(settings)
    yield from _concurrency(settings)
    yield from _tag_and_topic(settings)
    yield from _ses_elsewhere(settings)
    yield from _identity(settings)
    yield from _others(settings)
    yield from _others_fit_into_policy(settings)
    yield from _notified(settings)
    yield from _webhook(settings)
    yield from _topics(settings)
    yield from _guard(settings)
    yield from _receiving(settings)
    yield from receipt_rules.findings(settings)


def _regions(settings: StageSettings) -> Iterator[Finding]:
    """Check that the regions exist and have SES, as botocore knows them."""
    elsewhere = ("session_params", "region")
    for path, region in ((("region",), settings.region), (elsewhere, settings.session_params.region)):
        if region and region not in known_regions():
            near = _nearest_region(region)
            hint = f"did you mean {near}?" if near else f"write one of {', '.join(sorted(ses_regions()))}"
            yield path, f"AWS has no region {region}, or the installed botocore is older; {hint}"
    if settings.ses_region not in ses_regions():
        yield (
            elsewhere if settings.session_params.region else ("region",),
            (
                f"SES is not in {settings.ses_region}, or the installed botocore is older; write one of "
                f"{', '.join(sorted(ses_regions()))}"
            ),
        )


def _nearest_region(region: str) -> str | None:
    """Return the region with the same letters in another order, or else the most similar one."""
    known = sorted(known_regions())
    swapped = (name for name in known if sorted(name) == sorted(region))
    return next(swapped, None) or nearest(region, known)


def _environment(settings: StageSettings) -> Iterator[Finding]:
    """Check that what the sender's environment carries fits into it."""
    defaults = len(msgspec.json.encode(settings.send_defaults))
    if defaults > SEND_DEFAULTS_BYTES:
        yield (
            ("send_defaults",),
            (
                f"take {defaults} bytes as JSON; the function's environment has room for "
                f"{SEND_DEFAULTS_BYTES}: move long texts into the jobs"
            ),
        )
    names = (settings.source_buckets, settings.message_tag_name, settings.session_params)
    together = defaults + len(msgspec.json.encode(names))
    if together > FREE_ENVIRONMENT_BYTES:
        yield (
            ("source_buckets",),
            (
                f"take {together} bytes as JSON with send_defaults, message_tag_name and session_params; the "
                f"function's environment has room for {FREE_ENVIRONMENT_BYTES}: name fewer buckets"
            ),
        )


def _concurrency(settings: StageSettings) -> Iterator[Finding]:
    """Check that bulk mail leaves urgent mail its workers."""
    workers = settings.bulk_workers
    if workers <= BULK_WORKERS or settings.reserve_concurrency:
        return
    too_many = (
        f"{workers} workers of bulk mail could take all that Lambda runs at a time for an account from "
        f"urgent mail"
    )
    if settings.bulk.max_concurrency:
        yield (
            ("bulk", "max_concurrency"),
            f"{too_many}: at most {BULK_WORKERS}, unless reserve_concurrency = true",
        )
    else:
        yield (
            ("expected_rate",),
            (
                f"{too_many} (so many follow from {settings.expected_rate:g} mails a second): set "
                f"reserve_concurrency = true, or bulk.max_concurrency to at most {BULK_WORKERS}"
            ),
        )


def _tag_and_topic(settings: StageSettings) -> Iterator[Finding]:
    if settings.message_tag_name in {JOB_ID_TAG, ENTRY_TAG}:
        yield (
            ("message_tag_name",),
            f"{settings.message_tag_name} is used by Mailbus itself; choose another name",
        )
    topic = _alarm_topic(settings)
    if topic and (region := topic.split(":")[ARN_REGION]) != settings.region:
        yield (
            ("alarms", "topic_arn"),
            f"alarms in {settings.region} can only notify topics of that region (the topic is in {region})",
        )


def _alarm_topic(settings: StageSettings) -> str | None:
    """Return the ARN of the alarms' topic, unless it is a token of the CDK."""
    topic = settings.alarms.topic_arn
    return None if topic is None or UNRESOLVED in topic else topic


def _ses_elsewhere(settings: StageSettings) -> Iterator[Finding]:
    if settings.ses_is_elsewhere and not (settings.identity_exists and settings.configuration_set_exists):
        yield (
            ("session_params",),
            (
                "SES of another account or region has its own identities and configuration sets, which this "
                "deployment cannot create: set identity_exists and configuration_set_exists"
            ),
        )


def _identity(settings: StageSettings) -> Iterator[Finding]:
    """Check that what is configured belongs to a resource that this deployment creates."""
    if settings.configuration_set_exists and not settings.configuration_set_name:
        yield ("configuration_set_exists",), "needs configuration_set_name, the name of the existing set"
    if settings.configuration_set_exists and settings.tracking.custom_redirect_domain:
        yield (
            ("tracking", "custom_redirect_domain"),
            "can only be set on a configuration set that this deployment creates; set it in SES",
        )
    if settings.mail_from_domain:
        yield from _mail_from(settings, settings.mail_from_domain)
    if settings.dmarc_policy and not settings.sends_from_domain:
        yield ("dmarc_policy",), "needs a domain as identity, not an address"
    if settings.dmarc_rua and not settings.dmarc_policy:
        yield ("dmarc_rua",), "needs dmarc_policy: without it there is no record to name the addresses"
    no_dkim = settings.identity_exists or not settings.sends_from_domain
    if settings.hosted_zone_id and no_dkim and not (settings.mail_from_domain or settings.dmarc_policy):
        yield (
            ("hosted_zone_id",),
            (
                "there are no records to create: they are those of a domain that this deployment creates, of "
                "mail_from_domain, and of dmarc_policy"
            ),
        )


def _mail_from(settings: StageSettings, domain: str) -> Iterator[Finding]:
    path = ("mail_from_domain",)
    sender = settings.identity.rpartition("@")[2]
    if settings.identity_exists:
        yield path, "can only be set on an identity that this deployment creates; set it in SES"
    if not domain.endswith(f".{sender}"):
        yield path, f"must be a domain below that of identity, such as bounces.{sender} (it is {domain})"
    if domain in settings.inbound.domains:
        # https://docs.aws.amazon.com/ses/latest/dg/mail-from.html#mail-from-requirements
        yield path, f"receives SES's feedback, so it cannot be one of inbound.domains too ({domain} is both)"


def _others(settings: StageSettings) -> Iterator[Finding]:
    """Check that other identities and configuration sets are not the deployment's own, and usable."""
    others = {
        "other_identities": (settings.other_identities, settings.identity),
        "other_configuration_sets": (settings.other_configuration_sets, settings.configuration_set),
        "sandbox_recipients": (settings.sandbox_recipients, settings.identity),
    }
    for key, (names, own) in others.items():
        if names and settings.session_params.role_arn:
            yield (
                (key,),
                "session_params.role_arn names a role with rights of its own: name them in its policy",
            )
        if own in names:
            yield (key,), f"{own} is the deployment's own, which jobs can use anyway: remove it here"
        yield from _named_twice((key,), names)
    for name in settings.other_identities:
        region = name.split(":")[ARN_REGION] if name.startswith("arn:") else settings.ses_region
        if region != settings.ses_region:
            yield (
                ("other_identities",),
                f"SES can only use identities of its own region, {settings.ses_region} (it is {name})",
            )


def _others_fit_into_policy(settings: StageSettings) -> Iterator[Finding]:
    keys = ("other_identities", "other_configuration_sets", "sandbox_recipients")
    names = tuple(name for key in keys for name in getattr(settings, key))
    together = sum(ARN_CHARACTERS + len(name) for name in names)
    if together > OTHERS_CHARACTERS:
        key = next(key for key in keys if getattr(settings, key))
        yield (
            (key,),
            (
                f"other_identities, other_configuration_sets and sandbox_recipients together take {together} "
                f"characters of the sender's policy, which has room for {OTHERS_CHARACTERS}: name fewer; a "
                "domain includes all domains below it"
            ),
        )


def _notified(settings: StageSettings) -> Iterator[Finding]:
    """Check that the topics of these identities can be set: they are of this account and region."""
    path = ("tracking", "notified_identities")
    names = settings.tracking.notified_identities
    if names and settings.ses_is_elsewhere:
        yield path, "the topics of SES in another account or region cannot be set from here; set them there"
    for name in names:
        if name != settings.identity and name not in settings.other_identities:
            yield path, f"{name} is neither identity nor one of other_identities"
    yield from _named_twice(path, names)


def _webhook(settings: StageSettings) -> Iterator[Finding]:
    path = ("webhook", "topic_arns")
    together = len(msgspec.json.encode(settings.webhook.topic_arns))
    if together > FREE_ENVIRONMENT_BYTES:
        yield (
            path,
            (
                f"take {together} bytes as JSON; the function's environment has room for "
                f"{FREE_ENVIRONMENT_BYTES}: name fewer"
            ),
        )
    yield from _named_twice(path, settings.webhook.topic_arns)


def _topics(settings: StageSettings) -> Iterator[Finding]:
    """Check that each topic's ARN is of the partition of its region, as SNS writes it."""
    topics = [(("webhook", "topic_arns"), arn) for arn in settings.webhook.topic_arns]
    if alarm_topic := _alarm_topic(settings):
        topics.append((("alarms", "topic_arn"), alarm_topic))
    for path, arn in topics:
        _, name, _, region, _ = arn.split(":", 4)
        partition = partition_of(region)
        if partition is None:
            yield path, f"AWS has no region {region} (it is {arn})"
        elif partition.name != name:
            yield path, f"topics in {region} begin with arn:{partition.name}: (it is {arn})"


def _guard(settings: StageSettings) -> Iterator[Finding]:
    """Check that the guard rings before it pauses, and pauses before SES does."""
    guard = settings.guard
    for name, review, pause, most in (
        ("bounce", guard.review_bounce_rate, guard.pause_bounce_rate, SES_PAUSES_BOUNCES),
        ("complaint", guard.review_complaint_rate, guard.pause_complaint_rate, SES_PAUSES_COMPLAINTS),
    ):
        if pause >= most:
            yield (
                ("guard", f"pause_{name}_rate"),
                f"must be below {most:g}, where SES may pause the account (it is {pause:g})",
            )
        if review >= pause:
            yield (
                ("guard", f"review_{name}_rate"),
                f"must be below pause_{name}_rate, which is {pause:g} (it is {review:g})",
            )


def _receiving(settings: StageSettings) -> Iterator[Finding]:
    inbound = settings.inbound
    if inbound.rules and not inbound.domains:
        yield ("inbound", "rules"), "need inbound.domains, which turns receiving on"
    if inbound.domains and settings.region not in RECEIVING_REGIONS:
        yield (
            ("region",),
            (
                f"SES does not receive mail in {settings.region}; remove inbound.domains or use one of "
                f"{', '.join(RECEIVING_REGIONS)}"
            ),
        )
    yield from _named_twice(("inbound", "domains"), inbound.domains)
    created_to_send = settings.identity in inbound.existing_identities and not settings.identity_exists
    if created_to_send and not settings.ses_is_elsewhere:
        yield (
            ("inbound", "existing_identities"),
            (
                f"{settings.identity} is identity, which this deployment creates; set identity_exists = true "
                "if it exists, or remove it here"
            ),
        )
    yield from _rule_set(settings)


def _rule_set(settings: StageSettings) -> Iterator[Finding]:
    """Check that a rule set that others use is neither displaced nor deleted with a stage."""
    name = settings.inbound.rule_set_name
    path = ("inbound", "rule_set_name")
    if name is None:
        return
    if name.startswith(NAME_PREFIX):
        # SES deletes a set with all of its rules:
        # https://docs.aws.amazon.com/ses/latest/APIReference/API_DeleteReceiptRuleSet.html
        yield (
            path,
            (
                f"{name} is named as the set of a stage, which is deleted with that stage and with all rules "
                "in it; create a set that belongs to no stage (aws ses create-receipt-rule-set), and name it "
                "in every stage"
            ),
        )
    if settings.inbound.displace_active_rule_set:
        yield (
            path,
            (
                "is a set that others use too, which displaces no other; remove "
                "inbound.displace_active_rule_set, or this"
            ),
        )


def _named_twice(path: Path, names: tuple[str, ...]) -> Iterator[Finding]:
    if twice := next((name for name in names if names.count(name) > 1), None):
        yield path, f"{twice} is named twice"
