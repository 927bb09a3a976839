"""demo: the whole path in a temporary home, or a sandbox to program against."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from gateway.cli.console import fails_clearly
from gateway.homes.demo.story import demonstrate, run_sandbox


@fails_clearly
def demo(
    sandbox: Annotated[
        Path | None,
        typer.Option(help="Make this folder a sandbox instead, and run it until Ctrl-C: docs/vendors.md."),
    ] = None,
) -> None:
    """Show the gateway at work: real services and files in a temporary home, which is removed afterwards."""
    shown = Console(highlight=False, markup=False, emoji=False)  # Of tables and panels, which wrap.
    if sandbox is not None:
        run_sandbox(shown, sandbox)
        return
    demonstrate(shown)
