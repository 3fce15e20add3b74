from __future__ import annotations

from typing import Any

import pytest

from mailbus_local.custom_resource_function import NOT_CREATED, REPLACED_TYPES, apply
from tests.unit.mailbus_local.simulated_ses import aws_client


class FakeClient:
    """A client with boto3's model of the service that records the calls."""

    def __init__(self, service: str, calls: list[tuple[str, dict[str, Any]]]) -> None:
        real = aws_client(service, "http://127.0.0.1:9")
        self.meta = real.meta
        self._calls = calls
        real.close()

    def __getattr__(self, name: str) -> Any:
        def call(**parameters: Any) -> dict[str, Any]:
            self._calls.append((name, parameters))
            return {"DkimAttributes": {"Tokens": ["tok1"]}} if name == "create_email_identity" else {}

        return call


def _request(request_type: str, resource_type: str, **properties: Any) -> dict[str, Any]:
    return {
        "RequestType": request_type,
        "PhysicalResourceId": "before",
        "StackId": "arn:aws:cloudformation:us-east-1:000000000000:stack/mailbus-local-state/1f",
        "LogicalResourceId": "StateArchive",
        "ResourceProperties": {"ServiceToken": "arn", "ResourceType": resource_type, **properties},
        "OldResourceProperties": {"ServiceToken": "arn", "ResourceType": resource_type, **properties},
    }


def test_texts_of_cloudformation_become_the_types_of_the_api() -> None:
    calls: list[tuple[str, dict[str, Any]]] = []
    rule = {"Name": "mail", "Enabled": "true", "ScanEnabled": "false", "Recipients": ["a.example"]}

    name, _ = apply(
        _request("Create", "AWS::SES::ReceiptRule", RuleSetName="set", Rule=rule),
        lambda service: FakeClient(service, calls),
    )

    assert name == "mail"
    rule_with_types = {"Name": "mail", "Enabled": True, "ScanEnabled": False, "Recipients": ["a.example"]}
    assert calls == [("create_receipt_rule", {"RuleSetName": "set", "Rule": rule_with_types})]


def test_an_update_replaces_the_resource_and_renames_properties() -> None:
    calls: list[tuple[str, dict[str, Any]]] = []
    properties = {
        "ArchiveName": "a",
        "SourceArn": "arn:b",
        "RetentionDays": "30",
        "EventPattern": {"source": ["x"]},
    }

    apply(
        _request("Update", "AWS::Events::Archive", **properties),
        lambda service: FakeClient(service, calls),
    )

    assert calls == [
        ("delete_archive", {"ArchiveName": "a"}),
        (
            "create_archive",
            {
                "ArchiveName": "a",
                "EventSourceArn": "arn:b",
                "RetentionDays": 30,
                "EventPattern": '{"source": ["x"]}',
            },
        ),
    ]


DESTINATION: dict[str, Any] = {
    "ConfigurationSetName": "set",
    "EventDestination": {
        "Name": "mailbus-local",
        "Enabled": "true",
        "MatchingEventTypes": ["send", "renderingFailure"],
        "SnsDestination": {"TopicARN": "arn:topic"},
    },
}


def test_an_event_destination_has_the_names_of_the_second_api() -> None:
    calls: list[tuple[str, dict[str, Any]]] = []
    for request_type in ("Create", "Delete"):
        apply(
            _request(request_type, "AWS::SES::ConfigurationSetEventDestination", **DESTINATION),
            lambda service: FakeClient(service, calls),
        )

    named = {"ConfigurationSetName": "set", "EventDestinationName": "mailbus-local"}
    definition = {
        "Enabled": True,
        "MatchingEventTypes": ["SEND", "RENDERING_FAILURE"],
        "SnsDestination": {"TopicArn": "arn:topic"},
    }
    assert calls == [
        ("create_configuration_set_event_destination", {**named, "EventDestination": definition}),
        ("delete_configuration_set_event_destination", named),
    ]


