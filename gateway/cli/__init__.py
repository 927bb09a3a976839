"""The command line: each module has the commands of one noun, or parts shared by several."""

import gc
import os
import sys

from gateway.cli import terminal


def main() -> None:
    """Run the `gateway` command. Only the owner may write to new files, even under the umask 0002 of sudo."""
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
        COMMAND(prog_name="gateway")  # On Windows the interpreter starts it, by another name.
    except OSError as error:  # Raised outside every command, as by the help.
        sys.exit(f"gateway: {terminal.words(error)}")
