from __future__ import annotations

import pytest

import mailbus
from tests.unit.mailbus.deployment import in_a_process
from tests.unit.mailbus.fake_deployment import (
    TAGS,
)


def test_importing_mailbus_loads_no_client() -> None:
    ran = in_a_process("""
import sys
import mailbus
assert mailbus.__version__
assert not {"boto3", "botocore", "msgspec", "mailbus.client"} & set(sys.modules)
""")
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("name", sorted(set(mailbus.__all__)))
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(mailbus, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Klient'"):
        getattr(mailbus, "Klient")  # noqa: B009 - not known to the type checker
    assert not hasattr(mailbus, "TAGS")
    assert set(TAGS) >= {"mailbus:jobs-bucket", "mailbus:ledger-table"}
