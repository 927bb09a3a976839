"""What `python -m tests.web.large` does with 1 GiB, with less."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.web.browsers import BROWSERS
from tests.web.large import MIB, MOST_MIB, made, sends_large
from tests.web.school import enrolled, school_at

pytestmark = pytest.mark.long


@pytest.mark.parametrize("name", BROWSERS)
def test_a_file_larger_than_its_memory_is_sealed_cut_off_and_sent(name: str, tmp_path: Path) -> None:
    with school_at(tmp_path / "site", name) as school:
        page = enrolled(school, tmp_path)
        assert sends_large(school, page, made(tmp_path / "large.csv", 32), cuts=4).page <= MOST_MIB * MIB
