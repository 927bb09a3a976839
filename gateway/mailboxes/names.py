"""What a file is called in a mailbox, and what a client's path means. Pure.

    /  /TEAM  /TEAM/DATE_PROVIDER_TYPE_PERIOD_REF.ext      and beside a view NAME.about.txt
    /new/TEAM/NAME  /by-type/TEAM/TYPE/NAME  /by-provider/TEAM/PROVIDER/NAME      the same files again
    /lists/TEAM/LIST.csv      lists that are made when they are read, for teams that have some
    /removed  /removed/TEAM  /removed/TEAM/NAME      what the team has removed and may put back
    /held  /held/DATE_PROVIDER_held_REF.ext

Every name is made here, of characters that every client can store; so a path is either one of
these or it means nothing, and no part of it ever becomes a path on disk.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from gateway.home import REFERENCE
from gateway.model.basis import VIEW_EXTENSIONS
from gateway.registry.deliveries import Delivery
from gateway.registry.delivery_queries import DeliveriesWanted
from gateway.ssh.answers import NO_SUCH_FILE, Declined

HELD = "held"
REMOVED = "removed"
LISTS = "lists"
ABOUT = ".about.txt"
Shelf = Literal["new", "by-type", "by-provider"]
SHELVES: tuple[Shelf, ...] = ("new", "by-type", "by-provider")
"""Folders beside the teams' own that show the same files again: what nobody has opened, or sorted."""

_FILE = re.compile(
    rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}_[a-z0-9-]+_[a-z0-9-]+(_[0-9A-Za-z-]+)?"
    rf"_(?P<reference>{REFERENCE.pattern})\.[a-z0-9.]+",
    re.ASCII,
)
_EXTENSION = re.compile(r"[a-z0-9]{1,10}(\.[a-z0-9]{1,10})?", re.ASCII)
_PERIOD = re.compile(r"[0-9A-Za-z-]{1,30}", re.ASCII)
_FORMULAS = "formulas."


@dataclass(frozen=True, slots=True)
class MailboxPlace:
    """The root (all None), a folder (`name` None), or something in a folder.

    `shelf` is a folder in which each team has one again; but for `new`, in that is a folder for each `kind`.
    `removed`: of what the team has removed, and may still put back. `is_list`: made when it is read.
    """

    folder: str | None = None
    name: str | None = None
    removed: bool = False
    shelf: Shelf | None = None
    kind: str | None = None
    is_list: bool = False

    @property
    def is_about(self) -> bool:
        """Whether it is what is told of a view, beside the view."""
        return self.name is not None and self.name.endswith(ABOUT)

    @property
    def has_folders(self) -> bool:
        """Whether folders of a team stand here, one for each kind of file."""
        return self.folder is not None and self.shelf in ("by-type", "by-provider") and self.kind is None

    @property
    def wanted(self) -> DeliveriesWanted:
        """Which files of the team stand here."""
        return DeliveriesWanted(
            new=self.shelf == "new",
            data_type=self.kind if self.shelf == "by-type" else None,
            provider=self.kind if self.shelf == "by-provider" else None,
        )


def file_name(delivery: Delivery) -> str:
    """The name of a delivery: the UTC date it landed, who sent it, what it is and of when, its reference."""
    what = HELD if delivery.team is None else delivery.data_type or delivery.flow or "unknown"
    what = f"{what}-counts" if delivery.counts else what
    period = delivery.period or ""
    parts = [delivery.landed_at.date().isoformat(), delivery.provider, what]
    if delivery.team is not None and _is_period(period):
        parts.append(period)
    parts.append(delivery.reference)
    return f"{'_'.join(parts)}.{_extension(delivery.extension, delivery.whole, delivery.counts)}"


@lru_cache(1024)
def _is_period(period: str) -> bool:
    return _PERIOD.fullmatch(period) is not None


@lru_cache(1024)
def _extension(shown: str, whole: bool, counts: bool) -> str:
    """The extension of what is shown: a view has no formulas, and is not of every format."""
    if counts:
        return "csv"
    if not whole:
        shown = shown.removeprefix(_FORMULAS)
        shown = VIEW_EXTENSIONS.get(shown, shown)
    return shown if _EXTENSION.fullmatch(shown) else "bin"


def reference_in(name: str) -> str | None:
    """The reference in the name of a file, or of what is told of it; whether it is there, others say."""
    found = _FILE.fullmatch(name.removesuffix(ABOUT))
    return found["reference"] if found else None


def place_of(raw: bytes) -> MailboxPlace:
    """The place that a client's path means. Declined with "no such file" where there can be none."""
    try:
        parts = _parts(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise Declined(NO_SUCH_FILE) from None
    if parts[:1] == [REMOVED]:
        folder, name = _filled(parts[1:], 2)
        return MailboxPlace(folder, name, removed=True)
    if parts[:1] == [LISTS]:
        folder, name = _filled(parts[1:], 2)
        return MailboxPlace(folder, name, is_list=True)
    shelf = next((name for name in SHELVES if parts[:1] == [name]), None)
    if shelf in {"by-type", "by-provider"}:
        folder, kind, name = _filled(parts[1:], 3)
        return MailboxPlace(folder, name, shelf=shelf, kind=kind)
    folder, name = _filled(parts[1:] if shelf else parts, 2)
    return MailboxPlace(folder, name, shelf=shelf)


def _filled(parts: list[str], length: int) -> list[str | None]:
    if len(parts) > length:
        raise Declined(NO_SUCH_FILE)
    return [*parts, *[None] * (length - len(parts))]


def canonical(raw: bytes) -> bytes:
    """The canonical form of any path, whether or not something can be there (SFTP REALPATH)."""
    return ("/" + "/".join(_parts(raw.decode("utf-8", "surrogateescape")))).encode("utf-8", "surrogateescape")


def _parts(path: str) -> list[str]:
    """The parts of a path from the root, without `.`, `..` and empty parts."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in {"", "."}:
            parts.append(part)
    return parts
