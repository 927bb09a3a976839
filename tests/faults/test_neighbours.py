"""While one provider does its worst within its limits, another's receipts come hardly later."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.attacks.neighbours import Street, cost

FILES = 20
# What an attack costs shows in every attempt; what the machine does beside it does not.
ATTEMPTS = 4


@pytest.mark.timeout(400)
def test_a_heap_keeps_nobody_waiting(tmp_path: Path) -> None:
    """Within three times the quiet value and the time of one file; the other attacks: `neighbours.py`."""
    with Street.opened(tmp_path) as street:
        for _ in range(ATTEMPTS):
            found = cost(street, "a heap of small files", FILES)
            print(found.row())
            if found.is_bounded:
                return
    pytest.fail(found.row())
