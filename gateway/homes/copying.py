"""Copy files and folders durably: keep modes, follow no links, overwrite nothing."""

import errno
import hashlib
import os
import shutil
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from gateway.errors import GatewayError
from gateway.zones.spool import fsync_folder

_CHUNK = 1024**2
_MODE_OF_SEALED = 0o640  # As in a store in a folder; other stores have no modes worth keeping.


def linked(source: Path, target: Path) -> bool:
    """Link `target` to the file `source`; return False where impossible."""
    try:
        target.hardlink_to(source)
    except OSError:
        return False  # Missing in the earlier backup, or on another disk.
    return True


def copy_stored(reference: str, opening: AbstractContextManager[int | None], target: Path) -> None:
    """Copy the opened file. A sealed file erased by retention is skipped."""
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
    """Copy a folder, if present. New folders get `mode`."""
    if not source.is_dir():
        return
    target.mkdir(mode=mode, exist_ok=True)
    for path in sorted(source.iterdir()):
        if path.is_dir():
            copy_tree(path, target / path.name, mode=mode)
        elif not path.name.startswith("."):  # Half written.
            copy(path, target / path.name)


def copy(source: Path, target: Path) -> None:
    """Copy one file with its mode.

    Raises FileExistsError where the target exists, GatewayError for a link.
    """
    try:
        read = os.open(source, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError as error:
        raise _followed(source, error) from None
    try:
        _write(read, target, os.fstat(read).st_mode & 0o777)
    finally:
        os.close(read)


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
    """Fsync a folder and all folders inside."""
    for path in (folder, *(found for found in folder.rglob("*") if found.is_dir())):
        fsync_folder(path)


def digest(path: Path) -> str:
    """Return the SHA-256 of a file. Raises GatewayError where reading fails."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise GatewayError(f"{path} cannot be read: {error.strerror}") from None
