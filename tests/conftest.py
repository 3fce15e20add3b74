"""For all tests."""

from __future__ import annotations

from hypothesis import settings

# The time that one example takes says nothing on a busy machine. Every run has the same examples, so that a
# failure can be repeated.
settings.register_profile("mailbus", deadline=None, derandomize=True)
settings.load_profile("mailbus")
