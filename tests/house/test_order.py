"""The order in which the files of the suite are begun."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import LONG

TESTS = Path(__file__).parents[1]


def test_the_files_that_take_longest_are_where_the_order_looks_for_them() -> None:
    """One that was moved would be begun among the last, and a worker be left with it at the end."""
    assert [name for name in LONG if not (TESTS / name).is_file()] == []
    assert len(set(LONG)) == len(LONG)
