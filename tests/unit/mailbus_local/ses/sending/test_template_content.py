from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.mailbus_local.simulated_ses import SesEnvironment


def test_a_template_with_its_data_is_rendered(env: SesEnvironment) -> None:
    env.sesv2.create_email_template(
        TemplateName=env.configuration_set,
        TemplateContent={"Subject": "Hello {{name}}", "Text": "{{#each items}}{{this}};{{/each}}"},
    )
    message_id = env.sesv2.send_email(
        FromEmailAddress="shop@example.com",
        Destination={"ToAddresses": ["alice@customer.example"]},
        Content={
            "Template": {
                "TemplateName": env.configuration_set,
                "TemplateData": json.dumps({"name": "Alice", "items": ["shoes", "hat"]}),
            }
        },
    )["MessageId"]
    raw = env.message(message_id)["raw"]
    assert "Subject: Hello Alice\r\n" in raw
    assert "shoes;hat;" in raw


def test_a_template_that_lacks_data_is_accepted_and_fails_to_render(env: SesEnvironment) -> None:
    env.publish_events("SEND", "DELIVERY", "RENDERING_FAILURE")
    env.sesv2.create_email_template(
        TemplateName=env.configuration_set, TemplateContent={"Subject": "Hello {{name}}", "Text": "Hi"}
    )
    env.sesv2.send_email(
        FromEmailAddress="shop@example.com",
        Destination={"ToAddresses": ["alice@customer.example"]},
        Content={"Template": {"TemplateName": env.configuration_set, "TemplateData": "{}"}},
        ConfigurationSetName=env.configuration_set,
    )
    sent, failed = env.events(2)
    assert sent["eventType"] == "Send"
    assert "subject" not in sent["mail"]["commonHeaders"]
    assert failed["eventType"] == "Rendering Failure"
    assert failed["failure"] == {
        "templateName": env.configuration_set,
        "errorMessage": "Attribute 'name' is not present in the rendering data.",
    }
    assert "headers" not in failed["mail"]


@pytest.mark.parametrize("part", ["Subject", "Text", "Html"])
def test_an_inline_template_may_have_only_simple_substitutions(env: SesEnvironment, part: str) -> None:
    template = {"Subject": "Hello {{name}}", "Text": "Hi"} | {part: "{{#if name}}Hello{{/if}}"}
    content = {"Template": {"TemplateContent": template, "TemplateData": '{"name": "Alice"}'}}
    assert env.send_error(Content=content) == (
        "BadRequestException",
        "Template contains unsupported operations.",
    )


def test_an_unknown_template_is_not_found(env: SesEnvironment) -> None:
    content = {"Template": {"TemplateName": "nowhere", "TemplateData": "{}"}}
    assert env.send_error(Content=content) == ("NotFoundException", "Template nowhere does not exist")


def test_template_data_that_is_not_json_is_an_error(env: SesEnvironment) -> None:
    content = {"Template": {"TemplateContent": {"Subject": "a", "Text": "b"}, "TemplateData": "name=Alice"}}
    assert env.send_error(Content=content) == ("BadRequestException", "TemplateData is not a JSON object.")
