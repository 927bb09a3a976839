"""Back up a whole home while everything runs, and make a new home from a backup.

The order of copying: the registry, by SQLite's own backup, a snapshot of one moment, with the matching
keys; policies and settings; then every sealed file named in the snapshot. A sealed file is durable before
its row is written and never changes, so every file named there exists. published/ is not copied, because
the registry can make it again; nor is spool/, whose uploads are not yet claimed.

`backup.json` is written last, with the digest of every file. A copy without `backup.json` was interrupted
and is refused; so is a copy with a file missing or altered.
"""

import errno
import fcntl
import logging
import os
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import tomlkit
from pydantic import ValidationError

from gateway.errors import ConfigurationError, Fault, GatewayError, as_fault
from gateway.home import Home, checked_reference, digest_of
from gateway.home.settings import Settings, load_settings, read_toml
from gateway.home.settings_file import File
from gateway.home.store_settings import StoreSettings
from gateway.homes.create import check_unused, whole_or_nothing
from gateway.registry.database import words_of
from gateway.secrets import secret_files
from gateway.store.of_home import SealedFolder, Store, check_store, store_of
from gateway.zones.memory import closing_descriptor
from gateway.zones.places import is_locked, note_backup
from gateway.zones.spool import fsync_folder, private_mode, write_durably

_CHUNK = 1024**2
_MODE_OF_SEALED = 0o640  # As in a store in a folder; other stores have no modes worth keeping.


def copy_stored(reference: str, opening: AbstractContextManager[int | None], target: Path) -> None:
    """Copy a sealed file, opened by the context `opening`, to `target`; do nothing if the file is gone."""
    with ExitStack() as stack:
        try:
            stored = stack.enter_context(opening)
        except FileNotFoundError:
            return
        except OSError as error:
            raise _followed(reference, error) from None
        if stored is not None:
            _write(stored, target, os.fstat(stored).st_mode & _MODE_OF_SEALED)


def copy_tree(source: Path, target: Path, *, mode: int = 0o700) -> None:
    """Copy a folder with everything inside; do nothing if `source` is missing. New folders get `mode`."""
    if not source.is_dir():
        return
    target.mkdir(mode=mode, exist_ok=True)
    for path in sorted(source.iterdir()):
        if path.is_dir():
            copy_tree(path, target / path.name, mode=mode)
        elif not path.name.startswith("."):  # Half written.
            copy(path, target / path.name)


