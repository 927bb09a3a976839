"""A watched folder of the provider's side, while it and the whole gateway are killed again and again.

`python -m tests.send.many` does the same with a thousand files.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.send import many


@pytest.mark.timeout(600)
def test_each_file_is_accepted_once_and_has_one_verified_receipt(tmp_path: Path) -> None:
    many.run(tmp_path, files=60, kills=10, seed=2)
