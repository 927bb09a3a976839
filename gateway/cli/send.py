"""send: the provider's commands, without a home: check, seal and send files, and watch a folder."""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from gateway.classify.findings import describe
from gateway.cli import send_keys
from gateway.cli.commands import JsonOption, command_in
from gateway.cli.console import complain, err, in_words, plain, print_json, say, show, speak
from gateway.cli.send_keys import (
    DEFAULT_KIT,
    AnywayOption,
    AnywayWhyOption,
    KitOption,
    PassphraseFileOption,
    alone_at_work,
    at_work,
    reason_anyway,
)
from gateway.errors import GatewayError
from gateway.model import Classified, counted
from gateway.send import standing
from gateway.send.checking import Check
from gateway.send.connection import BROKEN, CannotReach
from gateway.send.kit import Kit
from gateway.send.sending import AlreadySent, ToSend, pass_on
from gateway.send.sent import ON_ITS_WAY, alone
from gateway.send.trust import told
from gateway.send.watching import Manager, Stillness, WatchedFolder, definition

if TYPE_CHECKING:
    from gateway.send.checking import Seen
    from gateway.send.receipts import Proved
    from gateway.send.sending import KitAtWork

_HELD, _REFUSED = 3, 1
_PATIENCE = 600.0
_STILL_SECONDS = 5.0
_FILES = "files"


class _FilesGroup(TyperGroup):
    """The group of `gateway send`, with the files to send in place of a verb: `gateway send census.xml`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - of typer's own click
        """Parse the arguments. Insert the command that sends files, if the first argument is a file."""
        at = 0
        while args[at:] and args[at].partition("=")[0] in {"--language", "--as"}:
            at += 1 if "=" in args[at] else 2
        if args[at:] and args[at] not in {*self.commands, *ctx.help_option_names}:
            args = [*args[:at], _FILES, *args[at:]]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=_FilesGroup, no_args_is_help=True)


@app.callback()
def _for_all(
    context: typer.Context,
    provider: Annotated[  # noqa: ARG001 - read where the kit is looked for
        str, typer.Option("--as", help="As which provider, in a kit of several, such as a trust's.")
    ] = "",
    language: Annotated[
        str, typer.Option(help="en or cy; by default that of the system's settings (LANG).")
    ] = "",
) -> None:
    asked = language or next(filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    speak("cy" if asked.lower().startswith(("cy", "welsh")) else "en")
    context.call_on_close(lambda: speak("en"))


for _command in (
    send_keys.setup, send_keys.renew, send_keys.rotate, send_keys.revoke, send_keys.ratify,
    send_keys.headings,
):  # fmt: skip
    app.command()(_command)


@command_in(app, _FILES, hidden=True)
def send_files(
    files: Annotated[list[Path], "FILE...", "Plain files; they are sealed here."],
    anyway: AnywayOption = False,
    why: AnywayWhyOption = "",
    again: Annotated[bool, "Also send files that were sent before."] = False,
    wait: Annotated[
        float, typer.Option(min=0, help="The most seconds to spend on sending and on waiting for receipts.")
    ] = _PATIENCE,
    kit: KitOption = DEFAULT_KIT,
    passphrase_file: PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check, sign, encrypt and send files; wait for their receipts and verify them.

    A file sent before is not sent again; the earlier receipt is shown. Exit 0 where all are accepted, 3 where
    some wait (held), 1 where some are refused or were not sent.
    """
    because = reason_anyway(anyway, why)
    with at_work(kit, passphrase_file) as sender:
        sender.refresh(wait)
        seen, problems = _looked_at(sender, files)
    for one in seen:
        _tell_seen(one)
    fit = [one for one in seen if because or not one.stops]
    problems |= {
        one.file: "see above; to send it all the same: --anyway --why" for one in seen if one not in fit
    }
    wishes = [ToSend(one.file, one.digest, one.mark, because if one.stops else "", again) for one in fit]
    results: dict[Path, Proved | GatewayError | None] = {}
    if wishes:
        with alone(kit, seconds=wait), sender.progress:
            results = pass_on(sender, wishes, wait)
    rows = [_result(file, results.get(file), problems.get(file)) for file in files]
    if as_json:
        print_json(rows)
    else:
        for row in rows:
            _tell_result(row, Kit(kit).command)
    states = {row["state"] for row in rows}
    raise typer.Exit(_REFUSED if states - {"accepted", "held"} else _HELD if "held" in states else 0)


@command_in(app)
def receipts(
    kit: KitOption = DEFAULT_KIT, passphrase_file: PassphraseFileOption = None, as_json: JsonOption = False
) -> None:
    """Fetch and verify the receipts of files on the way or held, and list all sent files."""
    with alone_at_work(kit, passphrase_file, _PATIENCE) as sender, sender.files() as sent:
        waiting = sent.in_state(*ON_ITS_WAY, "held")  # A held file will have a second receipt.
        if waiting:
            with sender.session() as sftp:
                sender.receive(sftp, waiting, sent)
        rows = [dataclasses.asdict(one) for one in sent.in_state()]
    columns = ("name", "sealed_at", "state", "reference", "codes")
    show(rows, columns, as_json=as_json, empty="nothing was sent yet")


