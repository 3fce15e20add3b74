"""One-click unsubscribe from the job to the raw mail: what mail programs read is what the job meant."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mailbus.jobs.parsing import parse_job
from sender.ses.send_bulk_email import build_bulk_request
from sender.ses.send_email import build_request
from tests.unit.one_click import one_click_uri, unsubscribe_uris
from tests.unit.sender.settings import SETTINGS

if TYPE_CHECKING:
    from tests.unit.mailbus_local.simulated_ses import SesEnvironment

SQS_ID = "0f0e0d0c-0000-4000-8000-000000000001"
POST = {"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
LONG = "https://www.example.com/out?t=" + "a1B2" * 221
WRITTEN = [
    ("<https://www.example.com/out?reader=17>", "https://www.example.com/out?reader=17"),
    (
        "<https://käse.example/abbestellen?für=Jürgen>",
        "https://xn--kse-qla.example/abbestellen?f%C3%BCr=J%C3%BCrgen",
    ),
    (
        "<mailto:out@example.com?subject=Bitte streichen>,<https://www.example.com/ü>",
        "https://www.example.com/%C3%BC",
    ),
    (f"<{LONG}>,<mailto:out@example.com>", LONG),
    (f"<{LONG}xx> (opens our page)", f"{LONG}xx"),
]
TEMPLATE = {"Subject": "News", "Text": "Dear {{name}}"}


def sent(env: SesEnvironment, **fields: Any) -> list[str]:
    """Send a job as the sender does, and return its raw mails."""
    body = json.dumps({"from_email": "news@example.com", **fields})
    job = parse_job(body, SQS_ID)
    configuration = {"ConfigurationSetName": env.configuration_set}
    if job.merge is None:
        params = build_request(job, SETTINGS).params
        ids = [env.sesv2.send_email(**{**params, **configuration})["MessageId"]]
    else:
        request = build_bulk_request(job, SETTINGS, None)
        params = {**request.params, **configuration, "BulkEmailEntries": list(request.entries)}
        results = env.sesv2.send_bulk_email(**params)["BulkEmailEntryResults"]
        assert [result["Status"] for result in results] == ["SUCCESS"] * len(results)
        ids = [result["MessageId"] for result in results]
    return [env.message(message_id)["raw"] for message_id in ids]


@pytest.mark.parametrize(("written", "uri"), WRITTEN, ids=range(len(WRITTEN)))
def test_an_ordinary_mail_offers_one_click(env: SesEnvironment, written: str, uri: str) -> None:
    [raw] = sent(env, to="ann@example.org", text="Hello", headers={"List-Unsubscribe": written, **POST})
    assert one_click_uri(raw) == uri


@pytest.mark.parametrize("stored", [False, True])
def test_each_mail_of_a_merge_offers_its_own_one_click(env: SesEnvironment, stored: bool) -> None:  # noqa: FBT001 - a row
    content: dict[str, Any] = {"subject": "News", "text": "Dear {{name}}"}
    if stored:
        env.sesv2.create_email_template(TemplateName=env.name, TemplateContent=TEMPLATE)
        content = {"template_id": env.name}
    to = [f"reader{number}@example.org" for number in range(len(WRITTEN))]
    raws = sent(
        env,
        to=to,
        **content,
        merge_data={address: {"name": address} for address in to},
        headers=POST,
        merge_headers={
            address: {"List-Unsubscribe": written} for address, (written, _) in zip(to, WRITTEN, strict=True)
        },
    )
    assert [one_click_uri(raw) for raw in raws] == [uri for _, uri in WRITTEN]


def test_all_mails_of_a_merge_may_share_their_headers(env: SesEnvironment) -> None:
    written, uri = WRITTEN[1]
    headers = {"list-unsubscribe": written, **POST}
    raws = sent(env, to=["a@example.org", "b@example.org"], text="Hello", merge_data={}, headers=headers)
    assert [one_click_uri(raw) for raw in raws] == [uri, uri]


def test_many_uris_are_folded_where_mail_programs_expect_it(env: SesEnvironment) -> None:
    uris = [f"https://www{number}.example.com/out?t={'x' * 300}" for number in range(12)]
    headers = {"List-Unsubscribe": ",".join(f"<{uri}>" for uri in uris)}
    [raw] = sent(env, to="ann@example.org", text="Hello", headers=headers)
    assert unsubscribe_uris(raw) == uris
