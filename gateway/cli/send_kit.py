"""What every command of the provider's side shares: where its kit is, and where passphrases come from."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.errors import GatewayError

if TYPE_CHECKING:
    from gateway.send.kit import Kit
    from gateway.send.passphrases import Passphrases

KitOption = Annotated[
    Path,
    typer.Option(
        "--kit",
        envvar="GATEWAY_KIT",
        resolve_path=True,
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


DEFAULT_KIT = Path(typer.get_app_dir("gateway-send"))
"""Where this user's kit is, unless another folder is named."""


def passphrases_of(kit: Kit, file: Path | None) -> Passphrases:
    """Where the passphrases of a kit's keys come from."""
    from gateway.send.passphrases import Passphrases  # noqa: PLC0415 - keeps --help quick

    return Passphrases(kit.settings().provider, file, _asked if sys.stdin.isatty() else None)


def new_passphrase(file: Path | None) -> tuple[str, str]:
    """The passphrases of the OpenPGP and of the SSH key: out of a file, or typed in twice."""
    from gateway.send.passphrases import in_file  # noqa: PLC0415

    if file is not None:
        known = in_file(file)
        return known["openpgp"], known["ssh"]
    if not sys.stdin.isatty():
        raise GatewayError("the keys need a passphrase: name a file that holds it with --passphrase-file")
    typed = str(
        typer.prompt("A passphrase for your keys", hide_input=True, confirmation_prompt=True, err=True)
    )
    return typed, typed


def _asked(which: str) -> str:
    return str(typer.prompt(f"The passphrase of your {which}", hide_input=True, err=True))
