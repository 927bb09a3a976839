"""Files outside every flow of the agreement: foreign data, damaged files, and hostile files.

None may be taken for a data type, and none may take long or much memory.
"""

from collections.abc import Iterator
from random import Random

from tests.negatives import binaries, tables, traps
from tests.negatives.tables import Negative

__all__ = ["Negative", "negatives"]

_FAMILIES = (
    traps.outside, tables.files, binaries.files, traps.broken, traps.files, binaries.archives,
)  # fmt: skip


def negatives(rng: Random | None = None) -> Iterator[Negative]:
    """Yield every negative, one at a time because of size; equal states of `rng` give equal bytes."""
    rng = rng or Random(0)
    for family in _FAMILIES:
        yield from family(rng)
