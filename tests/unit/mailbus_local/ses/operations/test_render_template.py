from __future__ import annotations

import email
import email.policy
import json
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from tests.unit.mailbus_local.simulated_ses import SesEnvironment


@pytest.fixture
def template(env: SesEnvironment) -> str:
    env.sesv2.create_email_template(
        TemplateName=env.name,
        TemplateContent={
            "Subject": "Grüße, {{name}}",
            "Text": "Order {{order.id}}",
            "Html": "<p>{{name}}</p>",
        },
    )
    return env.name


def test_a_template_is_rendered_as_the_mime_content_of_a_mail(env: SesEnvironment, template: str) -> None:
    data = json.dumps({"name": "Ada", "order": {"id": 4711}})

    rendered = env.sesv2.test_render_email_template(TemplateName=template, TemplateData=data)

    mail = email.message_from_string(rendered["RenderedTemplate"], policy=email.policy.default)
    assert mail["Subject"] == "Grüße, Ada"
    text, page = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert page is not None
    assert (text.get_content().strip(), page.get_content().strip()) == ("Order 4711", "<p>Ada</p>")


@pytest.mark.parametrize(
    ("data", "code", "text"),
    [
        ("{}", "BadRequestException", "Attribute 'name' is not present in the rendering data."),
        ("[]", "BadRequestException", "TemplateData is not a JSON object."),
    ],
)
def test_data_that_do_not_fit_the_template_are_an_error(
    env: SesEnvironment, template: str, data: str, code: str, text: str
) -> None:
    with pytest.raises(ClientError) as caught:
        env.sesv2.test_render_email_template(TemplateName=template, TemplateData=data)
    assert (caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]) == (code, text)


def test_a_template_that_does_not_exist_is_an_error(env: SesEnvironment) -> None:
    with pytest.raises(ClientError) as caught:
        env.sesv2.test_render_email_template(TemplateName=env.name, TemplateData="{}")
    assert caught.value.response["Error"]["Code"] == "NotFoundException"
