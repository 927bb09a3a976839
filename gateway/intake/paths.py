"""Translate a client's path into a place of the virtual tree. Pure.

The tree has one level of fixed folders; below /in, a client may make more for its session. Nothing here
touches a disk, and no path of a client ever becomes a path on disk.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal, get_args

from gateway.intake.answers import NAME_CONTROL, NAME_NOT_UTF8, NAME_TOO_LONG
from gateway.ssh.answers import NO_SUCH_FILE, Declined

FolderName = Literal["in", "out", "receipts", "keys", "agreement"]
FOLDERS: tuple[FolderName, ...] = get_args(FolderName)
_FOLDER: dict[str, FolderName] = {name: name for name in FOLDERS}

# Pages published for one provider at the top of its tree; any other name there means an upload to /in.
PAGES = frozenset({"status.html", "status.html.asc", "calendar.ics"})

_TEMPORARY = re.compile(r"\..*|.+\.(filepart|part|tmp|partial)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class IntakePlace:
    """The root (both None), a folder (name None), something in a folder, or a page (folder None).

    Entries of a folder made by a client have the name `MADE/NAME`.
    """

    folder: FolderName | None = None
    name: str | None = None

    @property
    def path(self) -> str:
        """The one canonical path of this place."""
        return "/" + "/".join(part for part in (self.folder, self.name) if part is not None)

    @property
    def above(self) -> IntakePlace:
        """The enclosing folder."""
        if self.name is None:
            return ROOT
        return IntakePlace(self.folder, self.name.rpartition("/")[0] or None)


ROOT = IntakePlace()
_DEEPEST = 16


def components(raw: bytes) -> tuple[str, ...]:
    """Return the parts of a client's path from the root, without `.`, `..` and empty parts.

    Unicode is normalised to NFC, so that a name typed on a Mac and its copy elsewhere are one name. Declined
    for a path with control characters or not in UTF-8.
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


def place_of(raw: bytes) -> IntakePlace:
    """Return the place meant by `raw`; entries of the root mean entries of /in.

    Declined with "no such file" for a path impossible in the tree.
    """
    parts = components(raw)
    if not parts:
        return ROOT
    if len(parts) > _DEEPEST:
        raise Declined(NO_SUCH_FILE)
    if len(parts) == 1 and parts[0] in PAGES:
        return IntakePlace(None, parts[0])
    folder = _FOLDER.get(parts[0])
    within = parts if folder is None else parts[1:]
    return IntakePlace(folder or "in", "/".join(within) or None)


def canonical(raw: bytes) -> bytes:
    """Return the canonical form of any path, possible or not (SFTP REALPATH)."""
    return ("/" + "/".join(components(raw))).encode("utf-8")


def checked_name(name: str, limit: int) -> str:
    """Return `name` if allowed for a new file; Declined for a part over `limit` bytes of UTF-8."""
    if any(len(part.encode("utf-8")) > limit for part in name.split("/")):
        raise Declined(NAME_TOO_LONG)
    return name


def is_temporary(name: str) -> bool:
    """Return True for names used until a rename: a dotfile, X.filepart, X.part …"""
    return _TEMPORARY.fullmatch(name.rpartition("/")[2]) is not None
