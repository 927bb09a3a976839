"""Commands of `send` on keys: setup, renew, rotate, revoke, ratify, headings; and how all open the kit."""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn

from gateway.cli.commands import fails_clearly
from gateway.cli.console import complain, err, in_words, now, plain, say
from gateway.errors import GatewayError
from gateway.model.invitation import compare
from gateway.policy.items import not_understood
from gateway.send import ceremonies
from gateway.send.checking import Check, choices, misfit
from gateway.send.kit import Kit
from gateway.send.openpgp_key import Why
from gateway.send.passphrases import Passphrases, in_file
from gateway.send.sending import KitAtWork
from gateway.send.sent import alone

if TYPE_CHECKING:
    from gateway.model.invitation import ProviderInvitation
    from gateway.send.ceremonies import Step

WaitOption = Annotated[float, typer.Option(min=0, help="The most seconds to wait for the gateway's answer.")]
_PATIENCE = 120.0
_TRIES = 3
_HELD = 3


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
AnywayOption = Annotated[bool, "--anyway", "Also send files that do not fit the agreement. Needs --why."]
AnywayWhyOption = Annotated[str, "Why it is sent all the same; kept with what was sent."]


def reason_anyway(anyway: bool, why: str) -> str:
    """Return the reason `why` to send a file in spite of a fault; "" if not to be sent `anyway`. GatewayError
    if blank.
    """
    if anyway and not why.strip():
        raise GatewayError("say why it is sent all the same: --why")
    return why if anyway else ""


DEFAULT_KIT = Path(typer.get_app_dir("gateway-send"))
"""The user's kit, unless another folder is named."""


class Display(AbstractContextManager["Display"]):
    """The progress bar of a command, on a terminal only: shown from the first step, hidden for a question."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        self._bar = Progress(*columns, console=err, transient=True)
        self._task: tuple[str, TaskID] | None = None

    def __exit__(self, *_: object) -> None:
        """Remove the bar. To stop one never shown would print an empty line."""
        if self._bar.live.is_started:
            self._bar.stop()

    def ask(self, question: str) -> str:
        """Ask a person for a secret, without echo."""
        self.__exit__()
        return str(typer.prompt(in_words(question), hide_input=True, err=True))

    def at(self, step: str, name: str, done: int, size: int) -> None:
        """Show how far a step, such as "sending", is with the file `name`: `done` of `size` bytes."""
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
    """Yield the kit in the folder `kit` with unlocked keys; show progress on a terminal until the end."""
    opened = Kit(kit)
    settings = opened.settings()
    for key in (settings.ssh_key, settings.openpgp_key):
        if not key.exists():
            raise GatewayError(
                f"your key {key} is not there: put it back from a copy; if there is none, rename the folder "
                f"{kit}, and ask the authority for a new invitation"
            )
    with Display() as shown:
        ask = shown.ask if sys.stdin.isatty() else None
        sender = KitAtWork(opened, Passphrases(settings.provider, passphrase_file, ask), shown)
        sender.unlock()
        yield sender


def new_passphrases(file: Path | None, judge: Callable[[str], None]) -> tuple[str, str]:
    """Return passphrases for a new OpenPGP and a new SSH key: from `file`, or one for both, typed twice.
    A typed passphrase is asked for again as long as `judge` raises GatewayError. GatewayError if there is
    neither a file nor a terminal.
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


def needed(question: str, option: str, take: Callable[[str], str] = str) -> str:
    """Ask a person a question, again if `take` raises GatewayError; return the result of `take`.
    GatewayError, naming `option`, without a terminal.
    """
    if not sys.stdin.isatty():
        raise GatewayError(f"say it with {option}")
    while True:
        try:
            return take(str(typer.prompt(in_words(question), err=True)).strip())
        except GatewayError as error:
            complain(str(error))


def confirmed(question: str) -> bool:
    """Ask a person to confirm; return True if confirmed. GatewayError, naming --yes, without a terminal."""
    if not sys.stdin.isatty():
        raise GatewayError("say it with --yes")
    return typer.confirm(in_words(question), err=True)


