"""Make file names for mailboxes, and find out what a client's path means, without registry and disk.

    /  /TEAM  /TEAM/DATE_PROVIDER_TYPE_PERIOD_REF.ext      and beside a view NAME.about.txt
    /new/TEAM/NAME  /by-type/TEAM/TYPE/NAME  /by-provider/TEAM/PROVIDER/NAME      the same files again
    /lists/TEAM/LIST.csv      lists computed on reading, for some teams
    /removed  /removed/TEAM  /removed/TEAM/NAME      files removed by the team, still restorable
    /held  /held/DATE_PROVIDER_held_REF.ext

Every name is made here, of characters storable by every client. A path of another form is invalid, and no
part of a path ever becomes a path on disk.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from gateway.home import REFERENCE
from gateway.model import VIEW_EXTENSIONS
from gateway.registry.deliveries import DeliveriesWanted, Delivery
from gateway.ssh.answers import NO_SUCH_FILE, Declined, parts_of

HELD = "held"
REMOVED = "removed"
LISTS = "lists"
ABOUT = ".about.txt"
Shelf = Literal["new", "by-type", "by-provider"]
SHELVES: tuple[Shelf, ...] = ("new", "by-type", "by-provider")
"""Folders repeating the teams' files: unopened ones, or sorted."""

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
    """A place in the tree of mailboxes: the root (all None), a folder (`name` None), or an entry.

    `shelf`: "new", "by-type" or "by-provider", a folder that shows the teams' folders again. In "by-type" and
    "by-provider", a team's folder has one folder for each `kind`: a data type, or a provider. `removed`: True
    for a place among files that the team has removed and can restore. `is_list`: True for a place in /lists,
    whose files are computed on reading.
    """

    folder: str | None = None
    name: str | None = None
    removed: bool = False
    shelf: Shelf | None = None
    kind: str | None = None
    is_list: bool = False

    @property
    def is_about(self) -> bool:
        """True for a NAME.about.txt, the text beside a file on items left out, or on reasons to wait."""
        return self.name is not None and self.name.endswith(ABOUT)

    @property
    def has_folders(self) -> bool:
        """True for a team's folder in /by-type or /by-provider, which has subfolders."""
        return self.folder is not None and self.shelf in ("by-type", "by-provider") and self.kind is None

    @property
    def wanted(self) -> DeliveriesWanted:
        """The filter for the team's files listed at this place."""
        return DeliveriesWanted(
            new=self.shelf == "new",
            data_type=self.kind if self.shelf == "by-type" else None,
            provider=self.kind if self.shelf == "by-provider" else None,
        )


def file_name(delivery: Delivery) -> str:
    """Return a delivery's file name: UTC date of landing, sender, type and period, reference."""
    what = HELD if delivery.team is None else delivery.data_type or delivery.flow or "unknown"
    what = f"{what}-counts" if delivery.counts else what
    period = delivery.period or ""
    parts = [delivery.landed_at.date().isoformat(), delivery.provider, what]
    if delivery.team is not None and _PERIOD.fullmatch(period):
        parts.append(period)
    parts.append(delivery.reference)
    return f"{'_'.join(parts)}.{_extension(delivery.extension, delivery.whole, delivery.counts)}"


@lru_cache(1024)
def _extension(shown: str, whole: bool, counts: bool) -> str:
    """Return the extension of a delivery's file name, from the format `shown`.
    A view (not `whole`) may have another format than the file. "csv" for counts, "bin" for a format unfit to
    be an extension.
    """
    if counts:
        return "csv"
    if not whole:
        shown = shown.removeprefix(_FORMULAS)
        shown = VIEW_EXTENSIONS.get(shown, shown)
    return shown if _EXTENSION.fullmatch(shown) else "bin"


def reference_in(name: str) -> str | None:
    """Return the reference in the name of a file or NAME.about.txt; None for any other name.
    The file need not exist.
    """
    found = _FILE.fullmatch(name.removesuffix(ABOUT))
    return found["reference"] if found else None


def place_of(raw: bytes) -> MailboxPlace:
    """Return the place named by a client's path. Declined with "no such file" for an impossible path."""
    try:
        parts = parts_of(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise Declined(NO_SUCH_FILE) from None
    top = parts[0] if parts and parts[0] in {REMOVED, LISTS, *SHELVES} else None
    shelf = next((name for name in SHELVES if name == top), None)
    length, within = 3 if shelf in {"by-type", "by-provider"} else 2, parts[1:] if top else parts
    if len(within) > length:
        raise Declined(NO_SUCH_FILE)
    filled: list[str | None] = [*within]
    folder, *kind, name = filled + [None] * (length - len(filled))
    return MailboxPlace(
        folder,
        name,
        removed=top == REMOVED,
        is_list=top == LISTS,
        shelf=shelf,
        kind=kind[0] if kind else None,
    )


def canonical(raw: bytes) -> bytes:
    """Return the canonical form of any path, possible or not (SFTP REALPATH)."""
    return ("/" + "/".join(parts_of(raw.decode("utf-8", "surrogateescape")))).encode(
        "utf-8", "surrogateescape"
    )
