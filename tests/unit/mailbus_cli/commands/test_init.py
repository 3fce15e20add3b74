"""`mailbus init` before a stage is deployed; afterwards it is in tests/e2e/test_init_command.py."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import typer

from mailbus_cdk.settings import Settings
from mailbus_cli import frame

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS = ("--domain", "shop.test", "--region", "eu-west-1", "--yes")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    # no credentials, nor a machine's own
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return tmp_path


def test_options_make_a_stage_and_what_comes_next_is_shown(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert frame.run(["init", *OPTIONS, "--receive", "in.shop.test"]) == 0
    out, err = capsys.readouterr()
    assert err == "wrote [stages.prod] to mailbus.toml\n"
    assert "cdk deploy --app 'python3 -m mailbus_cdk' --all --context stage=prod\n" in out
    assert "\tin.shop.test\tMX\t10 inbound-smtp.eu-west-1.amazonaws.com\t" in out
    settings = Settings.load(folder / "mailbus.toml", "prod")
    assert settings.mail_from_domain == "bounces.shop.test"
    assert settings.inbound.domains == ("in.shop.test",)


def test_in_a_checkout_the_command_is_that_of_its_app(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "cdk.json").write_text("{}")
    assert frame.run(["init", *OPTIONS]) == 0
    assert "  cdk deploy --all --context stage=prod\n" in capsys.readouterr().out


def test_json_has_the_records_that_will_be_needed(capsys: pytest.CaptureFixture[str]) -> None:
    assert frame.run(["init", *OPTIONS, "--mail-from", "", "--dmarc", "reject", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["stage"], report["written"], report["deployed"]) == ("prod", True, False)
    assert [record["name"] for record in report["records"]] == [
        *(f"<token{number}>._domainkey.shop.test" for number in (1, 2, 3)),
        "_dmarc.shop.test",
    ]


def test_addresses_of_dmarc_reports_are_in_the_record(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    addresses = ("dmarc@shop.test", "reports@shop.test")
    options = (part for address in addresses for part in ("--dmarc-rua", address))
    assert frame.run(["init", *OPTIONS, *options, "--json"]) == 0
    *_, record = json.loads(capsys.readouterr().out)["records"]
    assert record["value"] == "v=DMARC1; p=none; rua=mailto:dmarc@shop.test,mailto:reports@shop.test"
    assert Settings.load(folder / "mailbus.toml", "prod").dmarc_rua == addresses


def test_a_second_run_writes_nothing_and_shows_the_same(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert frame.run(["init", *OPTIONS]) == 0
    first, content = capsys.readouterr().out, (folder / "mailbus.toml").read_bytes()
    assert frame.run(["init"]) == 0
    out, err = capsys.readouterr()
    assert err.splitlines() == [
        "the stage prod is in mailbus.toml already; nothing is written",
        "what is deployed is not known: there are no AWS credentials",
    ]
    assert first.endswith(out)
    assert (folder / "mailbus.toml").read_bytes() == content


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (("--yes",), 2, "mailbus: the domain is missing"),
        (("--domain", "shop.test", "--yes"), 2, "mailbus: the region is missing"),
        ((*OPTIONS, "--watch"), 2, "mailbus: mailbus.toml has no stage prod"),
        ((*OPTIONS, "--stage", "Prod"), 1, "mailbus: stage must be the name of a stage"),
        ((*OPTIONS, "--dmarc", "never"), 1, "mailbus: mailbus.toml: [stages.prod] dmarc_policy: "),
        ((*OPTIONS, "--dmarc-rua", "shop"), 1, "mailbus: mailbus.toml: [stages.prod] dmarc_rua"),
        (
            (*OPTIONS, "--dmarc", "", "--dmarc-rua", "dmarc@shop.test"),
            1,
            "mailbus: mailbus.toml: [stages.prod] dmarc_rua: needs dmarc_policy",
        ),
    ],
)
def test_what_is_wrong_writes_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, reason: str
) -> None:
    assert frame.run(["init", *arguments]) == code
    assert capsys.readouterr().err.startswith(reason)
    assert not (folder / "mailbus.toml").exists()


def test_a_stage_that_is_there_with_another_domain_is_an_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert frame.run(["init", *OPTIONS]) == 0
    capsys.readouterr()
    assert frame.run(["init", "--domain", "other.test"]) == 1
    assert capsys.readouterr().err == (
        "mailbus: the stage prod is in mailbus.toml already, with identity shop.test\n"
        "hint: edit the file, or choose another name with --stage\n"
    )


def test_answers_are_asked_for_again_until_they_are_right(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = iter(["not a domain", "eu-west-1", "-", "Shop.TEST", "eu-west-1", "in.shop.test, x.test"])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr(typer, "prompt", lambda *_texts, **_options: next(answers))
    assert frame.run(["init"]) == 0
    err = capsys.readouterr().err
    assert "identity: must be a domain in lower case" in err
    settings = Settings.load(folder / "mailbus.toml", "prod")
    assert (settings.identity, settings.inbound.domains) == ("shop.test", ("in.shop.test", "x.test"))
