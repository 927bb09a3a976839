"""Every answer to the console. Moments are aware, in UTC; names of files are safe to show."""

from datetime import date, datetime
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, Field

from gateway.home.settings_file import File


class SeenAnswer(File):
    """An answer convertible from any object with attributes of the same names."""

    model_config = ConfigDict(from_attributes=True)


class ConsoleKnows(File):
    """The settings needed by the console; `zone` is the local authority's time zone."""

    organisation: str
    zone: str
    host: str
    port: int
    origin: str | None
    certificate: Path | None
    certificate_key: Path | None
    proxies: tuple[str, ...]
    openid: str | None
    security_txt: str | None
    accessibility: str | None


class PasskeyOptions(File):
    """The options for the browser's passkey, as JSON; `name` is its future owner."""

    options: str
    name: str = ""


class OpenIdBegun(File):
    """The address of the OpenID provider, to which the browser goes next."""

    address: str


class Begun(File):
    """A completed login; `session` is for the person's browser alone."""

    session: str
    name: str


class Named(File):
    """Something with a name for people: a team, a provider, a data type."""

    id: str
    name: str


class Me(File):
    """The logged-in person, with rights."""

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


class KeyNews(File):
    """News of a key of the person: a sentence, and since when; `act`: the person has something to do."""

    said: str
    at: datetime
    act: bool


class MeSeen(File):
    """The person's own page: roles, sessions, passkeys (by fingerprint) and news of keys, newest first."""

    roles: tuple[str, ...]
    sessions: tuple[SessionSeen, ...]
    passkeys: tuple[str, ...]
    news: tuple[KeyNews, ...] = ()


class Done(File):
    """A completed act, in a sentence."""

    sentence: str


class Counted(File):
    """A number of something; `more`: the count stopped there."""

    id: str
    name: str
    count: int
    more: bool = False


class DaySeen(File):
    """The number of files landed on a day, by outcome."""

    on: date
    accepted: int = 0
    held: int = 0
    refused: int = 0
    waiting: int = 0


class WaitingTask(File):
    """A task waiting for the reader: a sentence, and the page for doing the task.

    `since` is the beginning of the wait of the first of several, or `due` the day for data to come, `days`
    ago; None without a beginning on record. `about` are the kinds of data to come. `of` names the file or
    school of a page about one. `letter` is the number of the last letter, written at `written`.
    """

    said: str
    about: tuple[str, ...] = ()
    since: datetime | None = None
    due: date | None = None
    days: int | None = None
    page: Literal[
        "held",
        "mine",
        "held-file",
        "recall",
        "chase",
        "school",
        "schools",
        "policies",
        "notices",
        "hand-ons",
        "hooks",
    ]
    of: str = ""
    letter: int | None = None
    written: datetime | None = None


class RecallSeen(SeenAnswer):
    """A request to take a file back: person, time and reason."""

    reference: str
    by: str
    at: datetime
    why: str


class TodaySeen(File):
    """The first page. `days` and the rest are None for a person limited to own teams.

    `needs` wait for this person, whose first steps are shown with `first_steps`.
    `news` are of the person's own keys. `recalls` are the open requests for recall. `late` is
    as of `late_at`.

    `median_seconds` and `slowest_seconds` are from landing to receipt, of the latest 200 files.
    """

    new: tuple[Counted, ...]
    news: tuple[KeyNews, ...] = ()
    first_steps: bool = False
    needs: tuple[WaitingTask, ...] = ()
    held: tuple[Counted, ...] = ()
    waiting: Counted | None = None
    late: Counted | None = None
    late_at: datetime | None = None
    recalls: tuple[RecallSeen, ...] = ()
    days: tuple[DaySeen, ...] | None = None
    median_seconds: float | None = None
    slowest_seconds: float | None = None
    expiring: tuple[Counted, ...] = ()


class FileSeen(File):
    """A file in a mailbox's list. `size` in bytes, if the whole file is shown."""

    reference: str
    sequence: int
    provider: Named
    data_type: Named | None
    period: str | None
    landed_at: datetime
    size: int | None
    new: bool
    name: str


class SavedTold(SeenAnswer):
    """A saved filter of a list, as in an address."""

    name: str
    query: str


