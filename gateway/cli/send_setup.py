"""send setup: the first day of a provider, and whenever the gateway's keys are compared anew."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.console import complain, fails_clearly, now, say
from gateway.cli.send_kit import (
    DEFAULT_KIT,
    KitOption,
    PassphraseFileOption,
    needed,
    new_passphrases,
    passphrases_of,
)
from gateway.errors import GatewayError

if TYPE_CHECKING:
    from gateway.model.invitation import ProviderInvitation
    from gateway.send.kit import Kit

_TRIES = 3


@fails_clearly
def setup(
    invitation: Annotated[
        Path | None, typer.Argument(metavar="INVITATION", help="The invitation that the authority sent you.")
    ] = None,
    words: Annotated[
        str | None, typer.Option(help="The six words that the authority read out, instead of asking.")
    ] = None,
    owner: Annotated[
        str | None, typer.Option(help='Whose key is made: "Oak Primary School <office@oak.example>".')
    ] = None,
    ssh_key: Annotated[
        Path | None,
        typer.Option(
            help="A secret SSH key that you have, of OpenSSH or PuTTY (.ppk); one is made if not given."
        ),
    ] = None,
    openpgp_key: Annotated[
        Path | None,
        typer.Option(
            help="A secret OpenPGP key that you have (gpg --export-secret-keys); one is made if not given."
        ),
    ] = None,
    kit: KitOption = DEFAULT_KIT,
    passphrase_file: PassphraseFileOption = None,
) -> None:
    """Open the authority's invitation, compare six words by telephone, and make or take your keys.

    With an invitation of a further provider, the kit is of several: name one with --as.

    Nothing is overwritten: with a new invitation your keys stay, and the gateway's are compared anew. Without
    an invitation, your words are shown again.
    """
    from gateway.send.kit import Kit  # noqa: PLC0415 - keeps --help quick
    from gateway.send.setup import accept, read_invitation  # noqa: PLC0415

    place = Kit(kit)
    if invitation is None:
        place.settings()
        _say_hand_over(place, place.root)
        return
    invited = read_invitation(invitation)
    if place.settings_file.exists() and place.settings().provider != invited.provider:
        place = place.beside(invited.provider)
    say(f"{invited.organisation} invites {invited.name}, known as {invited.provider},")
    say(f"to its gateway at {invited.host}, port {invited.port}")
    _compare(invited, words)
    if place.settings_file.exists():
        accept(place, invited, place.settings())
    else:
        _make(place, invited, owner, ssh_key, openpgp_key, passphrase_file)
    _say_hand_over(place, invitation.absolute().parent)


def _compare(invited: ProviderInvitation, told: str | None) -> None:
    """Compare the words that were heard, up to three times. GatewayError where they differ."""
    from gateway.model.invitation import compare  # noqa: PLC0415

    words = invited.words()
    if told is None:
        say(f"Ring {invited.organisation} on a number that you know, not one from the message that")
        say("brought the invitation, and type the six words that they read out to you.")
    for left in reversed(range(1 if told else _TRIES)):
        try:
            compare(told or needed("The six words that you hear", "--words"), words)
        except GatewayError as error:
            if not left:
                raise GatewayError(
                    f"{error}: do not go on; it may not be theirs. Ask them for another"
                ) from None
            complain(f"{error}. Have them read out once more")
        else:
            say("the invitation is theirs: all six words are the same")
            return


def _make(
    kit: Kit,
    invited: ProviderInvitation,
    owner: str | None,
    ssh_key: Path | None,
    openpgp_key: Path | None,
    passphrase_file: Path | None,
) -> None:
    from gateway.send.setup import check_owner, judge_passphrase, take_keys  # noqa: PLC0415

    whose = owner or ""
    if openpgp_key is None:
        whose = check_owner(
            owner or f"{invited.name} <{needed('The e-mail address of your office', '--owner')}>"
        )

    def judge(typed: str) -> None:
        if ssh_key is None or openpgp_key is None:
            judge_passphrase(typed, invited.provider, invited.name, whose)

    known = new_passphrases(passphrase_file, judge)
    take_keys(
        kit, invited, owner=whose, ssh_key=ssh_key, openpgp_key=openpgp_key, passphrases=known, now=now()
    )
    if passphrase_file is None:
        passphrases = passphrases_of(kit, None)
        kept = [passphrases.keep("openpgp", known[0]), passphrases.keep("ssh", known[1])]
        where = (
            "is in this system's key ring" if all(kept) else "will be asked for: there is no key ring here"
        )
        say(f"the passphrase {where}")


def _say_hand_over(kit: Kit, folder: Path) -> None:
    from gateway.send.setup import hand_over  # noqa: PLC0415

    file, words = hand_over(kit, folder)
    say(f"Send this file to the authority: {file}")
    say("Once they have it, read these six words out to them, by telephone:")
    say(f"  {' '.join(words)}")
    say("next, when they say that your keys are in force: gateway send ratify")
