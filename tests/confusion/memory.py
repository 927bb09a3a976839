"""How much memory a piece of work takes at its peak, as Linux counts it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SELF = Path("/proc/self")


class Growth:
    """Megabytes at the peak above those at the start; known when the work is over."""

    megabytes = 0


@contextmanager
def measured() -> Iterator[Growth]:
    """The growth of this process's resident memory while the block runs."""
    (_SELF / "clear_refs").write_text("5")  # Sets the peak to what is resident now; see proc(5).
    before, growth = _kilobytes("VmRSS"), Growth()
    yield growth
    growth.megabytes = (_kilobytes("VmHWM") - before) // 1024


def _kilobytes(field: str) -> int:
    status = (_SELF / "status").read_text()
    return int(status.split(f"{field}:")[1].split()[0])
