"""What a child process is asked to examine, and what it answers. Plain values, sent as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from pydantic import TypeAdapter

from gateway.model import Classified, ContentRefused, Folder, Opened, Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One landed file to examine. `senders` are armored certificates in force.

    `agreement` is the text of which a drop in /agreement must be a signed copy; empty for others.
    """

    reference: str
    name: str
    senders: tuple[str, ...]
    now: datetime
    folder: Folder = "in"
    agreement: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRefused:
    """The sealed file could not be opened, by its own doing. `code` is an `open:` code."""

    code: str
    detail: dict[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """The outcome of one job. `opened.content` is -1: the content stayed in the child and is gone.

    With `refused`, the rest is None. With `opened`, `content` says what the file is. `signed` is of a
    drop that is what it should be. `lost` is set by the parent, when every child that was given the
    file was lost over it.
    """

    reference: str
    lost: bool = False
    refused: OpenRefused | None = None
    opened: Opened | None = None
    content: Classified | ContentRefused | None = None
    signed: Signature | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopen:
    """One accepted or held file to open again for collection; its digest proves the content."""

    reference: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened:
    """The content follows as a descriptor of anonymous memory, `size` bytes long."""

    reference: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A fault of ours; `explanation` is a sentence without names or contents."""

    reference: str
    explanation: str


REQUEST: TypeAdapter[Job | Reopen] = TypeAdapter(Job | Reopen)
ANSWER: TypeAdapter[Examined | Reopened | Failed] = TypeAdapter(Examined | Reopened | Failed)