@fails_clearly
def setup(
    invitation: Annotated[Path | None, "INVITATION", "The invitation that the authority sent you."] = None,
    words: Annotated[str | None, "The six words that the authority read out, instead of asking."] = None,
    owner: Annotated[str | None, 'Whose key is made: "Oak Primary School <office@oak.example>".'] = None,
    ssh_key: Annotated[
        Path | None, "A secret SSH key that you have, of OpenSSH or PuTTY (.ppk); one is made if not given."
    ] = None,
    openpgp_key: Annotated[
        Path | None,
        "A secret OpenPGP key that you have (gpg --export-secret-keys); one is made if not given.",
    ] = None,
    kit: KitOption = DEFAULT_KIT,
    passphrase_file: PassphraseFileOption = None,
) -> None:
    """Open the authority's invitation, compare six words by telephone, and make or take your keys.

    With the invitation of another provider, the kit serves several: from then on, choose one with --as.

    No key of yours is overwritten: with a new invitation, only the gateway's keys are compared anew. Without
    an invitation, the six words of your own keys are shown again.
    """
    place = Kit(kit)
    if invitation is None:
        place.settings()
        _say_hand_over(place, place.root)
        return
    invited, made = ceremonies.read_invitation(invitation)
    if place.settings_file.exists() and place.settings().provider != invited.provider:
        place = place.beside(invited.provider)
    say(f"{invited.organisation} invites {invited.name}, known as {invited.provider},")
    say(f"to its gateway at {invited.host}, port {invited.port}")
    if place.settings_file.exists():
        ceremonies.check_authority(place, invited)
    _compare(invited, words)
    if place.settings_file.exists():
        ceremonies.accept(place, invited, place.settings())
    else:
        whose = owner or ""
        if openpgp_key is None:
            whose = ceremonies.check_owner(owner) if owner else needed(
                "The e-mail address of your office", "--owner",
                lambda typed: ceremonies.check_owner(f"{invited.name} <{typed}>"),
            )  # fmt: skip

        def judge(typed: str) -> None:
            if ssh_key is None or openpgp_key is None:
                ceremonies.judge_passphrase(typed, invited.provider, invited.name, whose)

        known = new_passphrases(passphrase_file, judge)
        ceremonies.take_keys(
            place, invited, made, owner=whose, ssh_key=ssh_key, openpgp_key=openpgp_key,
            passphrases=known, now=now(),
        )  # fmt: skip
        if passphrase_file is None:
            passphrases = Passphrases(invited.provider, None, None)
            kept = [passphrases.keep("openpgp", known[0]), passphrases.keep("ssh", known[1])]
            in_ring = "the passphrase is in this system's key ring"
            say(in_ring if all(kept) else "the passphrase will be asked for: there is no key ring here")
    _say_hand_over(place, invitation.absolute().parent)


def _compare(invited: ProviderInvitation, told: str | None) -> None:
    """Check the invitation against six words: `told`, or, if None, words asked for up to three times.
    GatewayError if the words differ.
    """
    words = invited.words()
    if told is None:
        say(f"Ring {invited.organisation} on a number that you know, not one from the message that")
        say("brought the invitation, and type the six words that they read out to you.")
    for left in reversed(range(1 if told else _TRIES)):
        heard = told or needed("The six words that you hear", "--words")
        try:
            compare(heard, words)
        except GatewayError as error:
            if not left:
                raise GatewayError(
                    f"{error}: do not go on; it may not be theirs. Ask them for another"
                ) from None
            complain(f"{error}. Have them read out once more")
        else:
            say("the invitation is theirs: all six words are the same")
            return


def _say_hand_over(kit: Kit, folder: Path) -> None:
    file, words = ceremonies.hand_over(kit, folder)
    say(f"Send this file to the authority by e-mail: {file}")
    say("Once they have it, read these six words out to them, by telephone:")
    say(f"  {' '.join(words)}")
    say(f"next, when they say that your keys are in force: {kit.command} ratify")


@fails_clearly
def renew(
    wait: WaitOption = _PATIENCE, kit: KitOption = DEFAULT_KIT, passphrase_file: PassphraseFileOption = None
) -> None:
    """Extend your OpenPGP key by two years from now; the gateway takes the new date at once."""
    with alone_at_work(kit, passphrase_file) as sender:
        _tell(ceremonies.renew(sender, now(), wait))


@fails_clearly
def rotate(
    ssh: Annotated[bool, "Make a new SSH key, not a new OpenPGP key."] = False,
    wait: WaitOption = _PATIENCE,
    kit: KitOption = DEFAULT_KIT,
    passphrase_file: PassphraseFileOption = None,
) -> None:
    """Make a new key and send the public half, signed with the present one. Run again to change over.

    Exit 3 while the new key waits for the authority, which will ring you.
    """
    with alone_at_work(kit, passphrase_file) as sender:
        _tell(ceremonies.rotate(sender, "ssh" if ssh else "openpgp", now(), wait))


@fails_clearly
def revoke(
    reason: Annotated[Why, "superseded: another is used now. compromised: others may have it."],
    before: Annotated[bool, "Revoke the key that `rotate` replaced, not the present one."] = False,
    yes: Annotated[bool, "Do not ask."] = False,
    wait: WaitOption = _PATIENCE,
    kit: KitOption = DEFAULT_KIT,
    passphrase_file: PassphraseFileOption = None,
) -> None:
    """Revoke your OpenPGP key at once and for ever. To end an SSH key, ring the authority."""
    with alone_at_work(kit, passphrase_file) as sender:
        path = sender.kit.root / "openpgp-before" if before else sender.settings.openpgp_key
        if not path.exists():
            raise GatewayError(f"there is no {path}: no key was replaced here")
        if not yes and not confirmed(f"Revoke {path}? It cannot be taken back."):
            raise typer.Exit(1)
        _tell(ceremonies.revoke(sender, path, reason, wait))


