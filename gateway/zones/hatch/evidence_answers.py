"""Answers about evidence: documents, policies, the watch."""

from __future__ import annotations

from datetime import datetime

from gateway.home.settings_file import File


class BlockSeen(File):
    """One part of a document: text, points, or a table under a caption. What it is not is empty."""

    text: str = ""
    important: bool = False
    points: tuple[str, ...] = ()
    headings: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


class SectionSeen(File):
    """A heading and what stands under it."""

    title: str
    blocks: tuple[BlockSeen, ...]


class DocumentSeen(File):
    """A document to be read or printed."""

    title: str
    subtitle: str
    sections: tuple[SectionSeen, ...]
    annex: tuple[SectionSeen, ...]


class EditSeen(File):
    """One setting that differs between two versions of the policies, or one outcome that does."""

    weight: str
    place: str
    does: str
    before: str
    after: str


class ChangeSeen(File):
    """Files of which another thing would have become: how many, what was, what would be, some of them."""

    files: int
    before: str
    after: str
    such_as: tuple[str, ...]


class SimulationSeen(File):
    """What would have become of the files of so many days."""

    days: int
    files: int
    same: int
    changes: tuple[ChangeSeen, ...]


class ProposedSeen(File):
    """Policies that somebody proposed, and whether this person may approve them."""

    digest: str
    by: str
    at: datetime
    why: str | None
    begins: datetime
    approved_by: str | None
    may_approve: bool


class NameSeen(File):
    """A document or system that the agreement cites, and its name or edition of today."""

    cited: str
    today: str


class PoliciesSeen(File):
    """The versions that were in force, the latest last; what is proposed; what differs between two; the
    names that the agreement cites, with those of today.
    """

    versions: tuple[str, ...]
    proposed: ProposedSeen | None
    before: str | None
    after: str | None
    edits: tuple[EditSeen, ...]
    simulation: SimulationSeen | None
    names: tuple[NameSeen, ...] = ()


class ServiceSeen(File):
    """A service, and whether it is at work."""

    name: str
    up: bool


class DiskSeen(File):
    """A file system that holds a part of the home; sizes in bytes. `low`: less is free than is to be."""

    part: str
    free: int
    size: int
    low: bool


class WatchSeen(File):
    """How the gateway stands. Ages in seconds; `ending` are keys that end soon; staff are not named."""

    at: datetime
    services: tuple[ServiceSeen, ...]
    faults: tuple[str, ...]
    oldest_seconds: float | None
    landed: int
    spool: int
    aside: int
    letters: int
    disks: tuple[DiskSeen, ...]
    ending: tuple[str, ...]
    backup: datetime | None
    log_entries: int
