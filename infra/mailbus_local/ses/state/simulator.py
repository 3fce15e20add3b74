"""The state of a simulator."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from mailbus_local.ses.authorization import Authorization
from mailbus_local.ses.formats import Origin
from mailbus_local.ses.publisher import Publisher
from mailbus_local.ses.state.account import Account
from mailbus_local.ses.state.faults import Faults
from mailbus_local.ses.state.identity_states import IdentityStates
from mailbus_local.ses.state.messages import MessageStore
from mailbus_local.ses.state.notification_settings import IdentityNotifications
from mailbus_local.ses.state.resources import Resources
from mailbus_local.ses.state.suppression_list import SuppressionList


class SimulatorState(msgspec.Struct, frozen=True, kw_only=True):
    """The state that sending reads and changes."""

    origin: Origin
    account: Account
    faults: Faults
    store: MessageStore
    suppression_list: SuppressionList
    resources: Resources
    authorization: Authorization
    notifications: IdentityNotifications
    identity_states: IdentityStates
    publisher: Publisher
    clock: Callable[[], float]
