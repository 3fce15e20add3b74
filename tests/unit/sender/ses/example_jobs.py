"""Jobs, and the parameters that SES accepts, for the tests of the calls to SES."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from botocore.loaders import create_loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from mailbus.events import Mailbox
from mailbus.jobs.header_fields import write_field
from mailbus.jobs.job import Attachment, Job, Merge, MergeRecipient

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus.jobs.inline_template import InlineTemplate

SHOP = Mailbox(name="Example", address="hello@example.com")
ANN = Mailbox(name="Ann Lee", address="ann@example.org")
PDF = Attachment(
    content=b"%PDF-1.4\n\x00\xff",
    content_type="application/pdf",
    filename="invoice.pdf",
    content_id=None,
    disposition="attachment",
)
LOGO = Attachment(
    content=b"\x89PNG\r\n\x1a\n\x00",
    content_type="image/png",
    filename=None,
    content_id="logo",
    disposition="inline",
)
MERGE_ANN = MergeRecipient(
    mailbox=ANN,
    data={"shop": "Example", "name": "Ann", "orders": [{"id": 4711}]},
    metadata={"user": 17},
    headers=(("X-Shelf", "4"),),
)
MERGE_ZOE = MergeRecipient(
    mailbox=Mailbox(name="Zoë", address="zoe@example.org"), data={"shop": "Example", "name": "Zoë"}
)


def written(name: str, text: str) -> tuple[str, str]:
    """Return a header as the parser writes it."""
    return (name, write_field(name, text, f"$.headers.{name}"))


def mail_job(**fields: Any) -> Job:
    defaults = {
        "job_id": "welcome-1",
        "from_email": (SHOP,),
        "to": (ANN,),
        "subject": "Welcome",
        "text": "Hello",
    }
    return Job(**defaults | fields)


def merge_job(*recipients: MergeRecipient, inline: InlineTemplate | None = None, **fields: Any) -> Job:
    merge = Merge(
        recipients=recipients or (MERGE_ANN, MERGE_ZOE),
        template_id="welcome" if inline is None else None,
        inline=inline,
    )
    defaults: dict[str, Any] = {"job_id": "spring-1", "from_email": (SHOP,), "merge": merge}
    return Job(**defaults | fields)


def check_parameters(operation: str, parameters: Mapping[str, Any]) -> None:
    """Fail if the SDK would refuse the parameters."""
    shape = _model().operation_model(operation).input_shape
    assert shape is not None
    report = ParamValidator().validate(dict(parameters), shape)
    assert not report.has_errors(), report.generate_report()


@functools.cache
def _model() -> ServiceModel:
    return ServiceModel(create_loader().load_service_model("sesv2", "service-2"), "sesv2")
