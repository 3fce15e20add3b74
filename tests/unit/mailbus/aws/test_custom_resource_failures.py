"""How each custom resource fails: every mode of failure for every resource, through its `lambda_handler`.

A row is a resource, a column a mode. A new resource is one more class in `RESOURCES`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from botocore.exceptions import ClientError

import activation.handler
import identity_feedback.handler
import redirect_domain.handler
from mailbus.aws import custom_resource
from mailbus.aws.custom_resource import ADVICE, ANSWER_SECONDS, CALL_SECONDS
from mailbus_cdk.limits import CUSTOM_RESOURCE_SECONDS
from tests.unit.fakes.lambda_context import FakeLambdaContext

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailbus.aws.custom_resource import Response

TOPIC = "arn:aws:sns:eu-west-1:111122223333:mailbus-prod-mail-TrackingEventsTopic5B3A-Xc1"
DOMAIN = "links.example.com"
# Without a response, CloudFormation generates a physical id.
GENERATED = "mailbus-prod-mail-MailResourceCB4CB7F5-1QZ8XK0WN5T7B"


class Resource:
    """A custom resource and a fake of what it calls of SES, where it sets `names`, one after the other.

    Each call of SES takes `seconds`. From the call `fails_from` on, SES refuses with `error`; with `does_it`,
    it carries them out all the same.
    """

    module: Any
    names: tuple[str, str]
    throttling = "Throttling"

    def __init__(self) -> None:
        self.calls = 0
        self.seconds = 1.0
        self.fails_from = 1_000
        self.error = ""
        self.does_it = False
        self.remaining = float(CUSTOM_RESOURCE_SECONDS)

    def properties(self, name: str) -> dict[str, str]:
        """Return the properties of the resource in the template."""
        raise NotImplementedError

    def is_set(self, name: str) -> bool:
        """Return whether SES has what this resource sets there."""
        raise NotImplementedError

    def delete_underneath(self, name: str) -> None:
        """Delete in SES what the resource is set on."""
        raise NotImplementedError

    def count(self, change: Callable[[], None] = lambda: None) -> None:
        """Take a call: make its change, or refuse it."""
        self.calls += 1
        self.remaining -= self.seconds
        fails = self.calls >= self.fails_from
        if self.does_it or not fails:
            change()
        if fails:
            refuse(self.error)

    def request(
        self, kind: str, name: str, physical_id: str | None = None, old: str | None = None
    ) -> Response:
        """Send a request of CloudFormation's to the function, and return its response."""
        event = {
            "RequestType": kind,
            "ResponseURL": "https://cloudformation-custom-resource-response-euwest1.s3-eu-west-1.amazonaws.com/a",
            "StackId": "arn:aws:cloudformation:eu-west-1:111122223333:stack/mailbus-prod-mail/5b1c0d50",
            "RequestId": "7bfe2d54-710a-4f6f-9b3e-7b6a5e0ef5b1",
            "LogicalResourceId": "MailResourceCB4CB7F5",
            "ResourceProperties": self.properties(name),
            **({"PhysicalResourceId": physical_id} if physical_id else {}),
            **({"OldResourceProperties": self.properties(old)} if old else {}),
        }
        self.remaining = float(CUSTOM_RESOURCE_SECONDS)
        responses: list[Response] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(self.module, "client", lambda: self)
            patch.setattr(custom_resource, "send", lambda _, response: responses.append(response))
            context = FakeLambdaContext(lambda: self.remaining)
            self.module.lambda_handler(event, context)
        (response,) = responses
        return response

    def recovers(self) -> None:
        """Let SES answer as usual again."""
        self.seconds, self.fails_from = 1.0, 1_000


