from __future__ import annotations

import pytest

from mailbus_local.ses.sending.mailbox_simulator import outcome


@pytest.mark.parametrize(
    ("email", "becomes"),
    [
        ("success+1@simulator.amazonses.com", "delivered"),
        ("OOTO@simulator.amazonses.com", "autoresponded"),
        ("bounce+label@Simulator.AmazonSES.com", "bounced"),
        ("complaint@simulator.amazonses.com", "complained"),
        ("suppressionlist@simulator.amazonses.com", "suppressed"),
        ("bounce@customer.example", "delivered"),
    ],
)
def test_the_local_part_of_a_simulator_address_decides_the_outcome(email: str, becomes: str) -> None:
    assert outcome(email) == becomes
