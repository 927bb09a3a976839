"""Move the complete uploads of a dead host's spool into this host's.

Each upload keeps its reference, so the registry knows one that the dead host had put on record already.
"""

import os
import shutil
from pathlib import Path

from gateway.errors import GatewayError
from gateway.home import REFERENCE, Spool
from gateway.zones.across import FOLDER_FLAGS, open_regular
from gateway.zones.landed_file import BadFileError
from gateway.zones.spool import fsync_folder

_COMPLETE = ("landed", "sealed", "json")
"""Suffixes of complete uploads, in the order of moving: a record in a file of its own comes last."""


def take_over(theirs: Path, ours: Spool) -> int:
    """Move the uploads of the spool `theirs`; return how many. OSError leaves the rest for another try.

    GatewayError where `theirs` is no spool, or the spool of this host. Unfinished uploads, and files that are
    none, stay.
    """
    landed = theirs / "landed"
    if not landed.is_dir() or landed.is_symlink():
        raise GatewayError(f"{theirs} is no spool: there is no folder {landed}")
    if landed.samefile(ours.landed):
        raise GatewayError(f"{theirs} is the spool of this host")
    folder, moved = os.open(landed, FOLDER_FLAGS), 0
    try:
        for suffix in _COMPLETE:
            for name in sorted(os.listdir(folder)):  # noqa: PTH208 - of the open folder, whatever its path becomes
                reference, _, ending = name.rpartition(".")
                if ending == suffix and REFERENCE.fullmatch(reference):
                    moved += _moved(folder, name, ours.landed / name) and suffix != "sealed"
    finally:
        os.close(folder)
    return moved


def _moved(folder: int, name: str, target: Path) -> bool:
    """Copy a file durably under its name, then remove the original; False where it is no regular file."""
    try:
        descriptor = open_regular(folder, name)
    except BadFileError:
        return False
    aside = target.with_name(f".{name}.taken-over")
    with os.fdopen(descriptor, "rb") as source, aside.open("wb") as copy:
        shutil.copyfileobj(source, copy)
        copy.flush()
        whose = target.parent.stat()
        os.fchmod(copy.fileno(), 0o640)
        os.fchown(copy.fileno(), whose.st_uid if os.geteuid() == 0 else -1, whose.st_gid)
        os.fsync(copy.fileno())
    aside.rename(target)
    fsync_folder(target.parent)
    os.unlink(name, dir_fd=folder)
    return True
