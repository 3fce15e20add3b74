"""The mailers of Django 6.1, as docs/django.md has them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.architecture.source_tree import ROOT
from tests.installed.interpreters import PYTHONS

if TYPE_CHECKING:
    from tests.installed.environments import Installer

SEND = """
import json, sys, warnings

import django
from django.conf import settings

warnings.simplefilter("error")
page = {}
exec(sys.argv[1], page)
misspelled = {"BACKEND": "mailbus.django.EmailBackend", "OPTIONS": {"stage": "prod", "lnae": "bulk"}}
settings.configure(MAILERS={**page["MAILERS"], "misspelled": misspelled}, DEFAULT_FROM_EMAIL="a@example.com")
django.setup()

from django.core import mail
from mailbus.client import Result
from mailbus.django import backend

sent = []

class Client:
    def __init__(self, url=None, *, stage=None, lane=None):
        self.queue = [url, stage, lane]

    def send_many(self, jobs):
        made = [[job["subject"], *self.queue] for job in jobs]
        sent.extend(made)
        return [Result(job_id="job", message_id="message") for _ in made]

backend.Client = Client

def message(subject, **attributes):
    made = mail.EmailMessage(subject, "Hello.", to=["ann@example.net"])
    vars(made).update(attributes)
    return made

message("default").send()
message("news").send(using="newsletter")
message("urgent news", mailbus_bulk=False).send(using="newsletter")
mail.mailers["newsletter"].send_messages([message("more news")])
try:
    mail.mailers["misspelled"]
except mail.InvalidMailer as error:
    refused = str(error)
# deprecated, but there until Django removes them
warnings.simplefilter("ignore")
silent = mail.get_connection(fail_silently=True, host="smtp.example.com")
assert silent.fail_silently
assert silent.send_messages([message("nobody", to=["no address"])]) == 0
mail.send_mail("deprecated", "Hello.", None, ["ann@example.net"], fail_silently=True, auth_user="u")
print(json.dumps({"sent": sent, "refused": refused}))
"""


@pytest.mark.skipif("3.12" not in PYTHONS, reason="Django 6.1 needs Python 3.12")
def test_mailers_have_their_own_options_and_no_deprecated_use(install: Installer) -> None:
    environment = install("3.12", "mailbus[django]", "-r django-6.1", lock="runtime")
    page = (ROOT / "docs/django.md").read_text()
    (mailers,) = re.findall(r"^```py\n(MAILERS = {\n.*?)^```", page, re.DOTALL | re.MULTILINE)

    done: dict[str, Any] = json.loads(environment.run("-c", SEND, mailers).stdout)

    assert done["sent"] == [
        ["default", None, "prod", "transactional"],
        ["news", None, "prod", "bulk"],
        ["urgent news", None, "prod", "transactional"],
        ["more news", None, "prod", "bulk"],
        ["deprecated", None, "prod", "transactional"],
    ]
    assert done["refused"] == "MAILERS['misspelled']: Unknown options 'lnae'."
