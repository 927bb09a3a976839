"""send watch: a folder whose files are sent on arrival; also as a service."""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.console import fails_clearly, in_words, plain
from gateway.cli.send_kit import DEFAULT_KIT, Display, KitOption, PassphraseFileOption, passphrases_of
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
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Send also what is not as the agreement has it. Needs --why.")
    ] = False,
    why: Annotated[str, typer.Option(help="Why it is sent all the same; kept with what was sent.")] = "",
    once: Annotated[bool, typer.Option("--once", help="Stop once nothing is left to send.")] = False,
    kit: KitOption = DEFAULT_KIT,
    passphrase_file: PassphraseFileOption = None,
) -> None:
    """Send files put into a folder: each ends in sent, held or refused, with the receipt beside."""
    from gateway.send.kit import Kit  # noqa: PLC0415 - keeps --help quick
    from gateway.send.sending import KitAtWork  # noqa: PLC0415
    from gateway.send.watching import Stillness, WatchedFolder  # noqa: PLC0415

    if anyway and not why.strip():
        raise GatewayError("say why it is sent all the same: --why")
    opened = Kit(kit)
    with Display() as shown:
        sender = KitAtWork(opened, passphrases_of(opened, passphrase_file, shown.ask), shown)
        sender.unlock()
        watched = WatchedFolder(
            sender,
            folder,
            Stillness(still, time.monotonic),
            tell=lambda line: typer.echo(plain(in_words(line))),
            anyway=why if anyway else "",
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
