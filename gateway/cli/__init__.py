"""The command line: one noun a file."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gateway.cli import terminal
from gateway.cli.nouns import ALONE, add_nouns

if TYPE_CHECKING:
    import typer


def main() -> None:
    """Run `gateway`. What it makes is not for others to write to, though sudo gives the umask 0002."""
    os.umask(os.umask(0o022) | 0o022)
    # What is imported stays: collecting garbage between costs a tenth of a second and finds none, nor
    # does looking through it again later.
    gc.disable()
    app = app_for(sys.argv[1:])
    gc.freeze()
    gc.enable()
    terminal.prepare()
    try:
        app()
    except OSError as error:  # Of what no command catches, such as the help.
        from gateway.cli.console import complain  # noqa: PLC0415

        complain(terminal.words(error))
        sys.exit(1)


def app_for(arguments: Sequence[str]) -> typer.Typer:
    """The command with the noun that the arguments begin with; with all of them where that is not plain."""
    noun = arguments[0] if arguments else ""
    if noun not in ALONE:
        from gateway.cli.app import app  # noqa: PLC0415 - importing the package stays cheap

        return app
    from gateway.cli.root import root  # noqa: PLC0415

    alone = root()
    add_nouns(alone, noun)
    return alone