def test_a_configuration_set_keeps_its_event_destinations_in_an_update() -> None:
    calls: list[tuple[str, dict[str, Any]]] = []
    tracking = {"TrackingOptions": {"CustomRedirectDomain": "links.example.com"}}
    request = _request("Update", "AWS::SES::ConfigurationSet", Name="set", **tracking)

    physical_id, _ = apply(request, lambda service: FakeClient(service, calls))

    changed = {"ConfigurationSetName": "set", "CustomRedirectDomain": "links.example.com"}
    assert (physical_id, calls) == ("before", [("put_configuration_set_tracking_options", changed)])


def test_a_configuration_set_of_another_name_is_another_one() -> None:
    calls: list[tuple[str, dict[str, Any]]] = []
    request = _request("Update", "AWS::SES::ConfigurationSet", Name="new")
    request["OldResourceProperties"]["Name"] = "old"

    assert apply(request, lambda service: FakeClient(service, calls))[0] == "new"
    assert calls[-1] == ("create_configuration_set", {"ConfigurationSetName": "new"})


def test_a_resource_that_was_not_created_is_not_deleted_on_rollback() -> None:
    calls: list[tuple[str, dict[str, Any]]] = []
    request = _request("Delete", "AWS::SES::EmailIdentity", EmailIdentity="a.example")

    apply(request | {"PhysicalResourceId": NOT_CREATED}, lambda service: FakeClient(service, calls))

    assert calls == []


def test_an_identity_has_the_attributes_of_its_dkim_records() -> None:
    _, attributes = apply(
        _request("Create", "AWS::SES::EmailIdentity", EmailIdentity="a.example", DkimAttributes={}),
        lambda service: FakeClient(service, []),
    )

    assert attributes == {
        "DkimDNSTokenName1": "tok1._domainkey.a.example",
        "DkimDNSTokenValue1": "tok1.dkim.amazonses.com",
    }


def test_a_resource_without_a_name_always_gets_the_same_name() -> None:
    calls: list[tuple[str, dict[str, Any]]] = []
    properties = {"SourceArn": "arn:b"}

    for request_type in ("Create", "Delete"):
        apply(
            _request(request_type, "AWS::Events::Archive", **properties),
            lambda service: FakeClient(service, calls),
        )

    assert {parameters["ArchiveName"] for _, parameters in calls} == {"mailbus-local-state-StateArchive"}


@pytest.mark.parametrize("resource_type", sorted(REPLACED_TYPES))
def test_every_operation_and_parameter_of_the_table_exists(resource_type: str) -> None:
    api = REPLACED_TYPES[resource_type]
    client = aws_client(api.service, "http://127.0.0.1:9")
    try:
        model = client.meta.service_model
        members = model.operation_model(api.create).input_shape.members
        assert {path[0] for path in api.keys.values()} <= set(members)
        assert set(api.keys) <= set(model.operation_model(api.delete).input_shape.members)
        assert set(api.attributes.values()) <= set(model.operation_model(api.create).output_shape.members)
        assert set(api.updates) <= set(members)
        for operation in api.updates.values():
            assert set(api.keys) <= set(model.operation_model(operation).input_shape.members)
    finally:
        client.close()


def test_the_mail_from_domain_of_an_identity_is_set_by_a_call_of_its_own() -> None:
    calls: list[tuple[str, dict[str, Any]]] = []
    mail_from = {"MailFromDomain": "bounces.a.example"}
    apply(
        _request(
            "Create", "AWS::SES::EmailIdentity", EmailIdentity="a.example", MailFromAttributes=mail_from
        ),
        lambda service: FakeClient(service, calls),
    )
    assert calls == [
        ("create_email_identity", {"EmailIdentity": "a.example"}),
        ("put_email_identity_mail_from_attributes", {"EmailIdentity": "a.example", **mail_from}),
    ]
