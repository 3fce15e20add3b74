from __future__ import annotations

import pytest

from mailbus_local.ses.state.identities import covering_identity


@pytest.mark.parametrize(
    ("email", "identity"),
    [
        ("shop@example.com", "example.com"),
        ("Shop@News.Example.com", "news.example.com"),
        ("shop@deep.mail.example.com", "example.com"),
        ("ceo@partner.example", "ceo@partner.example"),
        ("cfo@partner.example", None),
        ("shop@notexample.com", None),
        ("shop@com", None),
    ],
)
def test_the_nearest_identity_covers_an_address(email: str, identity: str | None) -> None:
    known = {"example.com", "news.example.com", "ceo@partner.example"}
    assert covering_identity(email, known) == identity
