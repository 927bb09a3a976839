"""Find the passphrases of the provider's keys.

In order: a named file (first line; a second line for a different SSH passphrase), a systemd credential called
`passphrase`, the system's key ring, and asking a person.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import keyring
import keyring.errors

from gateway.errors import GatewayError
from gateway.send.openpgp_key import WrongPassphrase

Which = Literal["openpgp", "ssh"]
_SERVICE = "gateway send"
_CREDENTIAL = "passphrase"


class Passphrases:
    """The passphrases of one provider's keys. `ask` asks a person a question; None if nobody is there."""

    def __init__(self, provider: str, file: Path | None, ask: Callable[[str], str] | None) -> None:
        self._provider = provider
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        credential = Path(folder) / _CREDENTIAL if folder else None
        self._file = file or (credential if credential is not None and credential.exists() else None)
        self._ask = ask
        self._known: dict[Which, str] = {}

    def of(self, which: Which, opens: Callable[[str], object] | None = None) -> str:
        """Return the passphrase of the key `which` (OpenPGP or SSH). GatewayError if none is found.

        `opens` tries a passphrase on the key, and raises WrongPassphrase for a wrong one. A person may try
        three times.
        """
        if which not in self._known:
            self._known[which] = self._found(which, opens)
        return self._known[which]

    def keep(self, which: Which, passphrase: str) -> bool:
        """Store a passphrase in the system's key ring; return False if no key ring can be used."""
        self._known[which] = passphrase
        if not has_keyring():
            return False
        try:
            keyring.set_password(_SERVICE, f"{self._provider}:{which}", passphrase)
        except keyring.errors.KeyringError:
            return False
        return True

    def _found(self, which: Which, opens: Callable[[str], object] | None) -> str:
        if self._file is not None:
            return in_file(self._file)[which]
        try:
            kept = keyring.get_password(_SERVICE, f"{self._provider}:{which}") if has_keyring() else None
        except keyring.errors.KeyringError:
            kept = None  # A locked key ring.
        # Keys made by the kit share one passphrase.
        known: list[str | None] = [kept, *(self._known.values() if opens else ())]
        for one in known:
            if one is not None and _fits(one, opens):
                return one
        if self._ask is None:
            raise GatewayError(
                "the passphrase is not known here: name a file that holds it with --passphrase-file"
            )
        name = "SSH key" if which == "ssh" else "OpenPGP key"
        for question in (f"The passphrase of your {name}", *2 * ["That does not open it. Once more"]):
            typed = self._ask(question)
            if _fits(typed, opens):
                return typed
        raise WrongPassphrase(f"none of the three opens your {name}")


def _fits(passphrase: str, opens: Callable[[str], object] | None) -> bool:
    try:
        if opens is not None:
            opens(passphrase)
    except WrongPassphrase:
        return False
    return True


def has_keyring() -> bool:
    """Return True if the system has a usable key ring."""
    return keyring.get_keyring().priority > 0


def in_file(file: Path) -> dict[Which, str]:
    """Return the passphrases of both keys in a file. GatewayError if there is none, or it is not UTF-8."""
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise GatewayError(f"{file} is no text in UTF-8: save it as such") from None
    if not lines or not lines[0]:
        raise GatewayError(f"{file} holds no passphrase in its first line")
    return {"openpgp": lines[0], "ssh": lines[1] if len(lines) > 1 and lines[1] else lines[0]}
