"""A domain of tracked links: refused by SES until it is verified, and set by Mailbus once it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError

from mailbus.aws.custom_resource import Request
from redirect_domain.aws.tracking_options import TrackingOptions
from redirect_domain.handler import Wanted, Wiring, apply, set_domain

if TYPE_CHECKING:
    from tests.unit.mailbus_local.simulated_ses import SesEnvironment


def _wiring(env: SesEnvironment) -> Wiring:
    return Wiring(options=TrackingOptions(env.sesv2), log=Logger(service="redirect_domain"))


def _deploy(env: SesEnvironment, domain: str, request_type: str) -> str:
    """Call the custom resource's function as CloudFormation does. Return the physical id."""
    event = {
        "RequestType": request_type,
        "ResponseURL": "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/arn%3Aaws",
        "StackId": "arn:aws:cloudformation:us-east-1:000000000000:stack/mailbus-local-mail/5b1c0d50",
        "RequestId": "7bfe2d54-710a-4f6f-9b3e-7b6a5e0ef5b1",
        "LogicalResourceId": "MailTrackingRedirectDomain1F0AC4E2",
        "PhysicalResourceId": None if request_type == "Create" else f"redirect-domain/{env.name}",
        "ResourceProperties": {"ConfigurationSetName": env.configuration_set, "Domain": domain},
    }
    return apply(msgspec.convert(event, Request), _wiring(env)).physical_id


def _used(env: SesEnvironment) -> str | None:
    answer: dict[str, Any] = env.sesv2.get_configuration_set(ConfigurationSetName=env.configuration_set)
    domain: str | None = answer.get("TrackingOptions", {}).get("CustomRedirectDomain")
    return domain


def test_ses_refuses_a_domain_that_is_not_verified(env: SesEnvironment) -> None:
    links = {"CustomRedirectDomain": f"links.{env.name}.example.org"}
    calls: list[tuple[Any, dict[str, Any]]] = [
        (env.sesv2.create_configuration_set, {"TrackingOptions": links}),
        (env.sesv2.put_configuration_set_tracking_options, links),
    ]
    for call, given in calls:
        with pytest.raises(ClientError, match="is not verified") as raised:
            call(ConfigurationSetName=env.name, **given)
        assert raised.value.response["Error"]["Code"] == "BadRequestException"


def test_ses_takes_an_https_policy_with_a_domain_only(env: SesEnvironment) -> None:
    with pytest.raises(ClientError, match=r"CustomRedirectDomain must be specified\.$"):
        env.sesv2.put_configuration_set_tracking_options(
            ConfigurationSetName=env.configuration_set, HttpsPolicy="REQUIRE"
        )


def test_a_first_deployment_succeeds_and_the_domain_is_set_once_it_is_verified(env: SesEnvironment) -> None:
    parent, links = f"{env.name}.example.org", f"links.{env.name}.example.org"
    env.sesv2.create_email_identity(EmailIdentity=parent)
    env.http.put(f"/identities/{parent}", json={"verification_status": "PENDING"}).raise_for_status()

    assert _deploy(env, links, "Create") == f"redirect-domain/{env.name}"
    assert _used(env) is None

    scheduled = Wanted(configuration_set_name=env.name, domain=links)
    set_domain(scheduled, _wiring(env))
    assert _used(env) is None
    env.http.put(f"/identities/{parent}", json={"verification_status": "SUCCESS"}).raise_for_status()
    set_domain(scheduled, _wiring(env))
    assert _used(env) == links

    _deploy(env, links, "Delete")
    assert _used(env) is None


def test_another_domain_stays_until_the_new_one_is_verified_and_is_not_removed_with_it(
    env: SesEnvironment,
) -> None:
    parent = f"{env.name}.example.org"
    env.sesv2.create_email_identity(EmailIdentity=parent)
    _deploy(env, f"links.{parent}", "Create")
    _deploy(env, f"links.{env.name}.example.net", "Update")
    assert _used(env) == f"links.{parent}"
    _deploy(env, f"links.{env.name}.example.net", "Delete")
    assert _used(env) == f"links.{parent}"
