"""Files about what else a file may hold: columns nobody lists, sensitive ones, grades."""

from __future__ import annotations

from tests.classify import made
from tests.corpus.corpus import Files


def _core() -> bytes:
    return made.as_csv(made.core_rows()).encode()


FILES: Files = {"core.csv": _core}
