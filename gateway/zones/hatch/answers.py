"""Every answer that the console gets. Moments are aware, in UTC; names of files are safe to show."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

from pydantic import ConfigDict

from gateway.home.settings_file import File


class SeenAnswer(File):
    """An answer that may be made of whatever has attributes of the same names."""

    model_config = ConfigDict(from_attributes=True)


class ConsoleKnows(File):
    """What the console has to know of the settings; `zone` is the local authority's time zone."""

    organisation: str
    zone: str
    host: str
    port: int
    origin: str | None
    certificate: Path | None
    certificate_key: Path | None
    proxies: tuple[str, ...]
    openid: str | None


class PasskeyOptions(File):
    """What the browser's passkey is to be asked, as JSON; `name` is whose it is to become."""

    options: str
    name: str = ""


class OpenIdBegun(File):
    """Where the browser is to go: to the provider that proves who its person is."""

    address: str


class Begun(File):
    """Somebody is logged in; `session` is for their browser alone."""

    session: str
    name: str


class Named(File):
    """Something with a name for people: a team, a provider, a data type."""

    id: str
    name: str


class Me(File):
    """Who is logged in, and what they may do here."""

    name: str
    teams: tuple[Named, ...]
    may: frozenset[str]


class SessionSeen(File):
    """One login of the person."""

    number: str
    address: str
    begun_at: datetime
    seen_at: datetime
    this: bool


class MeSeen(File):
    """The person's own page: their roles, sessions and passkeys (by fingerprint)."""

    roles: tuple[str, ...]
    sessions: tuple[SessionSeen, ...]
    passkeys: tuple[str, ...]


class Done(File):
    """That something was done: what, in a sentence."""

    sentence: str


class Counted(File):
    """A number of something; `more`: there are more than that."""

    id: str
    name: str
    count: int
    more: bool = False


class DaySeen(File):
    """How many files landed on a day, and how many of them were accepted, are held, were refused."""

    on: date
    accepted: int = 0
    held: int = 0
    refused: int = 0
    waiting: int = 0


class TodaySeen(File):
    """The first page. What `days` and the rest say is None for whoever may see their own teams alone.

    `recalls` are the references of which somebody asks that they be recalled. `late` is as of `late_at`.

    `median_seconds` and `slowest_seconds` are from landing to receipt, of the latest 200 files.
    """

    new: tuple[Counted, ...]
    held: Counted | None = None
    waiting: Counted | None = None
    late: Counted | None = None
    late_at: datetime | None = None
    recalls: tuple[str, ...] = ()
    days: tuple[DaySeen, ...] | None = None
    median_seconds: float | None = None
    slowest_seconds: float | None = None
    expiring: tuple[Counted, ...] = ()


class FileSeen(File):
    """A file as a list of a mailbox shows it. `size` in bytes, where the whole of it is shown."""

    reference: str
    sequence: int
    provider: Named
    data_type: Named | None
    period: str | None
    landed_at: datetime
    size: int | None
    new: bool
    name: str


class MailboxSeen(File):
    """A page of a mailbox, and what it can be filtered by; `next` leads to the page after it."""

    team: Named
    files: tuple[FileSeen, ...]
    providers: tuple[Named, ...]
    data_types: tuple[Named, ...]
    next: int | None


class FindingSeen(File):
    """One kind of fault that was found in a file: what, how often, in which records."""

    sentence: str
    count: int
    rows: tuple[int, ...]


class WhyWas(SeenAnswer):
    """A reason: its code, clause, sentence and next step."""

    code: str
    clause: str
    sentence: str
    next_step: str


class Happened(File):
    """One event of a file: when, what, by whom and what they said."""

    at: datetime
    what: str
    by: str | None
    why: str | None = None
    team: str | None = None


class FileTold(File):
    """What is known of a file of a mailbox unopened. `left_out`: what the team's view leaves out.

    Not `findings_told`: what was found may not be told to this person.
    """

    file: FileSeen
    pupils: int | None
    findings: tuple[FindingSeen, ...]
    findings_told: bool
    items: tuple[str, ...]
    left_out: str
    opened: tuple[Happened, ...]


class HeldSeen(File):
    """A held file as the list shows it."""

    reference: str
    sequence: int
    provider: Named
    data_type: Named | None
    landed_at: datetime
    held_until: datetime | None
    reasons: tuple[WhyWas, ...]
    sensitive: bool


class HeldPage(File):
    """A page of what is held; `next` leads to the page after it."""

    files: tuple[HeldSeen, ...]
    next: int | None


class HeaderSeen(SeenAnswer):
    """Something in a file that no rule knows: where it stands, its heading, what it looks like."""

    position: int
    header: str
    place: str
    filled: int
    kind: str
    topic: str


class ProposedBy(SeenAnswer):
    """A release that one person asked for and a second one has to allow."""

    data_type: str
    teams: tuple[str, ...]
    by: str
    at: datetime
    why: str


class HeldTold(File):
    """All that is known of a held file. `decides`: the person may decide on it here.

    `recalled`: it was taken back, and waits for a second person.
    """

    file: HeldSeen
    upload_name: str
    evidence: tuple[str, ...]
    pupils: int | None
    findings: tuple[FindingSeen, ...]
    items: tuple[str, ...]
    unlisted: tuple[HeaderSeen, ...]
    events: tuple[Happened, ...]
    proposed: ProposedBy | None
    decides: bool
    recalled: bool
    sent_on: bool
    data_types: tuple[Named, ...]
    teams: tuple[Named, ...]


class NewerReceipt(File):
    """The receipt in force of a file whose older one was verified."""

    state: str
    at: datetime


class ReceiptVerified(File):
    """What came of verifying a receipt: what is proved, line by line, and what is not."""

    genuine: bool
    lines: tuple[str, ...]
    newer: NewerReceipt | None = None


class HeadSeen(SeenAnswer):
    """A signed head of the log, as it is told to witnesses; whether one has signed it as well."""

    size: int
    at: datetime
    text: str
    cosigned: bool


class OpeningSeen(File):
    """That somebody opened a file."""

    number: int
    at: datetime
    by: str | None
    reference: str
    team: str | None


class OpeningsSeen(File):
    """The newest heads of the log, and a page of who opened what; `next` leads to the page after it."""

    heads: tuple[HeadSeen, ...]
    openings: tuple[OpeningSeen, ...]
    next: int | None


class Declining(File):
    """Why something is not done: a sentence; `options` where the person's passkey has to sign first.

    `again`: where a person who has none logs in once more, for this act.
    """

    sentence: str = ""
    options: str = ""
    again: str = ""