@command_in(app)
def status(
    offline: Annotated[bool, "Do not ask the gateway."] = False,
    kit: KitOption = DEFAULT_KIT,
    passphrase_file: PassphraseFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show which files are due, received or waiting, and which keys end soon.

    With --offline, or if the gateway does not answer, shows only what your kit (folder of keys) holds.
    """
    page = None
    if not offline and Kit(kit).settings().host_keys:
        try:
            with at_work(kit, passphrase_file) as sender, sender.session() as sftp:
                page = told(sender.kit, sftp)
        except (CannotReach, *BROKEN) as error:
            complain(f"{error}: what follows is as it is known here")
    found = standing.standing(Kit(kit), page)
    if as_json:
        print_json(found)
        return
    for line in standing.in_words(found, Kit(kit).command):
        say(line)


@command_in(app)
def watch(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", file_okay=False, help="Put plain files here.")],
    still: Annotated[
        float, typer.Option(min=0, help="A file is taken once unchanged for so many seconds.")
    ] = (_STILL_SECONDS),
    anyway: AnywayOption = False,
    why: AnywayWhyOption = "",
    once: Annotated[bool, "Stop once nothing is left to send."] = False,
    kit: KitOption = DEFAULT_KIT,
    passphrase_file: PassphraseFileOption = None,
) -> None:
    """Send files put into a folder: each ends in sent, held or refused, with the receipt beside."""
    because = reason_anyway(anyway, why)
    with at_work(kit, passphrase_file) as sender:
        watched = WatchedFolder(
            sender, folder, Stillness(still, time.monotonic), anyway=because, in_words=in_words,
            tell=lambda line: typer.echo(plain(in_words(line))),
        )  # fmt: skip
        # Killed at any moment, it goes on with the next run: no round has to end first.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with suppress(KeyboardInterrupt):
            watched.run(threading.Event(), once=once)
    if once and watched.stuck:
        raise GatewayError(f"{counted(len(watched.stuck), 'file')} in {folder} could not be taken: see above")


@command_in(app)
def unattended(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", file_okay=False, help="The folder to watch.")],
    by: Annotated[Manager, "What starts it: user or system (systemd), or windows."] = "windows"
    if sys.platform == "win32"
    else "user",
    kit: KitOption = DEFAULT_KIT,
    passphrase_file: PassphraseFileOption = None,
) -> None:
    """Print the systemd unit, or the task of Windows, that watches a folder while nobody is logged on.

    The first lines printed say where to put the rest. No key ring is open while nobody is logged on, so the
    passphrase has to be in a file, which only your account may read.
    """
    if passphrase_file is None:
        raise GatewayError(
            "nobody is there to be asked: name the file of the passphrase with --passphrase-file"
        )
    typer.echo(definition(by, folder, kit, passphrase_file), nl=False)


def _looked_at(sender: KitAtWork, files: Sequence[Path]) -> tuple[list[Seen], dict[Path, str]]:
    """Check files; return the results, and by file the reason why a file could not be checked."""
    check = Check.of(sender.kit)
    if check.note:
        complain(check.note)
    seen: list[Seen] = []
    problems: dict[Path, str] = {}
    for file in dict.fromkeys(files):
        try:
            tell = partial(sender.progress.at, "checking", file.name)
            seen.append(check.look_at(file, date.today(), tell))  # noqa: DTZ011 - the calendar on the wall
        except OSError as error:
            problems[file] = f"cannot be read: {error.strerror or error}"
            if file.is_dir():
                problems[file] = "is a folder: name the files in it, or see gateway send watch"
        except GatewayError as error:
            problems[file] = str(error)
    return seen, problems


def _tell_seen(seen: Seen) -> None:
    found = seen.found
    what = f"{found.data_type}" if isinstance(found, Classified) else "not recognised"
    pupils = found.pupils if isinstance(found, Classified) else None
    count = "" if pupils is None else f", {counted(pupils, 'pupil')}"
    say(f"{plain(seen.file.name)}: {what}{count}", err)
    findings = found.findings if isinstance(found, Classified) else ()
    for finding in findings:
        if not finding.expected:  # Else it is told below.
            say(f"  {finding.severity}: {describe(finding)}", err)
    for stop in seen.stops:
        say(f"  {in_words(stop)}", err)


def _result(file: Path, outcome: Proved | GatewayError | None, problem: str | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "file": str(file), "state": "not sent", "reference": None, "reasons": [], "receipt": None,
        "before": None, "problem": problem,
    }  # fmt: skip
    if problem is not None:
        return row
    if isinstance(outcome, AlreadySent) and outcome.proved is not None:
        row["before"], outcome = str(outcome), outcome.proved
    if isinstance(outcome, GatewayError):
        return row | {"problem": str(outcome)}
    if outcome is None:
        return row | {"state": "on its way", "problem": "no receipt yet: gateway send receipts"}
    told = {"state": outcome.state, "reference": outcome.reference, "reasons": list(outcome.reasons)}
    return row | told | {"receipt": str(outcome.path)}


def _tell_result(row: dict[str, Any], command: str) -> None:
    name = plain(Path(row["file"]).name or row["file"])
    if row["problem"] is not None:
        complain(f"{name}: {row['state']}: {row['problem']}")
        return
    say(f"{name}: {row['state'].upper()}, reference {row['reference']}")
    for reason in row["reasons"]:
        say(f"  {reason['sentence']} {reason['next_step']} [{reason['code']}]")
        if reason["code"] == "policy:agreement-not-ratified":
            say(f"  with this program: {command} ratify")
    say(f"  receipt, verified: {row['receipt']}")
    if row["before"]:
        say(f"  not sent again: {row['before']}")
