"""Where the sealed file of a transfer lies."""

from __future__ import annotations

from pathlib import Path

from gateway.home import Home
from gateway.store.of_home import SealedFolder


def sealed_file(home: Home, reference: str) -> Path:
    return SealedFolder(home.root / "sealed").path(reference)
