from __future__ import annotations

import pytest

from mailbus_local.ses.errors import SesError
from mailbus_local.ses.state.account import Account, Limits
from mailbus_local.ses.state.pace import KEPT_SECONDS
from tests.unit.mailbus_local.simulated_ses import Clock


def test_recipients_and_throttled_messages_are_counted_by_the_second() -> None:
    clock = Clock()
    clock.now = 10_000.5
    account = Account(Limits(max_send_rate=3), clock)
    account.admit(2, 0)
    account.admit(1, 0)
    with pytest.raises(SesError):
        account.admit(1, 0)
    clock.now += 2
    account.admit(3, 3)
    # the second that is not over yet is left out
    assert account.pace.state().recipients[-2:] == (3, 0)
    clock.now += 1
    state = account.pace.state()
    assert state.until == 10_003
    assert state.recipients[-3:] == (3, 0, 3)
    assert state.throttled[-3:] == (1, 0, 0)
    assert (len(state.recipients), sum(state.recipients)) == (KEPT_SECONDS, 6)


def test_what_is_older_than_15_minutes_is_forgotten() -> None:
    clock = Clock()
    account = Account(Limits(), clock)
    account.admit(5, 5)
    clock.now += KEPT_SECONDS + 1
    assert sum(account.pace.state().recipients) == 0
    account.admit(1, 1)
    clock.now += 1
    assert sum(account.pace.state().recipients) == 1
