"""demo: the whole path in a temporary home."""

from __future__ import annotations
from gateway.cli.console import fails_clearly


@fails_clearly
def demo() -> None:
    """Show the gateway at work in a temporary home, and clean up."""
