"""The command line: one noun a file."""

import gc
import os
import sys

from gateway.cli import terminal


def main() -> None:
    """Run `gateway` with the umask 0022, since sudo gives 0002 and others must not write to new files."""
    os.umask(os.umask(0o022) | 0o022)
    # Imported modules stay: collecting garbage meanwhile would cost a tenth of a second
    # and find none; freezing spares later collections.
    gc.disable()
    from gateway.cli.app import COMMAND  # noqa: PLC0415 - importing the package stays cheap

    commands = COMMAND.commands
    for word in sys.argv[1:3]:
        commands = getattr(commands.get(word), "commands", {})
    if "_GATEWAY_COMPLETE" in os.environ:  # A shell asks for completions.
        from typer.completion import completion_init  # type: ignore[attr-defined]  # noqa: PLC0415

        completion_init()
    gc.freeze()
    gc.enable()
    terminal.prepare()
    try:
        COMMAND(prog_name="gateway")  # Also where the interpreter starts it, as on Windows.
    except OSError as error:  # Outside commands, as in the help.
        sys.exit(f"gateway: {terminal.words(error)}")
