"""The resources that must stay the same from version to version, and what is lost if one is replaced.

CloudFormation replaces a resource if its logical id, its type, or a property that only creation sets has
changed: it deletes the old one, or forgets it, if it is retained.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.infra.templates import Resource, Templates

JOBS: Final = "jobs in it are lost; stored schedules, clients' settings and alarms name the old one"
REPORTS: Final = "what waits in it is lost, and mails in doubt stay in doubt"
LETTERS: Final = "its dead letters are lost; schedules and redrives name the old one"
NEW_URL: Final = "the URLs of subscriptions lead nowhere, and messages to them are lost"
OLD_DATA: Final = "stays in the old one, where nothing reads it"
FORGOTTEN: Final = "what was displaced is not restored when the stack is deleted"

# (stack, type, beginning of the construct's path): what is lost
LOSSES: Final[dict[tuple[str, str, str], str]] = {
    ("state", "AWS::S3::Bucket", "State/Jobs"): f"the content of large and delayed jobs {OLD_DATA}",
    ("state", "AWS::S3::Bucket", "State/EspEvents"): f"what `esp_event_ref` of events names {OLD_DATA}",
    ("state", "AWS::S3::Bucket", "State/InboundMail"): f"received mail {OLD_DATA}",
    ("state", "AWS::KMS::Key", "State/InboundMail"): "received mail can be read with the old key alone",
    ("state", "AWS::DynamoDB::Table", "State/Ledger"): "mails are sent twice: what was sent is forgotten",
    ("state", "AWS::DynamoDB::Table", "State/Timeline"): f"what became of each mail {OLD_DATA}",
    ("state", "AWS::Events::EventBus", "State/Events"): "rules of applications get no events any more",
    ("state", "AWS::Events::Archive", "State/Events"): "past events cannot be replayed",
    ("state", "AWS::Scheduler::ScheduleGroup", "State/Schedules"): "delayed jobs are deleted",
    ("mail", "AWS::IAM::Role", "Mail/Sending/Scheduling"): "delayed jobs fail: schedules name the role",
    ("mail", "AWS::IAM::Role", "Mail/Sending/Sender"): "roles of other accounts trust the old one",
    ("mail", "AWS::SQS::Queue", "Mail/Sending/Transactional"): JOBS,
    ("mail", "AWS::SQS::Queue", "Mail/Sending/Bulk"): JOBS,
    ("mail", "AWS::SQS::Queue", "Mail/Sending/DeadLetters"): LETTERS,
    ("mail", "AWS::SQS::Queue", "Mail/Tracking/Work"): REPORTS,
    ("mail", "AWS::SQS::Queue", "Mail/Tracking/DeadLetters"): LETTERS,
    ("mail", "AWS::SQS::Queue", "Mail/Inbound/Work"): "notifications of received mail are lost",
    ("mail", "AWS::SQS::Queue", "Mail/Inbound/DeadLetters"): LETTERS,
    ("mail", "AWS::SQS::Queue", "Mail/Timeline/Work"): "events that wait in it miss in the timeline",
    ("mail", "AWS::SQS::Queue", "Mail/Timeline/DeadLetters"): LETTERS,
    ("mail", "AWS::SNS::Topic", "Mail/Tracking"): "subscriptions and sets of others name the old one",
    ("mail", "AWS::SNS::Topic", "Mail/Inbound"): "subscriptions of others name the old one",
    ("mail", "AWS::SES::EmailIdentity", "Mail/Identity"): "nothing is sent until new records are verified",
    ("mail", "AWS::SES::ConfigurationSet", "Mail/Tracking"): "jobs and applications name the old one",
    ("receiving", "AWS::SES::EmailIdentity", ""): "mail bounces until new DNS records are verified",
    ("receiving", "AWS::SES::ReceiptRuleSet", ""): "mail bounces until the new set is active",
    ("receiving", "Custom::ActiveReceiptRuleSetBefore", ""): FORGOTTEN,
    ("receiving", "Custom::ActiveReceiptRuleSet", ""): "its deletion deactivates the set, and mail bounces",
    ("mail", "Custom::IdentityNotificationsBefore", ""): FORGOTTEN,
    ("mail", "Custom::IdentityNotifications", ""): "its deletion ends the notifications",
    ("webhook", "AWS::SecretsManager::Secret", ""): "the password in the URLs of subscriptions is wrong",
    ("webhook", "AWS::ApiGateway::RestApi", ""): NEW_URL,
    ("webhook", "AWS::ApiGateway::Stage", ""): NEW_URL,
    ("webhook", "AWS::ApiGateway::Resource", ""): NEW_URL,
}
PARAMETER: Final = "AWS::SSM::Parameter"
PARAMETER_LOSS: Final = "programs find the stage by it"


def kept(templates: Templates) -> dict[str, dict[str, Any]]:
    """Return what identifies each resource that must stay: `{<stack>/<logical id>: …}`."""
    return {
        f"{resource.stack}/{resource.logical_id}": {
            "type": resource.type,
            "path": resource.path,
            **{name: resource.properties[name] for name in _only_created(resource.type, resource.properties)},
        }
        for resource in sorted(templates.resources, key=lambda found: (found.stack, found.path))
        if loss(resource) is not None
    }


def names(templates: Templates) -> list[str]:
    """Return the names of the stage's parameters."""
    return sorted(found.properties["Name"] for found in templates.of_type(PARAMETER))


def loss(resource: Resource) -> str | None:
    """Return what is lost if a resource is replaced; None if nothing is."""
    return lost(resource.stack, resource.type, resource.path)


def lost(stack: str, kind: str, path: str) -> str | None:
    """Return what is lost if a resource is replaced; None if nothing is."""
    for (of_stack, of_kind, start), what in LOSSES.items():
        if (stack, kind) == (of_stack, of_kind) and path.startswith(start):
            return what
    return None


def _only_created(kind: str, properties: dict[str, Any]) -> Iterator[str]:
    if kind.startswith("Custom::"):
        return
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    listed = (schema.get(key, []) for key in ("createOnlyProperties", "conditionalCreateOnlyProperties"))
    named = {name.removeprefix("/properties/") for of_key in listed for name in of_key}
    yield from (name for name in sorted(named) if name in properties)
