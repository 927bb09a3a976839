"""demo: the whole path in a temporary home."""

from __future__ import annotations

from gateway.cli.console import fails_clearly, out


@fails_clearly
def demo() -> None:
    """Show the gateway at work: real services and files in a temporary home, which is cleaned up."""
    from gateway.homes.demo.story import demonstrate  # noqa: PLC0415 - loads every library

    demonstrate(out)
