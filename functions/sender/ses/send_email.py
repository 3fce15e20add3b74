"""Builds the parameters of SES v2's SendEmail from a job.

https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import msgspec
from botocore import compat
from botocore.loaders import create_loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from mailbus.errors import InvalidJob, UnsupportedFeature
from mailbus.events import ENTRY_TAG, JOB_ID_TAG
from mailbus.jobs.job import envelopes
from mailbus.spelling import nearest
from sender.ses.mime import build_message

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Final

    from botocore.model import StructureShape

    from mailbus.environment import SenderSettings
    from mailbus.jobs.job import Envelope, Job

EXTRA_PATH: Final = "$.esp_extra"
SHOWN_CHARACTERS: Final = 80
REASON_CHARACTERS: Final = 500


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of one call of SendEmail, with the MIME message."""

    params: dict[str, Any]


def build_request(job: Job, settings: SenderSettings) -> Request:
    """Return the request for a job; raise `InvalidJob` if the job cannot be sent as a mail.

    `FromEmailAddress` is a bare address: SES parses one mailbox there, and takes display names and further
    From addresses from the message.
    """
    [envelope] = envelopes(job)
    params = {
        "FromEmailAddress": job.from_email[0].address,
        "Destination": destination(envelope),
        "EmailTags": message_tags(job, settings),
        **call_parameters(job, settings),
    }
    params = with_extra(params, job.esp_extra, "SendEmail", {"Content": {}})
    data = build_message(job, metadata_in_headers=settings.metadata_in_headers)
    return Request(params={**params, "Content": {"Raw": {"Data": data}}})


def destination(envelope: Envelope) -> dict[str, list[str]]:
    """Return the envelope as SES's `Destination`, without empty lists."""
    lists = {
        "ToAddresses": list(envelope.to),
        "CcAddresses": list(envelope.cc),
        "BccAddresses": list(envelope.bcc),
    }
    return {name: addresses for name, addresses in lists.items() if addresses}


def message_tags(job: Job, settings: SenderSettings) -> list[dict[str, str]]:
    """Return the message tags, which SES repeats in its events: the job's id, and its tag if configured."""
    tags = [_tag(JOB_ID_TAG, job.job_id)]
    if settings.message_tag_name is not None and job.tags:
        tags.append(_tag(settings.message_tag_name, job.tags[0]))
    return tags


def call_parameters(job: Job, settings: SenderSettings) -> dict[str, Any]:
    """Return the parameters that SendEmail and SendBulkEmail have in common."""
    tracking = {
        name: "ENABLED" if enabled else "DISABLED"
        for name, enabled in (
            ("OpenTrackingEnabled", job.track_opens),
            ("ClickTrackingEnabled", job.track_clicks),
        )
        if enabled is not None
    }
    params: dict[str, Any] = {"ConfigurationSetName": settings.configuration_set_name}
    if job.envelope_sender is not None:
        params["FeedbackForwardingEmailAddress"] = job.envelope_sender
    if tracking:
        params["ConfigurationOverrides"] = {"Tracking": tracking}
    return params


def with_extra(
    params: dict[str, Any], extra: Mapping[str, Any], operation: str, placeholders: dict[str, Any]
) -> dict[str, Any]:
    """Return the parameters with a job's `esp_extra` merged over them; Mailbus's own tags are kept.

    `placeholders` are the required parameters that are added later. Raise `InvalidJob` at `$.esp_extra` if
    the result does not match the operation.
    """
    if not extra:
        return params
    tags = "EmailTags" if "EmailTags" in params else "DefaultEmailTags"
    merged = {**params, **extra}
    _validate(merged | placeholders, extra, operation)
    return {**merged, tags: _merged_tags(params[tags], extra.get(tags, ()))}


def _merged_tags(own: Iterable[dict[str, str]], extra: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    by_name = {tag["Name"]: tag for tag in own}
    by_name |= {tag["Name"]: tag for tag in extra if tag["Name"] not in {JOB_ID_TAG, ENTRY_TAG}}
    return list(by_name.values())


def _tag(name: str, value: str) -> dict[str, str]:
    return {"Name": name, "Value": value}


def _validate(params: dict[str, Any], extra: Mapping[str, Any], operation: str) -> None:
    shape = _input_shape(operation)
    for name in extra:
        if name not in shape.members:
            shown = ascii(name[:SHOWN_CHARACTERS])
            similar = nearest(name[:SHOWN_CHARACTERS], shape.members, cutoff=0.5)
            hint = f"did you mean {similar}?" if similar else f"it has {', '.join(shape.members)}"
            raise InvalidJob(EXTRA_PATH, f"{operation} has no parameter {shown}; {hint}")
    if "EndpointId" in extra and not compat.HAS_CRT:
        reason = (
            "requires SigV4a signatures; deploy the sender with awscrt (botocore[crt]), or remove EndpointId"
        )
        path, feature = f"{EXTRA_PATH}.EndpointId", "EndpointId"
        raise UnsupportedFeature(path, feature, reason)
    report = ParamValidator().validate(params, shape)
    if report.has_errors():
        # botocore appends the value, which is the job's content
        reason = report.generate_report().partition(", value: ")[0][:REASON_CHARACTERS]
        raise InvalidJob(EXTRA_PATH, f"does not match {operation}: {reason}")


@functools.cache
def _input_shape(operation: str) -> StructureShape:
    model = ServiceModel(create_loader().load_service_model("sesv2", "service-2"), "sesv2")
    shape = model.operation_model(operation).input_shape
    assert shape is not None  # noqa: S101 - both operations take parameters
    return shape
