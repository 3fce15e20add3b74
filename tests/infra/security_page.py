"""Writes docs/security.md, with the rights of all roles: `python -m tests.infra.security_page docs`."""

from __future__ import annotations

import re
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mailbus_cdk.mailbus import deployment
from mailbus_local.stage import PACKAGED, load_settings
from tests import unused_rights
from tests.infra.templates import ACCOUNT, Templates, new_app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.infra.templates import Resource
    from tests.unused_rights import Unused

NAME: Final = "security.md"
HEADING: Final = "| right | on | used by the tests |"
#: Names of the resources that roles use, by their constructs.
RESOURCES: Final = {
    "Mail/Guard/DeadLetters/Queue": "the dead-letter queue of the guard",
    "Mail/Identity/Identity": "the identity",
    "Mail/Inbound/DeadLetters/Queue": "the dead-letter queue of received mail",
    "Mail/Inbound/Work/Queue": "the queue of received mail",
    "Mail/Sending/Bulk/Queue": "the bulk send queue",
    "Mail/Sending/DeadLetters/Queue": "the dead-letter queue of jobs",
    "Mail/Sending/Scheduling/Role": "the role of EventBridge Scheduler",
    "Mail/Sending/Transactional/Queue": "the transactional send queue",
    "Mail/Timeline/DeadLetters/Queue": "the dead-letter queue of the timeline",
    "Mail/Timeline/Work/Queue": "the queue of the timeline",
    "Mail/Tracking/DeadLetters/Queue": "the dead-letter queue of SES's events",
    "Mail/Tracking/Work/Queue": "the queue of SES's events",
    "State/EspEvents/Bucket": "the bucket of large events",
    "State/Events/Bus": "the bus",
    "State/InboundMail/Bucket": "the bucket of received mail",
    "State/InboundMail/Key": "the key of received mail",
    "State/Jobs/Bucket": "the bucket of jobs",
    "State/Ledger/Table": "the ledger",
    "State/Timeline/Table": "the timeline",
    "Webhook/Credentials/Secret": "the secret",
}
_CONSTRUCT: Final = re.compile(r"<([^>]+)>")
_INTRODUCTION: Final = """\
# What each role may do

<!-- Written by `make goldens` from the templates and tests/unused_rights.py. -->

Each function has a role of its own, and so has EventBridge Scheduler. Its one policy has the rights below and
no others, and no managed policy. These are the roles of the stage `local`, whose
[settings](local.md#settings) deploy every function; ARNs have placeholders for region, account and stage.
`iam:PassRole` is for EventBridge Scheduler alone. SES has no resources for the actions that have `*`.
[Security](threats.md) has the threats, and what holds each.

| setting | rights |
| --- | --- |
| `guard.enabled` | the function `guard` |
| `inbound.domains` | the functions `inbound` and `activation` |
| `inbound.encrypt` | `kms:Decrypt` of `inbound` |
| `inbound.rules` with `action = "sns"`, or a webhook | `s3:PutObject` of `inbound` on `raw/*` |
| `timeline.days` | the function `timeline` |
| `tracking.custom_redirect_domain` | the function `redirect_domain` |
| `tracking.notified_identities` | the function `identity_feedback` |
| `webhook.topic_arns` | the functions `webhook` and `webhook-authorizer` |
| `sender.merge_by = "SendEmail"` | `sender` without `ses:SendBulkEmail` and `ses:SendBulkTemplatedEmail` |
| `other_identities`, `other_configuration_sets`, `sandbox_recipients` | the sender's actions on these, too |
| `source_buckets` | `s3:GetObject` and `s3:GetObjectVersion` of `sender` on these, too |
| `session_params.role_arn` | `sts:AssumeRole` of `sender` on that role, and no rights to SES |

The last column is held to a run of the tests of the whole system, `tests/e2e`, in both directions. A call
that a role does not allow is [denied](local.md#roles), and fails the run. With `--unused-rights`, as `make
test` runs them, the run also fails for each right that was not used and has no reason here, and for each
reason that is wrong: of no right, or of one that was used.
"""


def page(templates: Templates) -> str:
    """Return the text of the page, of the templates of the stage `local`."""
    return "".join(_lines(templates))


def _lines(templates: Templates) -> Iterator[str]:
    yield _INTRODUCTION
    policies = {_role_name(templates, policy): policy for policy in templates.of_type("AWS::IAM::Policy")}
    for name in sorted(policies):
        yield f"\n## {name}\n\n{HEADING}\n| --- | --- | --- |\n"
        for actions, resources, use in _rows(templates, policies[name]):
            shown = ", ".join(f"`{action}`" for action in actions)
            yield f"| {shown} | {'; '.join(_shown(one) for one in resources)} | {use} |\n"


def _role_name(templates: Templates, policy: Resource) -> str:
    """Return the name of the function that has the policy's role."""
    role = policy.path.removesuffix("/DefaultPolicy")
    for function in templates.of_type("AWS::Lambda::Function"):
        if templates.referred(function, function.properties["Role"]).path == role:
            return str(function.properties["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"])
    return "EventBridge Scheduler"


def _rows(templates: Templates, policy: Resource) -> list[tuple[tuple[str, ...], tuple[str, ...], str]]:
    """Return actions with the resources of each, and whether the tests use them or why not."""
    (role,) = (reference["Ref"] for reference in policy.properties["Roles"])
    resources: dict[tuple[str, str], list[str]] = defaultdict(list)
    for action, resource in sorted(templates.rights(policy)):
        resources[action, _use(unused_rights.find(role, action, resource))].append(resource)
    actions: dict[tuple[tuple[str, ...], str], list[str]] = defaultdict(list)
    for (action, use), on in resources.items():
        actions[tuple(on), use].append(action)
    return sorted((tuple(each), on, use) for (on, use), each in actions.items())


def _use(unused: Unused | None) -> str:
    if unused is None:
        return "yes"
    return f"{'sometimes' if unused.sometimes else 'no'}: {unused.reason}"


def _shown(resource: str) -> str:
    """Return a resource as the page names it."""
    construct, _, rest = resource.removeprefix("<").partition(">")
    if resource.startswith("<"):
        name = "its log" if construct.endswith("/Log") else RESOURCES[construct]
        return f"`{rest.removeprefix('/')}` of {name}" if rest else name
    arn = _CONSTRUCT.sub(lambda found: f"<{RESOURCES[found[1]].removeprefix('the ')}>", resource)
    placeholders = {"us-east-1": "<region>", ACCOUNT: "<account>", "mailbus-local": "mailbus-<stage>"}
    for value, placeholder in placeholders.items():
        arn = arn.replace(value, placeholder)
    return f"`{arn}`"


def write(docs: Path) -> None:
    """Write the page to the folder of the documentation."""
    with tempfile.TemporaryDirectory() as directory:
        settings = load_settings(PACKAGED)
        app = new_app(Path(directory))
        deployment(app, settings=settings)
        (docs / NAME).write_text(page(Templates(app, settings)), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
