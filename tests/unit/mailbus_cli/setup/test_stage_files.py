from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest

from mailbus.errors import ConfigurationError
from mailbus_cli.errors import CommandError
from mailbus_cli.setup.stage_files import Stage, checked, names, read, with_stage, write

if TYPE_CHECKING:
    from pathlib import Path

STAGE = Stage(
    name="prod",
    region="eu-west-1",
    identity="shop.test",
    mail_from_domain="bounces.shop.test",
    dmarc_policy="none",
    dmarc_rua=("dmarc@shop.test", "reports@dmarc.test"),
    inbound=("in.shop.test", "other.test"),
)
PLAIN = Stage(name="dev", region="eu-west-1", identity="ann@shop.test")
OWN = 'region = "us-east-1" # ours\n[sender]\nledger_days = 30\n[stages.dev]\nidentity = "dev.test"\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mailbus.toml"


def _written(path: Path, content: str | None, stage: Stage = STAGE) -> str:
    if content is not None:
        path.write_bytes(content.encode())
    old = read(path)
    text = with_stage(old, stage)
    checked(path, text, stage.name)
    write(path, old, text)
    return path.read_bytes().decode()


def test_a_new_file_has_the_stage_with_all_that_was_said(path: Path) -> None:
    assert _written(path, None).startswith("# Settings of the deployments, ")
    settings, warnings = checked(path, path.read_text(), "prod")
    assert (settings.region, settings.identity) == ("eu-west-1", "shop.test")
    assert (settings.mail_from_domain, settings.dmarc_policy) == ("bounces.shop.test", "none")
    assert settings.dmarc_rua == ("dmarc@shop.test", "reports@dmarc.test")
    assert settings.inbound.domains == ("in.shop.test", "other.test")
    assert warnings == ()


def test_what_was_not_said_is_left_out(path: Path) -> None:
    _written(path, None, PLAIN)
    assert tomllib.loads(path.read_text()) == {
        "stages": {"dev": {"region": "eu-west-1", "identity": "ann@shop.test"}}
    }


@pytest.mark.parametrize("content", ["", OWN, OWN.rstrip(), OWN.replace("\n", "\r\n"), "# ü\n" + OWN])
def test_a_file_is_added_to_and_what_is_there_stays_byte_by_byte(path: Path, content: str) -> None:
    text = _written(path, content)
    assert text.startswith(content)
    assert names(path)[-1] == "prod"
    assert ("\r\n" in text) == ("\r\n" in content)
    assert text.replace("\r\n", "").count("\r") == 0


def test_a_stage_gets_the_defaults_at_the_top_of_its_file(path: Path) -> None:
    settings, _ = checked(path, with_stage(OWN, STAGE), "prod")
    assert (settings.sender.ledger_days, settings.region) == (30, "eu-west-1")


def test_a_domain_of_another_stage_is_warned_of(path: Path) -> None:
    _, warnings = checked(
        path, with_stage('[stages.dev]\nregion = "eu-west-1"\nidentity = "shop.test"\n', STAGE), "prod"
    )
    assert "shop.test is that of the stage dev too" in warnings[0]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"identity": "Shop"}, r"^mailbus\.toml: \[stages\.prod\] identity: must be a domain"),
        ({"identity": 'a"b\nregion = "x'}, "identity: must be a domain"),
        ({"identity": "example.com"}, "example.com is reserved"),
        ({"region": "moon"}, "region: "),
        ({"mail_from_domain": "bounces.other.test"}, "mail_from_domain: "),
        ({"dmarc_policy": "never"}, "dmarc_policy: "),
        ({"inbound": ("ann@shop.test",)}, "domains"),
        ({"name": "Prod"}, "stage must be the name of a stage"),
    ],
)
def test_what_is_wrong_is_said_as_at_deployment(path: Path, change: dict[str, str], reason: str) -> None:
    stage = Stage(
        **{  # type: ignore[arg-type]  # of different types
            "name": "prod",
            "region": "eu-west-1",
            "identity": "shop.test",
            **change,
        }
    )
    with pytest.raises(ConfigurationError, match=reason):
        checked(path, with_stage(None, stage), stage.name)


@pytest.mark.parametrize("content", ["stages = { dev = { } }\n", "stages = 1\n"])
def test_stages_that_cannot_be_added_to_are_left_alone(path: Path, content: str) -> None:
    with pytest.raises(CommandError, match="cannot be added to at its end") as error:
        _written(path, content)
    assert error.value.hint == "write [stages.prod] into it by hand"
    assert path.read_text() == content


def test_a_file_that_is_no_toml_or_no_utf8_is_left_alone(path: Path) -> None:
    path.write_text("[stages\n")
    with pytest.raises(CommandError, match=r"mailbus\.toml is not TOML"):
        names(path)
    path.write_bytes(b"# \xff\n")
    with pytest.raises(CommandError, match=r"mailbus\.toml is not UTF-8"):
        read(path)


@pytest.mark.parametrize("before", [None, OWN])
def test_a_file_that_changed_meanwhile_is_left_alone(path: Path, before: str | None) -> None:
    path.write_text("# another's\n")
    with pytest.raises(CommandError, match="was changed meanwhile"):
        write(path, before, with_stage(before, STAGE))
    assert path.read_text() == "# another's\n"
