"""Find the passphrase of a home's secrets: never an argument, never the environment.

In order: inherited from the parent process, the systemd credential `gateway-passphrase`, the file named in
gateway.toml, the person at the terminal. Once known it is kept in anonymous memory with a descriptor
inherited by child processes; the environment holds only the descriptor's number.
"""

import getpass
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path

from gateway.errors import ConfigurationError
from gateway.home import Home
from gateway.home.settings import load_settings
from gateway.zones.memory import anonymous_memory

CREDENTIAL = "gateway-passphrase"
HANDED_ON = "GATEWAY_PASSPHRASE_FD"
_MOST_BYTES = 4096
_OF_SERVICES = Path("/run/credentials")  # A service's folder is there while the service runs, for it alone.


class NoPassphraseError(ConfigurationError):
    """Raised if this process cannot get the passphrase, but a service with another source may."""


def passphrase(home: Home) -> str:
    """Return the passphrase of `home`, asking the person at the terminal if necessary.
    ConfigurationError if no source has a passphrase; NoPassphraseError if a service may have a source.
    """
    known = _handed_on()
    if known is None:
        known = _found(home) or _asked(f"Passphrase of the secrets in {home.keys}: ")
        keep(known)
    return known


def changed(home: Home, tried: str) -> str | None:
    """Return the passphrase of `home` if changed since `tried` was read; None if unchanged or not found.
    The passphrase is read again from the systemd credential, or from the file named in gateway.toml. A
    changed passphrase is used from then on by this process and its children.
    """
    found = _found(home)
    if found is None or found == tried:
        return None
    forget()
    keep(found)
    return found


def is_at_hand(home: Home) -> bool:
    """Return True if a passphrase can be had without asking a person; it may be the wrong one."""
    return _credential() is not None or load_settings(home).secrets.passphrase_file is not None


def new_passphrase(file: Path | None) -> str:
    """Return a passphrase for new secrets: from `file`, from systemd, or typed twice at the terminal."""
    if file is not None:
        return _read(file, private=True)
    if (credential := _credential()) is not None:
        return _read(credential)
    first = _asked("New passphrase of the gateway's secrets: ", "give a new one by --passphrase-file FILE")
    if first != _asked("The same again: "):
        raise ConfigurationError("the two passphrases differ")
    return first


def keep(known: str) -> None:
    """Keep a passphrase in anonymous memory, for this process and for children that get its descriptor."""
    forget()
    descriptor = anonymous_memory("passphrase")
    os.write(descriptor, known.encode())
    os.environ[HANDED_ON] = str(descriptor)


def forget() -> None:
    """Forget the passphrase that this process keeps; do nothing if the process keeps none."""
    with suppress(KeyError, ValueError, OSError):
        os.close(int(os.environ.pop(HANDED_ON)))


def inheriting() -> tuple[int, ...]:
    """Return the descriptors that a child process must inherit to know the passphrase, if one is known."""
    return () if _handed_on() is None else (int(os.environ[HANDED_ON]),)


def _handed_on() -> str | None:
    try:
        return os.pread(int(os.environ[HANDED_ON]), _MOST_BYTES, 0).decode() or None
    except (KeyError, ValueError, OSError):
        return None


def _found(home: Home) -> str | None:
    # systemd alone controls access to a credential; the mode shows only the access list's mask.
    if (credential := _credential()) is not None:
        return _read(credential)
    file = load_settings(home).secrets.passphrase_file
    return None if file is None else _read(file, private=True)


def _credential() -> Path | None:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    path = Path(folder) / CREDENTIAL if folder else None
    return path if path is not None and path.is_file() else None


def _read(path: Path, *, private: bool = False) -> str:
    """Return the passphrase in a file. ConfigurationError if the file is empty or cannot be read.
    NoPassphraseError if only services may read the file. `private`: True to raise ConfigurationError also if
    other users may read the file.
    """
    try:
        if private and stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise ConfigurationError(f"{path} is open to other users: chmod 600 {path}")
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES).decode().removesuffix("\n").removesuffix("\r")
    except OSError as error:
        is_for_others = isinstance(error, PermissionError) or path.is_relative_to(_OF_SERVICES)
        fault = NoPassphraseError if is_for_others else ConfigurationError
        raise fault(f"the passphrase cannot be read from {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"the passphrase in {path} is not UTF-8 text") from None
    if not text:
        raise ConfigurationError(f"{path} is empty: it should hold the passphrase")
    return text


def _asked(prompt: str, otherwise: str = "set passphrase_file under [secrets] in gateway.toml") -> str:
    if not sys.stdin.isatty():
        said = f"{otherwise}, or pass the systemd credential {CREDENTIAL}"
        raise NoPassphraseError(f"there is nobody to ask for the passphrase: {said}")
    return getpass.getpass(prompt)