class MailboxSeen(File):
    """A page of a mailbox, with its filters; `next` leads to the following page.

    `total` is the number of files of all pages, with `more` counted no further. `saved` are the person's own
    filters.
    """

    team: Named
    files: tuple[FileSeen, ...]
    providers: tuple[Named, ...]
    data_types: tuple[Named, ...]
    next: int | None
    total: int
    more: bool
    saved: tuple[SavedTold, ...] = ()


class FindingSeen(File):
    """One kind of fault found in a file: description, count, and records."""

    sentence: str
    count: int
    rows: tuple[int, ...]


class WhyWas(SeenAnswer):
    """A reason: code, clause, sentence and next step."""

    code: str
    clause: str
    sentence: str
    next_step: str


class Happened(File):
    """One event of a file: time, event, person and comment."""

    at: datetime
    what: str
    by: str | None
    why: str | None = None
    team: str | None = None


class FileTold(File):
    """The facts about an unopened file in a mailbox. `left_out`: items outside the team's view.

    `findings_told` is False if the findings may not be shown to this person.
    """

    file: FileSeen
    pupils: int | None
    findings: tuple[FindingSeen, ...]
    findings_told: bool
    items: tuple[str, ...]
    left_out: str
    opened: tuple[Happened, ...]


class HeldSeen(File):
    """A held file, with why it is held: by reasons, and `why` in the words of the authority's lists."""

    reference: str
    why: str
    provider: Named
    data_type: Named | None
    landed_at: datetime
    held_until: datetime | None
    reasons: tuple[WhyWas, ...]
    sensitive: bool


class HeaderSeen(SeenAnswer):
    """An unknown heading in a file: place, heading, and appearance."""

    position: int
    header: str
    place: str
    filled: int
    kind: str
    topic: str


class ProposedBy(SeenAnswer):
    """A release requested by one person, awaiting a second."""

    data_type: str
    teams: tuple[str, ...]
    by: str
    at: datetime
    why: str


class HeadingSaid(SeenAnswer):
    """One person's answer on a heading, waiting for a second person: the key of an item, and the person."""

    heading: str
    item: str
    by: str


class HeldTold(File):
    """The details of a held file. `decides`: the person may decide on it here.

    `recalled`: taken back, and waiting for a second person. `asked` are headings the person may say the
    meaning of, `meanings` the items to choose from, `said` the answers waiting for a second person. `owner`
    was said to decide; `would` is what became of the file if it was released as it was recognised. `again`
    are the references of files that wait with the same content, this one among them, the newest last.
    """

    file: HeldSeen
    upload_name: str
    evidence: tuple[str, ...]
    pupils: int | None
    findings: tuple[FindingSeen, ...]
    items: tuple[str, ...]
    unlisted: tuple[HeaderSeen, ...]
    asked: tuple[str, ...]
    meanings: tuple[Named, ...]
    said: tuple[HeadingSaid, ...]
    events: tuple[Happened, ...]
    proposed: ProposedBy | None
    decides: bool
    owner: str | None = None
    would: str = ""
    again: tuple[str, ...] = ()
    recalled: bool
    sent_on: bool
    data_types: tuple[Named, ...]
    teams: tuple[Named, ...]


class NewerReceipt(File):
    """The receipt in force of a file, newer than the one verified."""

    state: str
    at: datetime


class ReceiptVerified(File):
    """The result of verifying a receipt: proved and unproved statements, line by line."""

    genuine: bool
    lines: tuple[str, ...]
    newer: NewerReceipt | None = None


class HeadSeen(SeenAnswer):
    """A signed log head as sent to witnesses; `cosigned`: a witness has signed it too."""

    size: int
    at: datetime
    text: str
    cosigned: bool


class OpeningSeen(File):
    """One opening of a file by a person."""

    number: int
    at: datetime
    by: str | None
    reference: str
    team: str | None


class OpeningsSeen(File):
    """The newest log heads, and a page of openings, with `total` and `more` as of a mailbox."""

    heads: tuple[HeadSeen, ...]
    openings: tuple[OpeningSeen, ...]
    next: int | None
    total: int
    more: bool


class Declining(File):
    """A refusal, in a sentence; `options` if the person's passkey has to sign first.

    `again`: the address for a new login for this act, for a person without a passkey. `status` is for
    programs. `fields` are the wrong fields of a form, each with its own sentence.
    """

    status: int = 403
    sentence: str = ""
    fields: dict[str, str] = Field(default_factory=dict)
    options: str = ""
    again: str = ""
