"""send watch: a folder whose files are sent on arrival; also as a service."""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.console import fails_clearly, in_words, plain
from gateway.cli.send_kit import (
    DEFAULT_KIT,
    AnywayOption,
    AnywayWhyOption,
    KitOption,
    PassphraseFileOption,
    at_work,
    reason_anyway,
)
from gateway.cli.signals import until_told
from gateway.errors import ChoiceError, GatewayError
from gateway.model import counted

_STILL_SECONDS = 5.0


@fails_clearly
def watch(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", file_okay=False, help="Put plain files here.")],
    still: Annotated[
        float, typer.Option(min=0, help="A file is taken once unchanged for so many seconds.")
    ] = (_STILL_SECONDS),
    anyway: AnywayOption = False,
    why: AnywayWhyOption = "",
    once: Annotated[bool, typer.Option("--once", help="Stop once nothing is left to send.")] = False,
    kit: KitOption = DEFAULT_KIT,
    passphrase_file: PassphraseFileOption = None,
) -> None:
    """Send files put into a folder: each ends in sent, held or refused, with the receipt beside."""
    from gateway.send.watching import Stillness, WatchedFolder  # noqa: PLC0415 - keeps --help quick

    because = reason_anyway(anyway, why)
    with at_work(kit, passphrase_file) as sender:
        watched = WatchedFolder(
            sender,
            folder,
            Stillness(still, time.monotonic),
            tell=lambda line: typer.echo(plain(in_words(line))),
            anyway=because,
            in_words=in_words,
        )
        with until_told() as stop:
            watched.run(stop, once=once)
    if once and watched.stuck:
        raise GatewayError(f"{counted(len(watched.stuck), 'file')} in {folder} could not be taken: see above")


@fails_clearly
def unattended(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", file_okay=False, help="The folder to watch.")],
    by: Annotated[str, typer.Option(help="What starts it: user or system (systemd), or windows.")] = "windows"
    if sys.platform == "win32"
    else "user",
    kit: KitOption = DEFAULT_KIT,
    passphrase_file: PassphraseFileOption = None,
) -> None:
    """Print the systemd unit, or the task of Windows, that watches a folder while nobody is logged on.

    Its first lines say where it belongs. Where nobody is logged on no key ring is open: the passphrase stands
    in a file, which your account alone may read.
    """
    from gateway.send.unattended import Manager, definition  # noqa: PLC0415 - keeps --help quick

    if by not in set(Manager):
        raise ChoiceError(f"it is started by one of {', '.join(Manager)}")
    if passphrase_file is None:
        raise GatewayError(
            "nobody is there to be asked: name the file of the passphrase with --passphrase-file"
        )
    typer.echo(definition(Manager(by), folder, kit, passphrase_file), nl=False)
