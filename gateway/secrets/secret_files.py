"""Read and write the files in keys/ of a home. A secret, once made, stays; only its passphrase may change.

openpgp/FINGERPRINT.asc     OpenPGP secret keys of the gateway that still open files
signing                     the fingerprint of the key signing receipts, then the key set in use
statements/FINGERPRINT.asc  the key's signed statement, naming the log's key
succession/FINGERPRINT.asc  the older key's signed statement, naming this one as its successor
hosts.asc                   the signed list of the SSH host keys
log.pem                     the Ed25519 key signing the log's checkpoints and JSON receipts
mailboxes_host_key          the SSH host key of the mailboxes service
pupil-index.key             the key for digesting pupils' numbers; useful only together with the registry

The log's key and the pupils' key together are a key set. The files of later sets are log-SET.pem and
pupil-index-SET.key, where SET is the key id of the log's key. A later pupils' key consists of all earlier
ones and a new one, since digests on record are digested once more with each new key (`examiner.persons`).

Only `signing` names the current keys, so one rename changes from keys to keys. OpenPGP keys, the log's key
and the pupils' key may be protected by a passphrase (`openpgp.sealer`).
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.errors import ConfigurationError
from gateway.home import Home
from gateway.log.checkpoint import LogKey
from gateway.openpgp.sealer import is_locked, lock, unlock
from gateway.secrets.passphrase import changed, passphrase
from gateway.zones.spool import fsync_folder, private_mode, write_durably

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

FOLDERS = ("openpgp", "statements", "succession")
_ASIDE = ".new"
_PUPIL_KEY = 32


def secret_keys(home: Home) -> list[Path]:
    """Return the paths of all OpenPGP secret keys of the gateway. ConfigurationError if there is none."""
    found = sorted(path for path in (home.keys / "openpgp").glob("*.asc") if not path.name.startswith("."))
    if not found:
        raise ConfigurationError(f"{home.keys / 'openpgp'} holds no secret key")
    return found


def secret_key_file(home: Home, fingerprint: str) -> Path:
    """Return the path of the gateway's OpenPGP secret key with a fingerprint."""
    return home.keys / "openpgp" / f"{fingerprint}.asc"


def openpgp_secrets(home: Home) -> dict[str, bytes]:
    """Return all OpenPGP secret keys of the gateway by fingerprint. ConfigurationError if there is none."""
    return {path.stem: _secret(home, path) for path in secret_keys(home)}


def signing_fingerprint(home: Home) -> str:
    """Return the fingerprint of the OpenPGP key in use: it signs receipts, and files are sealed to it."""
    return _read(home.keys / "signing").decode("ascii", "replace").partition("\n")[0].strip()


def openpgp_secret(home: Home, fingerprint: str) -> bytes:
    """Return one OpenPGP secret key of the gateway."""
    return _secret(home, secret_key_file(home, fingerprint))


def log_key(home: Home) -> bytes:
    """Return the log's private key in use, as PEM."""
    return _secret(home, home.log_key(home.key_set))


class CurrentLogKey(LogKey):
    """The key that signs a home's log, loaded again when the key changes, for long-running services."""

    def __init__(self, home: Home) -> None:
        self._home, self._generation = home, generation(home)
        self._loaded = LogKey.load(log_key(home))

    @property
    def _secret(self) -> Ed25519PrivateKey:  # type: ignore[override] # read only, and always there
        found = generation(self._home)
        if found != self._generation:
            self._loaded, self._generation = LogKey.load(log_key(self._home)), found
        return self._loaded._secret  # noqa: SLF001 - of its own class


def log_statement(home: Home, fingerprint: str) -> str:
    """Return the clearsigned statement binding the log's key to one OpenPGP key of the gateway."""
    return _read(statement_file(home, fingerprint)).decode()


def statement_file(home: Home, fingerprint: str) -> Path:
    """Return the path of the statement in which an OpenPGP key of the gateway names the log's key."""
    return home.keys / "statements" / f"{fingerprint}.asc"


def succession_file(home: Home, fingerprint: str) -> Path:
    """Return the path of the statement that names an OpenPGP key as the previous key's successor."""
    return home.keys / "succession" / f"{fingerprint}.asc"


def choose_signing_key(home: Home, fingerprint: str, key_set: str = "") -> None:
    """Put another OpenPGP key and key set in use. One rename switches both at once."""
    chosen = "".join(f"{word}\n" for word in (fingerprint, key_set) if word)
    write_durably(home.keys / "signing", chosen.encode(), mode=private_mode(home.keys))


