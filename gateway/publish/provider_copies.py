"""Where a provider's own copy of a file about it lies in published/."""

from __future__ import annotations

from pathlib import Path

from gateway.home import Home, shown_name
from gateway.registry.copies import Copy


def copy_path(home: Home, copy: Copy) -> Path:
    """Where a copy lies once it is made."""
    name = shown_name(f"{copy.flow}_{copy.decided_at:%Y-%m-%d}_{copy.reference}.{copy.extension}.pgp")
    return home.published.provider(copy.provider) / "out" / name
