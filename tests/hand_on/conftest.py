"""What tests of handing on begin with."""

from __future__ import annotations

import pytest

from tests.hand_on import nights
from tests.workshop import Desk


@pytest.fixture
def sent(desk: Desk) -> str:
    """A file that was handed on into a folder."""
    return nights.sent(desk)