def write_secret(path: Path, secret: bytes) -> None:
    """Create `path` with a secret: private like its folder, complete and durable or not at all.
    FileExistsError if the file exists.
    """
    aside = _write_aside(path, secret)
    try:
        path.hardlink_to(aside)  # Unlike a rename, a link never replaces an existing file.
    finally:
        aside.unlink()
    fsync_folder(path.parent)


def pupil_key(home: Home, key_set: str | None = None) -> bytes:
    """Return the key for digesting pupils' numbers, of `key_set`, or of the key set in use if None.
    ConfigurationError if the key is missing, or was cut off.
    """
    path = home.pupil_key(home.key_set if key_set is None else key_set)
    key = _secret(home, path)
    if not key or len(key) % _PUPIL_KEY:  # Of every key set one.
        raise ConfigurationError(f"{path} is not as it was made: put it back from a backup of this home")
    return key


def make_pupil_key(home: Home) -> None:
    """Make the pupils' key if missing; protect it by the passphrase if the log's key is protected.
    If this key is lost, the rolls in the registry become useless, but nothing else.
    """
    path = home.pupil_key(home.key_set)
    if not path.exists():
        key = secrets.token_bytes(_PUPIL_KEY)
        write_secret(path, lock(key, passphrase(home)) if is_protected(home) else key)


def make_key_set(home: Home, origin: str, known: Collection[str]) -> str:
    """Make the next key set, a log key and a pupils' key; return the verifier key of the log key.
    `known`: the log's verifier keys on record. If an interrupted attempt left a key set on disk, whose
    verifier key is not in `known`, use that one instead.
    """
    for path in sorted(home.keys.glob("log-*.pem")):
        vkey = LogKey.load(_secret(home, path)).vkey(origin)
        if vkey not in known:
            return vkey
    make_pupil_key(home)
    pem, known_phrase = LogKey.generate(), passphrase(home) if is_protected(home) else None
    vkey = LogKey.load(pem).vkey(origin)
    key_set = key_set_of(vkey)
    # The log's key comes last: an interrupted attempt leaves no log's key alone.
    for path, secret in (
        (home.pupil_key(key_set), pupil_key(home) + secrets.token_bytes(_PUPIL_KEY)),
        (home.log_key(key_set), pem),
    ):
        write_secret(path, secret if known_phrase is None else lock(secret, known_phrase))
    return vkey


def key_set_of(vkey: str) -> str:
    """Return the name of the key set to whose log key the verifier key `vkey` belongs."""
    return vkey.split("+")[1]


def log_key_of(home: Home, key_set: str) -> LogKey:
    """Return the private key of the log that belongs to a key set."""
    return LogKey.load(_secret(home, home.log_key(key_set)))


def forget_key_sets(home: Home, ended: Iterable[str]) -> None:
    """Remove the key set made with the home, and those named in `ended`; the key set in use always stays."""
    for key_set in {"", *ended} - {home.key_set}:
        for path in (home.log_key(key_set), home.pupil_key(key_set)):
            path.unlink(missing_ok=True)


def forget_halves(home: Home, key_sets: Collection[str]) -> None:
    """Remove the key sets that lack a pupils' key, as after an interrupted removal, except those in
    `key_sets`.
    """
    _remove_key_sets(home, key_sets, lambda mark: not home.pupil_key(mark.strip("+")).exists())


def forget_left_behind(home: Home, known: Collection[str], key_sets: Collection[str]) -> None:
    """Remove the key sets that an ordinary change of keys left unfinished, except those in `key_sets`.
    Whoever has copied keys/ since then has these key sets, too. `known`: the fingerprints on record. A key
    set made because keys are in wrong hands stays, for the change to be completed: the OpenPGP key beside it
    is not on record, and no key names it as successor.
    """
    new = [path.stem for path in secret_keys(home) if path.stem not in known]
    alone = [each for each in new if not succession_file(home, each).exists()]
    stated = "".join(_text(statement_file(home, each)) for each in alone)
    _remove_key_sets(home, key_sets, lambda mark: mark not in stated)


def forget_successors(
    home: Home, lost: Collection[str], known: Collection[str], key_sets: Collection[str]
) -> None:
    """Remove the key sets of OpenPGP keys that were prepared to follow one of the keys `lost`, but never did.
    `known`: the fingerprints on record. The key sets named in `key_sets` stay.
    """
    for fingerprint in successors(home, lost, known):
        _remove_key_sets(home, key_sets, _text(statement_file(home, fingerprint)).__contains__)


