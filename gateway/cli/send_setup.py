"""send setup: the first day of a provider, and whenever the gateway's keys are compared anew."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from gateway.cli.console import fails_clearly, now, out, plain
from gateway.cli.send_kit import DEFAULT_KIT, KitOption, PassphraseFileOption, new_passphrase, passphrases_of
from gateway.errors import GatewayError

if TYPE_CHECKING:
    from gateway.send.kit import Kit


@fails_clearly
def setup(
    provider: Annotated[str | None, typer.Option(help="Your name at the gateway, such as oak.")] = None,
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
    host: Annotated[
        str | None, typer.Option(help="The gateway's address, such as gateway.example.gov.uk, or HOST:PORT.")
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535)] = 2222,
    host_key: Annotated[
        str | None, typer.Option(help="The gateway's host key (SHA256:…), as you were told by telephone.")
    ] = None,
    gateway_key: Annotated[
        str | None,
        typer.Option(help="The fingerprint of the gateway's OpenPGP key, as you were told by telephone."),
    ] = None,
    kit: KitOption = DEFAULT_KIT,
    passphrase_file: PassphraseFileOption = None,
) -> None:
    """Make or take your keys; then, once the authority has rung, compare the gateway's keys.

    Run the command twice: the second run continues. Nothing is overwritten.
    """
    from gateway.send.kit import Kit  # noqa: PLC0415 - keeps --help quick

    place = Kit(kit)
    if not place.settings_file.exists():
        _make(place, provider, owner, ssh_key, openpgp_key, passphrase_file)
    _say_hand_over(place)
    if not place.settings().host_keys or host_key is not None:
        where = host or _asked("The gateway's address; nothing, if you were not told yet")
        if not where:
            out.print("next: send these two files to the authority; when it has rung you: gateway send setup")
            return
        _meet(place, where, port, host_key)
    if not list(place.gateway.glob("*.asc")) or gateway_key is not None:
        _compare(place, gateway_key, passphrase_file)


def _make(
    kit: Kit,
    provider: str | None,
    owner: str | None,
    ssh_key: Path | None,
    openpgp_key: Path | None,
    passphrase_file: Path | None,
) -> None:
    from gateway.send.setup import check_owner, take_keys  # noqa: PLC0415

    name = provider or _needed("Your name at the gateway, as the authority gave it to you", "--provider")
    whose = "" if openpgp_key is not None else owner or _needed('Whose key: "NAME <E-MAIL>"', "--owner")
    if openpgp_key is None:
        check_owner(whose)
    known = new_passphrase(passphrase_file)
    take_keys(
        kit,
        provider=name,
        owner=whose,
        ssh_key=ssh_key,
        openpgp_key=openpgp_key,
        passphrases=known,
        now=now(),
    )
    if passphrase_file is None:
        passphrases = passphrases_of(kit, None)
        kept = [passphrases.keep("openpgp", known[0]), passphrases.keep("ssh", known[1])]
        where = (
            "is in this system's key ring" if all(kept) else "will be asked for: there is no key ring here"
        )
        out.print(f"the passphrase {where}")


def _say_hand_over(kit: Kit) -> None:
    from gateway.openpgp.certificates import grouped  # noqa: PLC0415
    from gateway.send.setup import handed_over  # noqa: PLC0415

    given = handed_over(kit)
    for line in (
        "for the authority:",
        f"  {given.ssh_public}",
        f"  {given.certificate}",
        "read out, when the authority rings:",
        f"  SSH key      {given.ssh_fingerprint}",
        f"  OpenPGP key  {grouped(given.openpgp_fingerprint)}",
    ):
        out.print(Text(plain(line)), soft_wrap=True)


def _meet(kit: Kit, host: str, port: int, told: str | None) -> None:
    from gateway.send.setup import meet, place_of  # noqa: PLC0415

    host, port = place_of(host, port)
    meet(
        kit, host, port, told or _needed("The gateway's host key, as you were told (SHA256:…)", "--host-key")
    )
    out.print(Text(f"the host key of {plain(host)} is the one that you were told"), soft_wrap=True)


def _compare(kit: Kit, told: str | None, passphrase_file: Path | None) -> None:
    from gateway.openpgp.certificates import grouped  # noqa: PLC0415
    from gateway.send.setup import compare  # noqa: PLC0415
    from gateway.send.ssh_key import load_ssh_key, needs_passphrase  # noqa: PLC0415

    path = kit.settings().ssh_key
    passphrase = passphrases_of(kit, passphrase_file).of("ssh") if needs_passphrase(path) else None
    question = "The fingerprint of the gateway's OpenPGP key, as you were told"
    fingerprint = compare(kit, load_ssh_key(path, passphrase), told or _needed(question, "--gateway-key"))
    out.print(
        Text(f"the gateway's OpenPGP key is the one that you were told: {grouped(fingerprint)}"),
        soft_wrap=True,
    )
    out.print("ready: gateway send FILE")


def _needed(question: str, option: str) -> str:
    answer = _asked(question)
    if not answer:
        raise GatewayError(f"say it with {option}")
    return answer


def _asked(question: str) -> str:
    if not sys.stdin.isatty():
        return ""
    return str(typer.prompt(question, default="", show_default=False, err=True)).strip()
