"""Shared parts of the provider's commands: the kit's folder, and the source of passphrases."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Self

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn

from gateway.cli.console import complain, err, in_words, plain, say
from gateway.errors import GatewayError
from gateway.send.kit import Kit
from gateway.send.passphrases import Passphrases, in_file
from gateway.send.sending import KitAtWork


def _of_provider(context: typer.Context, kit: Path) -> Path:
    named = context.parent.params.get("provider") if context.parent else None
    if not named:
        return kit
    try:
        return Kit(kit).of(named).root
    except GatewayError as error:
        raise typer.BadParameter(in_words(str(error))) from None


KitOption = Annotated[
    Path,
    typer.Option(
        "--kit",
        envvar="GATEWAY_KIT",
        resolve_path=True,
        callback=_of_provider,
        help="The folder of keys, receipts and what was sent.",
    ),
]
PassphraseFileOption = Annotated[
    Path | None,
    typer.Option(
        envvar="GATEWAY_KIT_PASSPHRASE_FILE",
        help="Its first line is the keys' passphrase; where the SSH key has another, that is the second.",
    ),
]
AnywayOption = Annotated[
    bool, typer.Option("--anyway", help="Send also what is not as the agreement has it. Needs --why.")
]
AnywayWhyOption = Annotated[str, typer.Option(help="Why it is sent all the same; kept with what was sent.")]


def reason_anyway(anyway: bool, why: str) -> str:
    """Return the reason for sending faulty files, empty if not wanted. GatewayError without a reason."""
    if anyway and not why.strip():
        raise GatewayError("say why it is sent all the same: --why")
    return why if anyway else ""


DEFAULT_KIT = Path(typer.get_app_dir("gateway-send"))
"""The user's kit, unless another folder is named."""


class Display:
    """Progress bar for a file, on a terminal; hidden while a person is asked."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        self._bar = Progress(*columns, console=err, transient=True)
        self._task: tuple[str, TaskID] | None = None

    def __enter__(self) -> Self:
        """Return the display; the bar appears with the first step."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the bar."""
        self._bar.stop()

    def ask(self, question: str) -> str:
        """Ask a person for a secret, without echo."""
        self._bar.stop()
        return str(typer.prompt(in_words(question), hide_input=True, err=True))

    def at(self, step: str, name: str, done: int, size: int) -> None:
        """Show the progress of a step on a file, in bytes."""
        shown = f"{step} {plain(name)}"
        if self._task is None or self._task[0] != shown:
            if self._task is not None:
                self._bar.remove_task(self._task[1])
            self._task = shown, self._bar.add_task(shown, total=size, completed=done)
        if self._bar.console.is_terminal:
            self._bar.start()
        self._bar.update(self._task[1], completed=done)

    def broken(self, error: str) -> None:
        """Print that a session broke or failed, and will be tried again."""
        say(f"{plain(error)}: trying again", err)


@contextmanager
def at_work(kit: Path, passphrase_file: Path | None) -> Iterator[KitAtWork]:
    """Yield the kit in a folder with unlocked keys, and progress shown on a terminal."""
    opened = Kit(kit)
    with Display() as shown:
        sender = KitAtWork(opened, passphrases_of(opened, passphrase_file, shown.ask), shown)
        sender.unlock()
        yield sender


def passphrases_of(kit: Kit, file: Path | None, ask: Callable[[str], str] | None = None) -> Passphrases:
    """Return the source of passphrases for a kit's keys; `ask` asks a person."""
    asking = ask or Display().ask
    return Passphrases(kit.settings().provider, file, asking if sys.stdin.isatty() else None)


def new_passphrases(file: Path | None, judge: Callable[[str], None]) -> tuple[str, str]:
    """Return the passphrases of the OpenPGP and the SSH key: from a file, or typed twice.

    A person is asked until `judge` raises no error; a file has one chance.
    """
    if file is not None:
        known = in_file(file)
        return known["openpgp"], known["ssh"]
    if not sys.stdin.isatty():
        raise GatewayError("the keys need a passphrase: name a file that holds it with --passphrase-file")
    while True:
        typed = str(typer.prompt(in_words("A passphrase for your keys"), hide_input=True, err=True))
        try:
            judge(typed)
        except GatewayError as error:
            complain(str(error))
            continue
        if typed == typer.prompt(in_words("The same once more"), hide_input=True, err=True):
            return typed, typed
        complain("the two are not the same")


def needed(question: str, option: str) -> str:
    """Ask a person for a line. GatewayError, naming the option, without a terminal."""
    if not sys.stdin.isatty():
        raise GatewayError(f"say it with {option}")
    return str(typer.prompt(in_words(question), err=True)).strip()