@fails_clearly
def ratify(
    name: Annotated[str | None, "The name of the person who signs; asked for if not given."] = None,
    office: Annotated[str | None, 'Their office, such as "headteacher"; asked for if not given.'] = None,
    yes: Annotated[bool, "The agreement was read, and this person has agreed: do not ask."] = False,
    wait: WaitOption = _PATIENCE,
    kit: KitOption = DEFAULT_KIT,
    passphrase_file: PassphraseFileOption = None,
) -> None:
    """Show the agreement page by page, sign in the name of an entitled person, and send the signed copy."""
    with alone_at_work(kit, passphrase_file) as sender:
        text = ceremonies.agreement_text(sender)
        kept = sender.kit.root / "agreement.txt"
        kept.write_text(text, "utf-8")
        # A person reads page by page, a program all at once; marks of HTML are left out.
        width, height = shutil.get_terminal_size()
        cells = (" | ".join(re.sub(r"</?[a-z]+>", " ", line).split("\t")) for line in text.splitlines())
        lines = [part for line in cells for part in textwrap.wrap(plain(line), width) or [""]]
        step = max(height - 2, 5) if sys.stdin.isatty() and sys.stdout.isatty() else len(lines)
        pages = [lines[at : at + step] for at in range(0, len(lines), step)]
        for number, page in enumerate(pages, 1):
            typer.echo("\n".join(page))
            if number < len(pages):
                typer.prompt(
                    in_words(f"page {number} of {len(pages)}; Enter goes on"), default="", show_default=False,
                    prompt_suffix="", err=True,
                )  # fmt: skip
        say(f"The agreement is kept in {kept}, to be printed.", err)
        who = name or needed("The name of whoever may ratify it for you", "--name")
        what = office or needed("Their office, such as headteacher", "--office")
        if not yes and not confirmed(f"Do you, {plain(who)}, agree to it as {plain(what)}?"):
            raise typer.Exit(1)
        _tell(ceremonies.ratify(sender, text, who, what, wait))


@fails_clearly
def headings(
    file: Annotated[Path, "FILE", "A plain file, as you would send it."],
    means: Annotated[
        list[str] | None,
        "--means HEADING=KEY",
        "The item that a heading means, instead of asking; without KEY: none.",
    ] = None,
    wait: WaitOption = _PATIENCE,
    kit: KitOption = DEFAULT_KIT,
    passphrase_file: PassphraseFileOption = None,
) -> None:
    """State the meaning of unknown headings of a file once, for later files as well.

    Your answer is signed with your key and sent; the authority sees and may revoke the answer. Values under
    such a heading are judged as values of the item.
    """
    today = now().date()
    with alone_at_work(kit, passphrase_file) as sender:
        sender.refresh()
        check = Check.of(sender.kit)
        seen = check.look_at(file, today)
        open_ones, may_be = [*not_understood(seen.found, check.provider)], choices(check, seen)
        given = dict(one.rpartition("=")[::2] for one in means or [])
        if unknown := [heading for heading in given if heading not in open_ones]:
            raise GatewayError(f"nothing is asked about {', '.join(unknown)}")
        stated: list[tuple[str, str]] = []
        for heading in given or open_ones:
            key = given[heading] if given else _asked(heading, may_be)
            if key and key not in may_be.values():
                raise GatewayError(f"{key} is none of: {', '.join(may_be.values())}")
            if key and (why := misfit(check, seen, today, heading, key)):
                raise GatewayError(f"{heading} cannot be that: {why}")
            stated.append((heading, key))
        if not stated:
            raise GatewayError("every heading of this file is understood, or is sensitive")
        _tell(ceremonies.tell_headings(sender, tuple(stated), wait))


def _asked(heading: str, may_be: Mapping[str, str]) -> str:
    """Ask what a heading means; return an item's key, or "" for none. `may_be`: item keys by label."""
    listed = ["something else", *may_be]
    say(f"What is {heading}?", err)
    for number, label in enumerate(listed):
        say(f"  {number}  {in_words(label)}", err)
    chosen = -1
    while not 0 <= chosen <= len(may_be):
        chosen = typer.prompt(in_words("Number"), default=0, type=int, err=True)
    return may_be[listed[chosen]] if chosen else ""


@contextmanager
def alone_at_work(kit: Path, passphrase_file: Path | None, seconds: float = _PATIENCE) -> Iterator[KitAtWork]:
    """Lock a kit, and yield it with unlocked keys. KitBusy if another program still holds the lock after
    `seconds`.
    """
    Kit(kit).settings()  # Raises ConfigurationError where nothing is set up.
    with alone(kit, seconds=seconds), at_work(kit, passphrase_file) as sender:
        yield sender


def _tell(step: Step) -> None:
    proved, done = step
    say(done)
    if proved is None:
        raise GatewayError("handed in, and no receipt yet: gateway send receipts")
    say(f"{proved.state.upper()}, reference {proved.reference}")
    for reason in proved.reasons:
        say(f"  {reason['sentence']} {reason['next_step']} [{reason['code']}]")
    if proved.state != "accepted":
        raise typer.Exit(_HELD if proved.state == "held" else 1)
