"""The files of a home's keys/ folder; made once, later changed only in their protection.

openpgp/FINGERPRINT.asc     secret OpenPGP keys of the gateway still opening files
signing                     the fingerprint of the key signing receipts
statements/FINGERPRINT.asc  the key's signed statement, naming the log's key
succession/FINGERPRINT.asc  the older key's signed statement, naming this one as its successor
hosts.asc                   the signed list of the SSH host keys
log.pem                     the Ed25519 key signing the log's checkpoints and JSON receipts
mailboxes_host_key          the SSH host key of the mailboxes service
pupil-index.key             the key for digesting pupils' numbers; useful only together with the registry

Only `signing` names the current key, so that one rename changes from key to key. OpenPGP keys, the log's key
and the pupils' key may be protected by a passphrase (`openpgp.at_rest`).
"""

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from gateway.errors import ConfigurationError
from gateway.home import Home
from gateway.openpgp.at_rest import is_locked, lock, unlock
from gateway.secrets.passphrase import changed, passphrase
from gateway.zones.spool import fsync_folder, private_mode, write_durably

FOLDERS = ("openpgp", "statements", "succession")
_ASIDE = ".new"


def secret_keys(home: Home) -> list[Path]:
    """Return the files of all OpenPGP secret keys of the gateway. ConfigurationError without any."""
    found = sorted(path for path in (home.keys / "openpgp").glob("*.asc") if not path.name.startswith("."))
    if not found:
        raise ConfigurationError(
            f"{home.keys / 'openpgp'} holds no secret key; make a home with: gateway init"
        )
    return found


def secret_key_file(home: Home, fingerprint: str) -> Path:
    """Return the path of the secret key of a gateway certificate."""
    return home.keys / "openpgp" / f"{fingerprint}.asc"


def openpgp_secrets(home: Home) -> dict[str, bytes]:
    """Return all OpenPGP secret keys of the gateway by fingerprint. ConfigurationError without any."""
    return {path.stem: _secret(home, path) for path in secret_keys(home)}


def signing_fingerprint(home: Home) -> str:
    """Return the fingerprint of the current OpenPGP key, for signing and for files sealed to the gateway."""
    return _read(home.keys / "signing").decode("ascii", "replace").strip()


def signing_key(home: Home) -> bytes:
    """Return the OpenPGP secret key now signing."""
    return _secret(home, secret_key_file(home, signing_fingerprint(home)))


def openpgp_secret(home: Home, fingerprint: str) -> bytes:
    """Return one OpenPGP secret key of the gateway."""
    return _secret(home, secret_key_file(home, fingerprint))


def log_key(home: Home) -> bytes:
    """Return the private key of the log, PEM."""
    return _secret(home, home.keys / "log.pem")


def log_statement(home: Home, fingerprint: str) -> str:
    """Return the clearsigned statement binding the log's key to one OpenPGP key of the gateway."""
    return _read(statement_file(home, fingerprint)).decode()


def statement_file(home: Home, fingerprint: str) -> Path:
    """Return the path of an OpenPGP key's statement about the log's key."""
    return home.keys / "statements" / f"{fingerprint}.asc"


def succession_file(home: Home, fingerprint: str) -> Path:
    """Return the path of the statement naming this OpenPGP key as the previous key's successor."""
    return home.keys / "succession" / f"{fingerprint}.asc"


def choose_signing_key(home: Home, fingerprint: str) -> None:
    """Make another key sign from now on: one rename, switching all its files at once."""
    write_durably(home.keys / "signing", f"{fingerprint}\n".encode(), mode=private_mode(home.keys))


def write_secret(path: Path, secret: bytes) -> None:
    """Create `path` as private as its folder, whole and durable or not at all.

    FileExistsError if already there.
    """
    aside = _write_aside(path, secret)
    try:
        path.hardlink_to(aside)  # Unlike a rename, a link never replaces an existing file.
    finally:
        aside.unlink()
    fsync_folder(path.parent)


def pupil_key(home: Home) -> bytes:
    """Return the key for digesting pupils' numbers, 32 octets. ConfigurationError if missing."""
    return _secret(home, home.pupil_key)


def make_pupil_key(home: Home) -> None:
    """Make the pupils' key if missing, under the passphrase if the log's key is.

    Its loss makes the registry's knowledge of rolls unusable, and nothing else.
    """
    if not home.pupil_key.exists():
        key = secrets.token_bytes(32)
        write_secret(home.pupil_key, lock(key, passphrase(home)) if is_protected(home) else key)


def sweep(home: Home) -> None:
    """Remove remains of interrupted writes of secrets. No other process may be writing one."""
    for folder in (home.keys, *(home.keys / name for name in FOLDERS)):
        for path in folder.glob(f".*{_ASIDE}"):
            path.unlink(missing_ok=True)


def generation(home: Home) -> tuple[tuple[str, int, int], ...]:
    """Return a value changing with every gateway key made, replaced, removed or chosen for signing."""
    watched = (home.keys / "openpgp", home.keys / "signing", home.keys / "log.pem")
    return tuple((path.name, at.st_mtime_ns, at.st_ino) for path in watched if (at := _status(path)))


def holding(home: Home) -> list[str]:
    """Return the names of a home's keys, sorted: equal on hosts sharing work."""
    return sorted(
        f"{folder}/{path.stem[:16]}"
        for folder in FOLDERS
        for path in (home.keys / folder).glob("*.asc")
        if not path.name.startswith(".")
    )


def protectable(home: Home) -> list[Path]:
    """Return the secrets eligible for a passphrase."""
    pupils = home.pupil_key
    return [*secret_keys(home), home.keys / "log.pem", *([pupils] if pupils.exists() else [])]


def is_protected(home: Home) -> bool:
    """Return True if new secrets get the passphrase: judged by the log's key, among the last in `protect`."""
    return is_locked(_read(home.keys / "log.pem"))


def unprotected(home: Home) -> list[Path]:
    """Return the secrets eligible for a passphrase and without one."""
    return [path for path in protectable(home) if not is_locked(_read(path))]


def protect(home: Home, new: str | None, done: Callable[[Path], None] = lambda _: None) -> None:
    """Protect every secret by the passphrase `new`, or by none. May be repeated after an interruption.

    ConfigurationError for a secret opened neither by the old passphrase nor by the new one.
    """
    for path in protectable(home):
        data = _read(path)
        if new is None or not _opens(data, new):
            secret = _secret(home, path)
            _write_aside(path, secret if new is None else lock(secret, new)).rename(path)
            fsync_folder(path.parent)
        done(path)


def are_under(home: Home, known: str) -> bool:
    """Return True if all protected secrets open with this passphrase, as after an interrupted `protect`."""
    locked = [data for path in protectable(home) if is_locked(data := _read(path))]
    return bool(locked) and all(_opens(data, known) for data in locked)


def _opens(data: bytes, known: str) -> bool:
    if not is_locked(data):
        return False
    try:
        unlock(data, known)
    except ConfigurationError:
        return False
    return True


def _secret(home: Home, path: Path) -> bytes:
    data = _read(path)
    if not is_locked(data):
        return data
    known = passphrase(home)
    try:
        return unlock(data, known)
    except ConfigurationError as error:
        if (other := changed(home, known)) is not None:
            return unlock(data, other)
        raise ConfigurationError(f"{path}: {error}") from None


def _write_aside(path: Path, secret: bytes) -> Path:
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}{_ASIDE}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, private_mode(path.parent))
    with os.fdopen(descriptor, "wb") as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())
    return aside


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ConfigurationError(f"{path} is missing") from None
