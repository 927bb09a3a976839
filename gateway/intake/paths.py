"""What a client calls a path, and the place in the virtual tree that it means. Pure.

The tree has one level of folders, so a path is at most a folder and a name. Nothing here touches
a disk, and no path of a client ever becomes a path on disk.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal, get_args

from gateway.intake.answers import NAME_CONTROL, NAME_NOT_UTF8, NAME_TOO_LONG, NO_SUBFOLDERS
from gateway.ssh.answers import NO_SUCH_FILE, Declined

FolderName = Literal["in", "out", "receipts", "keys", "agreement"]
FOLDERS: tuple[FolderName, ...] = get_args(FolderName)
_FOLDER: dict[str, FolderName] = {name: name for name in FOLDERS}

_TEMPORARY = re.compile(r"\..*|.+\.(filepart|part|tmp|partial)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Place:
    """The root (both None), a folder (name None), or a file in a folder."""

    folder: FolderName | None = None
    name: str | None = None

    @property
    def path(self) -> str:
        """The one canonical path of this place."""
        return "/" + "/".join(part for part in (self.folder, self.name) if part is not None)


ROOT = Place()


def components(raw: bytes) -> tuple[str, ...]:
    """The parts of a path as the client means it: from the root, without `.`, `..` and empty parts.

    Unicode is brought to NFC, so that a name typed on a Mac and its copy elsewhere are one name.
    Declined where the path is not UTF-8 or holds a control character.
    """
    try:
        text = unicodedata.normalize("NFC", raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise Declined(NAME_NOT_UTF8) from None
    if any(unicodedata.category(c) in {"Cc", "Zl", "Zp"} for c in text):
        raise Declined(NAME_CONTROL)
    parts: list[str] = []
    for part in text.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in {"", "."}:
            parts.append(part)
    return tuple(parts)


def place_of(raw: bytes, *, putting: bool = False) -> Place:
    """The place that `raw` means; a file put into the root is a file in /in.

    Declined where the tree cannot hold such a path: "no such file", or for a file to be put below
    a folder the sentence that says so.
    """
    parts = components(raw)
    if not parts:
        return ROOT
    folder = _FOLDER.get(parts[0])
    if len(parts) == 1:
        return Place("in", parts[0]) if folder is None else Place(folder)
    if folder is None:
        raise Declined(NO_SUCH_FILE)
    if len(parts) > 2:  # noqa: PLR2004 - a folder and a name
        raise Declined(NO_SUBFOLDERS if putting else NO_SUCH_FILE)
    return Place(folder, parts[1])


def canonical(raw: bytes) -> bytes:
    """The canonical form of any path, whether or not something can be there (SFTP REALPATH)."""
    return ("/" + "/".join(components(raw))).encode("utf-8")


def checked_name(name: str, limit: int) -> str:
    """`name` itself where a new file may bear it; Declined where it is over `limit` bytes of UTF-8."""
    if len(name.encode("utf-8")) > limit:
        raise Declined(NAME_TOO_LONG)
    return name


def is_temporary(name: str) -> bool:
    """Whether a client uses this name only until it renames the file: a dotfile, X.filepart, X.part …"""
    return _TEMPORARY.fullmatch(name) is not None