def copy(source: Path, target: Path) -> None:
    """Copy one file and the permissions of the file.
    Raises FileExistsError where the target exists, GatewayError for a link.
    """
    try:
        read = os.open(source, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError as error:
        raise _followed(source, error) from None
    with closing_descriptor(read):
        _write(read, target, os.fstat(read).st_mode & 0o777)


def _followed(source: Path | str, error: OSError) -> OSError | GatewayError:
    if error.errno == errno.ELOOP:
        return GatewayError(f"{source} is a symbolic link, which is not followed")
    return error


def _write(read: int, target: Path, mode: int) -> None:
    write = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(read, "rb", closefd=False) as original, os.fdopen(write, "wb") as copy:
        shutil.copyfileobj(original, copy, _CHUNK)
        copy.flush()
        os.fsync(write)


def fsync_tree(folder: Path) -> None:
    """Sync a folder and all folders inside to the disk."""
    for path in (folder, *(found for found in folder.rglob("*") if found.is_dir())):
        fsync_folder(path)


def put_stored(source: Store, target: Store, reference: str, otherwise: str) -> None:
    """Put a sealed file of one store into another. GatewayError `otherwise` if another file is there."""
    with source.reading(reference) as sealed:
        try:
            target.put(reference, sealed, 2**63 - 1)
        except FileExistsError:
            raise GatewayError(otherwise) from None


def put_back(folder: Path, home: Home, settings: Settings) -> None:
    """Put the sealed files of the backup in `folder` into the store that `settings` name. May be repeated.
    Raises GatewayError where the store has another file under a reference, OSError where the store fails.
    """
    (home.root / "sealed").mkdir(mode=0o700, exist_ok=True)
    check_store(home, settings)
    store, copies = store_of(home, settings), SealedFolder(folder / "sealed")
    for reference in copies.references():
        said = f"the store has another file under {reference} than this backup; to look into the backup: "
        put_stored(copies, store, reference, f"{said}gateway restore --folder, which needs no store")
    kept = set(store.sessions())
    for reference in copies.sessions():
        if reference not in kept:  # A kept one is as old or newer.
            store.put_session(reference, copies.session(reference).read_bytes())
    store.settle()


_log = logging.getLogger(__name__)

MANIFEST = "backup.json"
_POLICIES = ("policies", "policies-in-force")
_TRIES = 5
Progress = Callable[[int, int], None]


class Manifest(File):
    """The model of backup.json, the content of a backup. `files`: path and SHA-256 of each file that is not
    sealed. `sealed_files`: the number of sealed files, without empty ones: an empty file stands for an upload
    that came unencrypted, of which nothing was kept.
    """

    version: int = 1
    taken_at: datetime
    sealed_files: int
    files: Mapping[str, str]


def back_up(
    home: Home,
    folder: Path,
    now: datetime,
    *,
    earlier: Path | None = None,
    noted: bool = True,
    progress: Progress = lambda _done, _all: None,
) -> Manifest:
    """Copy `home` into `folder`, which has to be missing or empty. Durable after return.
    `earlier`: a backup. Sealed files in it are linked instead of copied, if on the same file system. A file
    that the store has lost is linked, too; a file that retention has deleted is not.
    `noted`: True to note the time in the home, so `gateway doctor` tells when backups stop. `progress` gets
    the steps done and the total: each file is copied, then read again. A failed copy is removed.

    Raises ConfigurationError where the registry is not SQLite, GatewayError where `folder` is in use or the
    home has a symbolic link, and Fault where the disk fails.
    """
    if load_settings(home).database is not None:
        raise ConfigurationError(
            "gateway.toml: database: back up PostgreSQL by its own means, and the rest of the home after it"
        )
    if not home.registry.exists():
        raise ConfigurationError(f"{home.registry} is missing")
    with as_fault(f"{folder} cannot be used", GatewayError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise GatewayError(f"{folder} is not empty; a backup never overwrites anything")
        folder.chmod(0o700)
    with at_work(folder), as_fault("the backup cannot be written"):
        try:
            manifest = _backed_up(home, folder, now, earlier, progress)
        except BaseException:
            for path in folder.iterdir():
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)
            with suppress(OSError):
                folder.rmdir()
            raise
    try:
        if noted:
            note_backup(home, now)
    except OSError as error:  # The copy is complete anyway, for example of a read-only home.
        _log.warning("the home cannot be told of its backup: %s", error.strerror)
    return manifest


def _backed_up(home: Home, folder: Path, now: datetime, earlier: Path | None, progress: Progress) -> Manifest:
    for _ in range(_TRIES):
        generation = secret_files.generation(home)
        copy_registry(home.registry, folder / home.registry.name)
        copy_tree(home.keys, folder / "keys")
        if secret_files.generation(home) == generation:
            break
        # The keys were rotated meanwhile, so that registry and keys may not match.
        (folder / home.registry.name).unlink()
        shutil.rmtree(folder / "keys")
    else:
        raise Fault("the gateway's keys are being changed; try again when that is done")
    for part in _POLICIES:
        copy_tree(home.root / part, folder / part)
    copy(home.settings.resolve(), folder / home.settings.name)
    (folder / "sealed").mkdir(mode=0o700)
    stated: Mapping[str, str] = {}
    with suppress(GatewayError):  # Links nothing where the earlier backup is not whole.
        stated = {} if earlier is None else read_manifest(earlier).files
    known: dict[str, str] = {}  # A linked file is unchanged, so not read again.
    store, copies = store_of(home), SealedFolder(folder / "sealed")
    # Opened as immutable: a Registry would make a database in use.
    registry = quote(str((folder / home.registry.name).absolute()))
    with closing(sqlite3.connect(f"file:{registry}?immutable=1", uri=True)) as copy_:
        found = copy_.execute("SELECT reference FROM transfer ORDER BY sequence").fetchall()
        erased = (
            "SELECT reference FROM deletion WHERE what IN ('sealed', 'index')"
            " UNION SELECT reference FROM transfer WHERE withheld"
        )
        deleted = set(copy_.execute(erased)) if stated else set[tuple[str]]()
    references = [checked_reference(reference) for (reference,) in found]
    for number, reference in enumerate(references, start=1):
        progress(number, 2 * len(references))
        target = copies.path(reference)
        place = str(target.relative_to(folder))
        if earlier is not None and place in stated and (reference,) not in deleted:
            with suppress(OSError):  # Missing in the earlier backup, or on another disk.
                target.hardlink_to(earlier / place)
                known[place] = stated[place]
        if place not in known:
            copy_stored(reference, store.reading(reference), target)
        copy_stored(reference, store.reading_session(reference), copies.session(reference))
    fsync_tree(folder)
    count = sum(path.stat().st_size > 0 for path in (folder / "sealed").iterdir())
    manifest = Manifest(taken_at=now, sealed_files=count, files=_digests(folder, known, progress))
    write_durably(folder / MANIFEST, manifest.model_dump_json(indent=1).encode(), mode=0o600)
    return manifest


def restore(
    folder: Path,
    home: Home,
    *,
    damaged: bool = False,
    in_folder: bool = False,
    progress: Progress = lambda _done, _all: None,
) -> Manifest:
    """Make `home` from a complete backup; the home's folder may have no file yet. Durable after return.
    `damaged`: True if sealed files may be missing or altered; an audit of the home then names them.
    `in_folder`: True to put sealed files into the home's folder sealed/, not into an S3 store. `progress`
    gets the number of backup files read, and the total.

    Raises GatewayError where the backup was interrupted or altered, the home is in use, or its store has
    other files, and Fault where the disk fails. The home is then as before.
    """
    manifest = read_manifest(folder)
    _check_unaltered(folder, manifest, damaged=damaged, progress=progress)
    check_unused(home)
    new = not home.root.exists()
    with whole_or_nothing(home.root), as_fault("the home cannot be written"):
        home.root.mkdir(parents=True, exist_ok=True)
        if new:
            home.root.chmod(0o755)
        copy_tree(folder / "keys", home.root / "keys")
        kept = folder / home.settings.name
        settings, text = read_toml(kept, Settings), tomlkit.parse(kept.read_text("utf-8"))
        if in_folder:
            text.pop("store", None)
            settings = settings.model_copy(update={"store": StoreSettings()})
        if settings.store.url is None:
            copy_tree(folder / "sealed", home.root / "sealed")
        else:
            put_back(folder, home, settings)
        for part in _POLICIES:  # Read by services of other users.
            copy_tree(folder / part, home.root / part, mode=0o755)
        copy(folder / home.registry.name, home.registry)
        _share(home)
        for outside in (home.spool.root, home.spool.landed, home.published.root, home.published.log):
            outside.mkdir(mode=0o755, exist_ok=True)
        for written in ("keys", "sealed", *_POLICIES, home.spool.root.name, home.published.root.name):
            if (home.root / written).is_dir():
                fsync_tree(home.root / written)
        fsync_folder(home.root)  # Existing folders of services may be unreadable.
        # Write the settings last: their presence marks a complete home.
        mode = stat.S_IMODE(kept.stat().st_mode)
        write_durably(home.settings, tomlkit.dumps(text).encode(), mode=mode)
    return manifest


def _share(home: Home) -> None:
    """Give the services access to restored files: the umask left a backup's files to their owner alone."""
    home.registry.chmod(private_mode(home.root))
    for part in ("keys", "sealed", *_POLICIES):
        for path in (home.root / part).rglob("*"):
            if path.is_file():
                is_open = part in _POLICIES or path.suffix == ".pub"
                path.chmod(0o644 if is_open else private_mode(path.parent))


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a backup. GatewayError if backup.json is missing, as after an interruption."""
    try:
        return Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (OSError, ValidationError):
        raise GatewayError(f"{folder} is not a whole backup: {MANIFEST} is missing or wrong") from None


@contextmanager
def at_work(folder: Path) -> Iterator[None]:
    """Lock `folder` inside the context, so `prune` does not remove the backup being written there."""
    with closing_descriptor(os.open(folder, os.O_RDONLY | os.O_DIRECTORY)) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


def _digests(folder: Path, known: Mapping[str, str], progress: Progress) -> dict[str, str]:
    """Return the SHA-256 of every file in a backup by path, without the manifest.
    A file with a digest in `known` is not read.
    """
    found = {}
    paths = sorted(folder.rglob("*"))
    for number, path in enumerate(paths, start=1):
        progress(len(paths) + number, 2 * len(paths))
        place = str(path.relative_to(folder))
        if path.is_file() and place != MANIFEST:
            found[place] = known.get(place) or digest_of(path)
    return found


def _check_unaltered(folder: Path, manifest: Manifest, *, damaged: bool, progress: Progress) -> None:
    found = _digests(folder, {}, lambda done, every: progress(done - every // 2, every // 2))
    wrong = sorted(place for place, digest in manifest.files.items() if found.get(place) != digest)
    wrong += sorted(found.keys() - manifest.files.keys())
    if damaged:
        wrong = [place for place in wrong if not place.startswith("sealed/")]
    if wrong:
        more = f", nor are {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise GatewayError(
            f"{folder / wrong[0]} is not what was backed up{more}; take another backup. Where there is none: "
            "--damaged restores the rest without sealed files that are lost"
        )


def copy_registry(source: Path, target: Path) -> None:
    """Copy a SQLite registry as it is at one moment, even while others write to it. Fault if that fails."""
    target.touch(mode=0o600)
    try:
        with closing(sqlite3.connect(source)) as original, closing(sqlite3.connect(target)) as copy:
            original.execute("PRAGMA busy_timeout=90000")
            original.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")
            if copy.execute("PRAGMA integrity_check").fetchone() != ("ok",):
                raise Fault("the registry's copy is damaged")
    except sqlite3.Error as error:
        raise Fault(f"the registry cannot be copied: {words_of(error)}") from None


_DATED = "%Y-%m-%dT%H%M%SZ"
_ANY_DATE = "????-??-??T??????Z"


def dated_folder(folder: Path, now: datetime) -> Path:
    """Return the path of a new backup in a folder of backups, named by the time."""
    return folder / now.astimezone(UTC).strftime(_DATED)


def whole_backups(folder: Path, made: Path | None = None) -> list[Path]:
    """Return the folders of complete backups in a folder of backups, oldest first.
    `made`: the backup made now. Backups dated after it count as the oldest: they were made while a clock was
    ahead.
    """
    found = (path for path in folder.glob(_ANY_DATE) if (path / MANIFEST).is_file())
    return sorted(found, key=lambda path: (made is None or path <= made, path))


def prune(folder: Path, keep: int, made: Path | None = None) -> list[Path]:
    """Remove all but the latest `keep` complete backups in `folder`; return the folders removed.
    `made`: the backup made now, which counts as the latest whatever its date: the clock may have gone back.
    An interrupted backup is removed if older than the newest complete one or dated after `made`, but never
    while in progress.
    """
    whole = whole_backups(folder, made)
    cut_off = [
        path
        for path in folder.glob(_ANY_DATE)
        if path not in whole and whole and (path < max(whole) or (made is not None and path > made))
    ]
    gone = sorted([*whole[:-keep], *(path for path in cut_off if path.is_dir() and not is_locked(path))])
    for path in gone:
        (path / MANIFEST).unlink(missing_ok=True)  # Incomplete from here on, whatever happens.
        shutil.rmtree(path)
    return gone