def successors(home: Home, lost: Collection[str], known: Collection[str]) -> list[str]:
    """Return the fingerprints of OpenPGP keys that were prepared to follow one of the keys `lost`, but never
    did. `known`: the fingerprints on record.
    """
    return [
        succession.stem
        for succession in (home.keys / "succession").glob("[!.]*.asc")
        if succession.stem not in known and any(f"old-key: {one}" in _text(succession) for one in lost)
    ]


def _remove_key_sets(home: Home, kept: Collection[str], goes: Callable[[str], bool]) -> None:
    """Remove the key sets for which `goes` is True, except those in `kept`.
    `goes` is called with the part of a verifier key that names the key set: "+KEY SET+".
    """
    for path in home.keys.glob("log-*.pem"):
        key_set = path.stem.removeprefix("log-")
        if key_set not in kept and goes(f"+{key_set}+"):
            home.pupil_key(key_set).unlink(missing_ok=True)
            path.unlink(missing_ok=True)  # Last: its presence tells that there is more to remove.


def sweep(home: Home) -> None:
    """Remove what interrupted writes of secrets left behind. No other process may be writing one."""
    for folder in (home.keys, *(home.keys / name for name in FOLDERS)):
        for path in folder.glob(f".*{_ASIDE}"):
            path.unlink(missing_ok=True)


def generation(home: Home) -> tuple[tuple[str, int, int], ...]:
    """Return a value that changes whenever a gateway key is made, replaced, removed or put in use."""
    watched = (home.keys / "openpgp", home.keys / "signing", *sorted(home.keys.glob("log*.pem")))
    found = []
    for path in watched:
        with suppress(FileNotFoundError):
            at = path.stat()
            found.append((path.name, at.st_mtime_ns, at.st_ino))
    return tuple(found)


def key_file_names(home: Home) -> list[str]:
    """Return the names of a home's key files, sorted; hosts that share work must have the same.
    A key set without a pupils' key is left out: its removal was interrupted.
    """
    statements = (path for folder in FOLDERS for path in (home.keys / folder).glob("[!.]*.asc"))
    names = [f"{path.parent.name}/{path.stem[:16]}" for path in statements]
    logs = (path.stem for path in home.keys.glob("log-*.pem"))
    return sorted([*names, *(name for name in logs if home.pupil_key(name.removeprefix("log-")).exists())])


def protectable(home: Home) -> list[Path]:
    """Return the paths of all secrets that a passphrase can protect."""
    of_sets = (path for name in ("log*.pem", "pupil-index*.key") for path in sorted(home.keys.glob(name)))
    return [*secret_keys(home), *of_sets]


def is_protected(home: Home) -> bool:
    """Return True if a passphrase protects the log's key, and so the OpenPGP keys.
    Only the log's key is looked at: `protect` changes the log's key after the OpenPGP keys.
    """
    return is_locked(_read(home.log_key(home.key_set)))


def unprotected(home: Home) -> list[Path]:
    """Return the paths of the secrets that no passphrase protects."""
    return [path for path in protectable(home) if not is_locked(_read(path))]


def protect(home: Home, new: str | None, done: Callable[[Path], None] = lambda _: None) -> None:
    """Protect every secret by the passphrase `new`, or, if `new` is None, by no passphrase.
    `done` is called with the path of each secret that is finished. ConfigurationError for a secret that
    neither the old passphrase nor the new one opens. May be repeated after an interruption.
    """
    for path in protectable(home):
        data = _read(path)
        if new is None or not _opens(data, new):
            secret = _secret(home, path)
            _write_aside(path, secret if new is None else lock(secret, new)).rename(path)
            fsync_folder(path.parent)
        done(path)


def opened_by(home: Home, known: str) -> set[bool]:
    """Return {True} if the passphrase `known` opens all protected secrets, {False} if it opens none.
    Return {True, False} if it opens some, as after a change that was cut off; set() if none is protected.
    """
    return {_opens(data, known) for path in protectable(home) if is_locked(data := _read(path))}


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
        taken = (
            "the systemd credential gateway-passphrase, else passphrase_file in gateway.toml, else typed in"
        )
        raise ConfigurationError(f"{path}: {error}; it is {taken}") from None


def _write_aside(path: Path, secret: bytes) -> Path:
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}{_ASIDE}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, private_mode(path.parent))
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secret)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        error.filename = str(path)
        raise
    return aside


def _text(path: Path) -> str:
    """Return a statement, or "" for one that is missing."""
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return ""


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ConfigurationError(f"{path} is missing: put it back from a backup of this home") from None