class ActiveReceiptRuleSet(Resource):
    """`Custom::ActiveReceiptRuleSet`."""

    module = activation.handler
    names = ("mailbus-prod", "mailbus-other")

    def __init__(self) -> None:
        super().__init__()
        self.rule_sets = set(self.names)
        self.active: str | None = None

    def properties(self, name: str) -> dict[str, str]:
        return {"RuleSetName": name, "State": f"receipt-rule-set/{name}"}

    def is_set(self, name: str) -> bool:
        return self.active == name

    def delete_underneath(self, name: str) -> None:
        self.rule_sets.remove(name)
        self.active = None

    def describe_active_receipt_rule_set(self) -> dict[str, Any]:
        self.count()
        return {"Metadata": {"Name": self.active}} if self.active else {}

    def set_active_receipt_rule_set(self, RuleSetName: str | None = None) -> None:  # noqa: N803 - boto3's
        if RuleSetName not in {None, *self.rule_sets}:
            refuse("RuleSetDoesNotExist")
        self.count(lambda: setattr(self, "active", RuleSetName))


class IdentityNotifications(Resource):
    """`Custom::IdentityNotifications`."""

    module = identity_feedback.handler
    names = ("example.net", "example.org")

    def __init__(self) -> None:
        super().__init__()
        self.topics: dict[str, dict[str, str]] = {name: {} for name in self.names}

    def properties(self, name: str) -> dict[str, str]:
        return {"Identity": name, "TopicArn": TOPIC, "State": f"identity-notifications/{name}"}

    def is_set(self, name: str) -> bool:
        return TOPIC in self.topics.get(name, {}).values()

    def delete_underneath(self, name: str) -> None:
        del self.topics[name]

    def get_identity_notification_attributes(self, Identities: list[str]) -> dict[str, Any]:  # noqa: N803 - boto3's
        self.count()
        (name,) = Identities
        found = self.topics.get(name)
        if found is None:
            return {"NotificationAttributes": {}}
        topics = {f"{kind}Topic": topic for kind, topic in found.items()}
        return {"NotificationAttributes": {name: {"ForwardingEnabled": True, **topics}}}

    def set_identity_notification_topic(
        self,
        Identity: str,  # noqa: N803 - boto3's
        NotificationType: str,  # noqa: N803 - boto3's
        SnsTopic: str = "",  # noqa: N803 - boto3's
    ) -> None:
        self.count(lambda: self.topics[Identity].update({NotificationType: SnsTopic}))

    def set_identity_headers_in_notifications_enabled(self, **_: object) -> None:
        self.count()


class RedirectDomain(Resource):
    """`Custom::RedirectDomain`."""

    module = redirect_domain.handler
    names = ("mailbus-prod", "newsletters")
    throttling = "TooManyRequestsException"

    def __init__(self) -> None:
        super().__init__()
        self.domains: dict[str, str | None] = dict.fromkeys(self.names)

    def properties(self, name: str) -> dict[str, str]:
        return {"ConfigurationSetName": name, "Domain": DOMAIN}

    def is_set(self, name: str) -> bool:
        return self.domains.get(name) == DOMAIN

    def delete_underneath(self, name: str) -> None:
        del self.domains[name]

    def get_configuration_set(self, ConfigurationSetName: str) -> dict[str, Any]:  # noqa: N803 - boto3's
        self.count()
        if ConfigurationSetName not in self.domains:
            refuse("NotFoundException")
        domain = self.domains[ConfigurationSetName]
        return {"TrackingOptions": {"CustomRedirectDomain": domain}} if domain else {}

    def put_configuration_set_tracking_options(
        self,
        ConfigurationSetName: str,  # noqa: N803 - boto3's
        CustomRedirectDomain: str | None = None,  # noqa: N803 - boto3's
        HttpsPolicy: str | None = None,  # noqa: N803 - boto3's
    ) -> None:
        # SES takes a policy with a domain only
        assert (HttpsPolicy is None) == (CustomRedirectDomain is None)
        self.count(lambda: self.domains.update({ConfigurationSetName: CustomRedirectDomain}))


def refuse(code: str) -> NoReturn:
    raise ClientError({"Error": {"Code": code, "Message": "SES refused"}}, "Operation")


