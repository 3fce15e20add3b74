"""What of a stage others reach: the webhook, and the bus where the settings name their organization."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.infra.policies import document, has_document
from tests.infra.variants import variant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mailbus_cdk.settings import Settings
    from tests.infra.templates import Templates

#: Types of resources that listen for anybody.
LISTENING: Final = (
    "AWS::ApiGateway::RestApi",
    "AWS::ApiGatewayV2::Api",
    "AWS::AppSync::GraphQLApi",
    "AWS::CloudFront::Distribution",
    "AWS::EC2::Instance",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::Lambda::Url",
)
BLOCKED: Final = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


@pytest.fixture(scope="module")
def everything(synthesize: Callable[[Settings], Templates]) -> Templates:
    return synthesize(variant("everything", "us-east-1"))


def _allowing_everybody(templates: Templates) -> Iterator[tuple[str, dict[str, Any]]]:
    for resource in templates.resources:
        if not has_document(resource):
            continue
        for statement in document(templates, resource)["Statement"]:
            principal = statement.get("Principal")
            whole = principal == "*" or (isinstance(principal, dict) and "*" in principal.values())
            if statement["Effect"] == "Allow" and whole:
                yield resource.path, statement


def test_no_policy_allows_everybody_anything(everything: Templates) -> None:
    found = list(_allowing_everybody(everything))
    assert {path.rpartition("/")[0] for path, _ in found} == {"State/Events/Bus"}
    for _, statement in found:
        assert statement["Condition"]["StringEquals"] == {"aws:PrincipalOrgID": "o-exampleorgid"}


def test_without_an_organization_no_policy_names_everybody(prod: Templates) -> None:
    assert list(_allowing_everybody(prod)) == []


def test_the_webhook_is_the_only_public_face(everything: Templates, prod: Templates) -> None:
    assert [one.stack for one in everything.resources if one.type in LISTENING] == ["webhook"]
    assert [one.path for one in prod.resources if one.type in LISTENING] == []


def test_no_bucket_can_be_made_public(everything: Templates) -> None:
    for bucket in everything.of_type("AWS::S3::Bucket"):
        assert bucket.properties["PublicAccessBlockConfiguration"] == dict.fromkeys(BLOCKED, True)
