"""Answers about evidence: documents, policies, the watch."""

from datetime import datetime

from gateway.home.settings_file import File


class BlockSeen(File):
    """One part of a document: text, points, or a table under a caption; unused fields are empty."""

    text: str = ""
    important: bool = False
    points: tuple[str, ...] = ()
    headings: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


class SectionSeen(File):
    """A heading with its blocks."""

    title: str
    blocks: tuple[BlockSeen, ...]


class DocumentSeen(File):
    """A document to be read or printed."""

    title: str
    subtitle: str
    sections: tuple[SectionSeen, ...]
    annex: tuple[SectionSeen, ...]


class EditSeen(File):
    """One setting or outcome differing between two versions of the policies."""

    weight: str
    place: str
    does: str
    before: str
    after: str


class ChangeSeen(File):
    """Files with a different outcome: number, old outcome, new outcome, some examples."""

    files: int
    before: str
    after: str
    such_as: tuple[str, ...]


class SimulationSeen(File):
    """The outcomes of past days' files under the changed policies."""

    days: int
    files: int
    same: int
    changes: tuple[ChangeSeen, ...]


class PolicyEditSeen(File):
    """The files of the policies in force, and one of them with its content.

    Where `tried`, `content` is an edit: its faults, or the differences and their consequences.
    """

    files: tuple[str, ...]
    file: str
    content: str
    tried: bool = False
    faults: tuple[str, ...] = ()
    edits: tuple[EditSeen, ...] = ()
    simulation: SimulationSeen | None = None


class ProposedSeen(File):
    """Proposed policies, and this person's right to approve them."""

    digest: str
    by: str
    at: datetime
    why: str | None
    begins: datetime
    approved_by: str | None
    may_approve: bool


class NameSeen(File):
    """A document or system cited by the agreement, and its present name or edition."""

    cited: str
    today: str


class PoliciesSeen(File):
    """The versions once in force, latest last, the proposal, and the differences between two versions.

    `names`: documents cited by the agreement, with present names.
    """

    versions: tuple[str, ...]
    proposed: ProposedSeen | None
    before: str | None
    after: str | None
    edits: tuple[EditSeen, ...]
    simulation: SimulationSeen | None
    names: tuple[NameSeen, ...] = ()


class ServiceSeen(File):
    """A service, and if it is running."""

    name: str
    up: bool


class DiskSeen(File):
    """A file system holding a part of the home; sizes in bytes. `low`: below the required free space."""

    part: str
    free: int
    size: int
    low: bool


class WatchSeen(File):
    """The state of the gateway. Ages in seconds; `ending` are keys about to expire; staff are not named."""

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
