"""How a first mail is sent, from a program and from a terminal. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from mailbus_cli.deployment import Deployment

_TO: Final = "success@simulator.amazonses.com"
_TEXT: Final = "It works."


class Snippet(msgspec.Struct, frozen=True, kw_only=True):
    """Code to copy."""

    key: str
    label: str
    code: str


def snippets(deployment: Deployment) -> tuple[Snippet, ...]:
    """Return the ways to send a mail; all but the terminal's need the variables of `mailbus env`."""
    sender = sender_of(deployment)
    return (
        Snippet(key="python", label="Python", code=_python(deployment.stage, sender)),
        Snippet(key="terminal", label="Terminal", code=_terminal(deployment.option, sender)),
        Snippet(key="django", label="Django", code=_django(sender)),
        Snippet(key="boto3", label="boto3", code=_boto3(sender)),
    )


def sender_of(deployment: Deployment) -> str:
    """Return an address that the stage may send from."""
    identity = deployment.outputs.get("Identity", "example.com")
    return identity if "@" in identity else f"shop@{identity}"


def _python(stage: str, sender: str) -> str:
    return f"""from mailbus import Client

client = Client(stage={json.dumps(stage)})
client.send(
    {{
        "from_email": {json.dumps(sender)},
        "to": "{_TO}",
        "subject": "Hello",
        "text": "{_TEXT}",
    }}
)
"""


def _terminal(option: str, sender: str) -> str:
    return f"""mailbus send {option} --from {sender} \\
    --to {_TO} \\
    --subject Hello --text "{_TEXT}"
"""


def _django(sender: str) -> str:
    return f"""# settings.py; with Django 6.1: MAILERS = {{"default": {{"BACKEND": …}}}}
EMAIL_BACKEND = "mailbus.django.EmailBackend"

# anywhere in the project
from django.core.mail import send_mail

send_mail("Hello", "{_TEXT}", {json.dumps(sender)}, ["{_TO}"])
"""


def _boto3(sender: str) -> str:
    return f"""import json
import os

import boto3

job = {{
    "from_email": {json.dumps(sender)},
    "to": "{_TO}",
    "subject": "Hello",
    "text": "{_TEXT}",
}}
boto3.client("sqs").send_message(QueueUrl=os.environ["SEND_QUEUE_URL"], MessageBody=json.dumps(job))
"""