def timeout(resource: Resource) -> None:
    """SES is slow: the function answers in time, and what it had set is undone."""
    name = resource.names[0]
    # longer than any call takes, so that there is no time for a second one
    resource.seconds = CUSTOM_RESOURCE_SECONDS - CALL_SECONDS - ANSWER_SECONDS + 1
    failed = resource.request("Create", name)
    assert failed.status == "FAILED"
    assert failed.reason.endswith(ADVICE["NotTried"])
    assert resource.calls == 1
    assert resource.remaining >= ANSWER_SECONDS
    resource.recovers()
    assert resource.request("Delete", name, failed.physical_resource_id).status == "SUCCESS"
    assert not resource.is_set(name)


def throttled(resource: Resource) -> None:
    """SES takes no further calls, even if it carries one out: what was set is undone."""
    name = resource.names[0]
    for fails_from, does_it in ((1, False), (2, False), (2, True)):
        resource.calls, resource.fails_from, resource.does_it = 0, fails_from, does_it
        resource.error = resource.throttling
        failed = resource.request("Create", name)
        assert failed.status == "FAILED"
        assert f"({resource.throttling})" in failed.reason
        assert failed.reason.endswith(ADVICE[resource.throttling])
        assert resource.is_set(name) == does_it
        resource.recovers()
        assert resource.request("Delete", name, failed.physical_resource_id).status == "SUCCESS"
        assert not resource.is_set(name)


def deleted_underneath(resource: Resource) -> None:
    """It was deleted in SES: an update says what to do and keeps the id, a deletion succeeds."""
    name = resource.names[0]
    created = resource.request("Create", name)
    assert created.status == "SUCCESS"
    resource.delete_underneath(name)
    failed = resource.request("Update", name, created.physical_resource_id, old=name)
    assert failed.status == "FAILED"
    assert failed.physical_resource_id == created.physical_resource_id
    assert failed.reason.startswith("ConfigurationError: ")
    assert name in failed.reason
    assert any(what_to_do in failed.reason for what_to_do in ("deploy its stack again", "verify it first"))
    assert resource.request("Delete", name, created.physical_resource_id).status == "SUCCESS"


def replaced(resource: Resource) -> None:
    """An update to another name changes the id: CloudFormation deletes the former one, and no more."""
    former, name = resource.names
    created = resource.request("Create", former)
    updated = resource.request("Update", name, created.physical_resource_id, old=former)
    assert updated.status == "SUCCESS"
    assert updated.physical_resource_id != created.physical_resource_id
    assert resource.request("Delete", former, created.physical_resource_id).status == "SUCCESS"
    assert (resource.is_set(former), resource.is_set(name)) == (False, True)


def rolled_back(resource: Resource) -> None:
    """The response to a creation was lost: its deletion, under a generated id, undoes it."""
    name = resource.names[0]
    assert resource.request("Create", name).status == "SUCCESS"
    assert resource.is_set(name)
    assert resource.request("Delete", name, GENERATED).status == "SUCCESS"
    assert not resource.is_set(name)


RESOURCES: tuple[type[Resource], ...] = (ActiveReceiptRuleSet, IdentityNotifications, RedirectDomain)
MODES = (timeout, throttled, deleted_underneath, replaced, rolled_back)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.__name__)
@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.__name__)
def test_a_failure_says_what_to_do_and_leaves_nothing_behind(
    resource: type[Resource], mode: Callable[[Resource], None]
) -> None:
    mode(resource())


#: The calls of a request that fit, each with all its retries, before the function makes no further one.
WHOLE_CALLS = {
    # find out the active set, activate another, or deactivate it if that no longer exists
    ActiveReceiptRuleSet: 3,
    # the first of up to nine: most take milliseconds, and a request that runs out of time is rolled back
    IdentityNotifications: 3,
    # find out the domain, set it
    RedirectDomain: 2,
}


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.__name__)
def test_the_timeout_has_time_for_calls_that_all_take_the_longest_and_for_the_answer(
    resource: type[Resource],
) -> None:
    assert WHOLE_CALLS[resource] * CALL_SECONDS + ANSWER_SECONDS <= CUSTOM_RESOURCE_SECONDS
    config: Any = custom_resource.client_config()
    assert config.retries == {
        "total_max_attempts": custom_resource.CALL_ATTEMPTS,
        "mode": "standard",
    }
