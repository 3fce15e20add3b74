"""The identities that receiving creates: one for each domain that nothing else verifies."""

from __future__ import annotations

import pytest

from mailbus_cdk.settings import Settings
from mailbus_cdk.settings.identities import covers, present, to_create
from mailbus_cdk.settings.receiving import Inbound
from mailbus_cdk.settings.tables import SessionParams

ARN = "arn:aws:ses:us-east-1:444455556666:identity/example.org"


def _settings(
    *domains: str,
    identity: str = "example.com",
    others: tuple[str, ...] = (),
    existing: tuple[str, ...] = (),
    session_params: SessionParams | None = None,
) -> Settings:
    return Settings(
        stage="dev",
        region="us-east-1",
        identity=identity,
        other_identities=others,
        session_params=session_params or SessionParams(),
        identity_exists=session_params is not None or identity in existing,
        configuration_set_name="existing",
        configuration_set_exists=True,
        inbound=Inbound(domains=domains, existing_identities=existing),
    )


CREATED = {
    "a domain of its own": (_settings("example.org"), ("example.org",)),
    "none for the identity": (_settings("example.com"), ()),
    "none below the identity": (_settings("in.example.com"), ()),
    "one above the identity": (_settings("example.com", identity="mail.example.com"), ("example.com",)),
    "one that ends alike": (_settings("myexample.com"), ("myexample.com",)),
    "one of an address's domain": (_settings("example.com", identity="shop@example.com"), ("example.com",)),
    "none for one of the other identities": (_settings("example.org", others=("example.org",)), ()),
    "none below one of the other identities": (_settings("in.example.org", others=("example.org",)), ()),
    "one for the domain of another address": (
        _settings("example.org", others=("me@example.org",)),
        ("example.org",),
    ),
    "one for an identity of another account": (_settings("example.org", others=(ARN,)), ("example.org",)),
    "none for one that exists": (_settings("example.org", existing=("example.org",)), ()),
    "none below one that exists": (_settings("in.example.org", existing=("example.org",)), ()),
    "one above one that exists": (_settings("example.org", existing=("in.example.org",)), ("example.org",)),
    "none below another receiving domain": (
        _settings("eu.in.example.org", "in.example.org", "us.in.example.org"),
        ("in.example.org",),
    ),
    "each of several": (
        _settings("example.org", "in.example.com", "example.net"),
        ("example.org", "example.net"),
    ),
    "the identity of SES in another region is not here": (
        _settings("in.example.com", session_params=SessionParams(region="eu-west-1")),
        ("in.example.com",),
    ),
    "an identity that exists is here, wherever mail is sent": (
        _settings(
            "in.example.com", existing=("example.com",), session_params=SessionParams(region="eu-west-1")
        ),
        (),
    ),
}


@pytest.mark.parametrize(("settings", "created"), CREATED.values(), ids=CREATED)
def test_which_identities_are_created(settings: Settings, created: tuple[str, ...]) -> None:
    assert to_create(settings) == created


def test_the_identities_that_are_there_are_of_this_account() -> None:
    settings = _settings("example.org", others=("example.net", ARN), existing=("example.info",))
    assert present(settings) == ("example.com", "example.net", "example.info")


@pytest.mark.parametrize(
    ("identity", "name", "verified"),
    [
        ("example.com", "me@in.example.com", True),
        ("me@example.com", "me@example.com", True),
        ("me@example.com", "you@example.com", False),
        ("in.example.com", "me@example.com", False),
    ],
)
def test_an_identity_verifies_its_addresses(identity: str, name: str, verified: bool) -> None:  # noqa: FBT001 - pytest's
    assert covers(identity, name) is verified
