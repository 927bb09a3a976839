"""The base class of acts, the context in which an act is carried out, and the kinds of answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from pydantic import BaseModel, ConfigDict, field_validator
from sqlmodel import Session

from gateway.access import AccessRight, Sight
from gateway.errors import GatewayError
from gateway.home import Home
from gateway.log.leaf import Kind
from gateway.registry import log
from gateway.zones.http_paths import BEYOND_ROWS

if TYPE_CHECKING:
    from gateway.policy.catalogue import Catalogue
    from gateway.policy.timescale import FlowStatus
    from gateway.publish.projection import Issued
    from gateway.record.registrar import Registrar
    from gateway.registry.database import Registry
    from gateway.reports.document import Document

_YEARS = range(1900, 3000)


class Area(StrEnum):
    """The headings under which doors list acts; `fields.py` lists the nouns under each."""

    SCHOOLS = "Schools"
    FILES = "Files"
    CHILDREN = "Children"
    PEOPLE = "Keys and people"
    RULES = "Rules and machines"


@dataclass(frozen=True, slots=True)
class ActContext:
    """The context of an act: the person, the clock, the home, and functions that open the registry (to read)
    and the `Registrar` (to record).
    """

    home: Home
    person: str
    clock: Callable[[], datetime]
    open_registry: Callable[[], AbstractContextManager[Registry]]
    open_registrar: Callable[[], AbstractContextManager[Registrar]]
    sight: Callable[[Session], Sight]
    """The person's sight of files."""
    account: Callable[[], str | None] = lambda: None
    """The account of the machine under which the person acts; None in the console."""
    mailboxes: Any = None
    """The mailboxes of the person's teams; None where another service than the mailboxes acts."""
    judged: Callable[[date], Mapping[str, Sequence[FlowStatus]]] | None = None
    """A function for the standing of each provider's flows on a day, a few minutes old at most; or None."""

    @property
    def catalogue(self) -> Catalogue:
        """Return the policies in force."""
        from gateway.policy.catalogue import load_catalogue  # noqa: PLC0415 - few acts read the policies

        return load_catalogue(self.home.policies_in_force)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Yield a session for reading the registry in one transaction, within the person's sight of files."""
        with self.open_registry() as registry, registry.within(self.sight).read() as session:
            yield session

    @contextmanager
    def recording(
        self, *, signs: bool = True, access: bool = False, copies: bool = False, tried: bool = False
    ) -> Iterator[Recording]:
        """Yield one transaction for changing the registry; publish the receipts of its decision afterwards.
        `signs`: True to sign the log's head at the end, unless a decision has signed it. `access`: True to
        publish the providers' SSH keys for intake after the commit. `copies`: True to remove from /out the
        copies taken back. A service without the right to publish leaves both to the processor. `tried`: True
        to roll the transaction back at the end; nothing is then signed or published.
        """
        with self.open_registrar() as registrar:
            trial = registrar.registry.on_trial() if tried else nullcontext(registrar.registry)
            with trial as registry, registry.write() as session:
                recording = Recording(registrar, session, self.person, self.clock())
                yield recording
                if tried:
                    return
                if signs and recording.issued is None:
                    registrar.sign_head(session, recording.at)
            if access and registrar.brings_out:
                from gateway.publish.projection import publish_access  # noqa: PLC0415 - few change access

                publish_access(registrar.registry, self.home.published, recording.at)
            if copies and registrar.brings_out:
                from gateway.publish.everything import take_back_copies  # noqa: PLC0415 - as above

                take_back_copies(self.home, registrar.registry)
            registrar.bring_out(recording.issued)


@dataclass(slots=True)
class Recording:
    """One transaction of an act, for changing the registry and adding entries to the log.

    `issued`: the signed head and the receipts of a decision, published after the commit.
    """

    registrar: Registrar
    session: Session
    by: str
    at: datetime
    issued: Issued | None = None

    def note(
        self, kind: Kind, subject: str, fields: Mapping[str, str | int] | None = None, note: str | None = None
    ) -> None:
        """Append a log entry in the person's name; `note` is stored in the registry, not in the leaf."""
        entry = log.Entry(kind=kind, subject=subject, fields=dict(fields or {}), actor=self.by, note=note)
        log.append(self.session, [entry], self.at)

    def check_teams(self, wanted: Iterable[str]) -> None:
        """Raise GatewayError if one of the `wanted` teams is missing from the policies."""
        known = [team.id for team in self.registrar.catalogue.teams.team]
        if unknown := sorted({*wanted}.difference(known)):
            raise GatewayError(f"there is no team {unknown[0]}; the teams are {', '.join(known)}")


@dataclass(frozen=True, slots=True)
class ActDone:
    """An act's answer: a sentence about the result, and a document to be shown unchanged, if any."""

    sentence: str = ""
    document: str = ""


@dataclass(frozen=True, slots=True)
class FieldGroup:
    """A heading and the names of the fields below. `folded`: forms hide the fields until the person asks."""

    heading: str
    fields: tuple[str, ...]
    help: str = ""
    folded: bool = False


@dataclass(frozen=True, slots=True)
class ActListing:
    """The rows of a list, or of one page of it.

    - `empty`: the sentence shown if there are no rows; `closing`: a sentence below the rows, for people.
    - `narrow`: the columns for a narrow screen.
    - `latest`: True if a command that prints only some rows prints the last ones; False for the first ones.
    - `first`: the number of the page's first row; `total`: the number of rows on all pages, if counted;
      `following`: the cursor of the next page, "" on the last.
    - `groups`: all groups in order, each with the `value` that its rows share, a `name` for people, and the
      `number` of rows; `group_of`: for each row of the page, the `value` of its group.
    """

    rows: Iterable[Mapping[str, Any]]
    columns: tuple[str, ...]
    empty: str
    narrow: tuple[str, ...] = ()
    latest: bool = False
    closing: str = ""
    total: int | None = None
    following: str = ""
    first: int = 1
    groups: tuple[Mapping[str, str | int], ...] = ()
    group_of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ActDetails:
    """The answer of an act that shows one object in detail.

    - `values`: everything, as JSON values, for programs.
    - `lines`: values shown after their labels; empty values are left out. `parts`: lists below.
    - `refused`: the reason for a negative answer, printed as the command's error; "" otherwise.
    - `proof`: details for experts, such as digests, keys and entries of the log.
    - `unfit`: commands in the act's `beside` that would be refused as the object stands.
    """

    heading: str
    values: object
    parts: tuple[ActListing, ...] = ()
    closing: tuple[str, ...] = ()
    lines: Mapping[str, object] = field(default_factory=dict)
    paragraphs: tuple[str, ...] = ()
    refused: str = ""
    proof: ActDetails | None = None
    unfit: frozenset[str] = frozenset()

    def shown_lines(self) -> dict[str, object]:
        """Return `lines` for display: values by label, spaces for underscores, and no empty value."""
        empty: tuple[object, ...] = (None, "", (), [])
        return {name.replace("_", " "): value for name, value in self.lines.items() if value not in empty}


Answer: TypeAlias = "ActDone | ActListing | ActDetails | Document"


Revealed: TypeAlias = "Mapping[str, Mapping[str, Mapping[str, tuple[str, ...]]]]"
"""By field and by a value of the field: the other fields shown for this value, each with its choices."""


class Act(BaseModel):
    """A person's act or question.

    The first line of a subclass's docstring is the help, the other lines are the description. Command, right,
    `asks_passkey`, `by_program` and `short` are given in the class statement:
    `class AddKey(Act, command="keys add", right=AccessRight.ENROL)`.
    - `command`: the words of the act in the command line and the console.
    - `right`: the right needed by the person (`gateway/access.py`).
    - `asks_passkey`: the console asks for a passkey to confirm the act. `reads`: the act changes nothing.
    - a field `reference` names the file concerned; every door hides files outside the person's sight.
    - `in_console`: False for an act of the command line only, such as an act that changes more than the
      registry. (Before asking for the passkey, the console carries an act out in a trial transaction.)
    - `tried`: False for an act that writes a temporary file to check its fields: the console makes no trial
      of such an act, and `effect` reports the faults.
    - `short`: the verb on a button, where the page names the thing.
    - `annexed`: the document has an annex, printed only on request. `tabled`: the document is also offered
      as one table for spreadsheets.
    - `of_any_file`: True if the act also takes references of files outside the person's sight.
    - `beside`: commands offered below an answer, each as COMMAND:FIELD,FLAG…, such as
      "keys confirm:id,staff". FIELD gets the answer's value of its own name, or of the name `named_by`.
    - `by_program`: True if the API offers the act to programs. `streams`: True if the answer is a file, sent
      by the mailboxes.
    - `field_groups`: all fields under headings, for an act with many fields.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: ClassVar[str] = ""
    right: ClassVar[AccessRight]
    asks_passkey: ClassVar[bool] = True
    reads: ClassVar[bool] = False
    in_console: ClassVar[bool] = True
    tried: ClassVar[bool] = True
    short: ClassVar[str] = ""
    annexed: ClassVar[bool] = False
    tabled: ClassVar[bool] = False
    of_any_file: ClassVar[bool] = False
    beside: ClassVar[tuple[str, ...]] = ()
    named_by: ClassVar[str] = ""
    by_program: ClassVar[bool] = False
    streams: ClassVar[bool] = False
    field_groups: ClassVar[tuple[FieldGroup, ...]] = ()

    def __init_subclass__(
        cls,
        *,
        command: str = "",
        right: AccessRight | None = None,
        asks_passkey: bool | None = None,
        by_program: bool | None = None,
        short: str | None = None,
        **more: Any,  # noqa: ANN401 - as pydantic's
    ) -> None:
        """Set the properties named in the class statement. TypeError for a command without a right."""
        super().__init_subclass__(**more)
        told = {"right": right, "asks_passkey": asks_passkey, "by_program": by_program, "short": short}
        for name, value in told.items():
            if value is not None:
                setattr(cls, name, value)
        if command:
            cls.command = command
            if not hasattr(cls, "right"):
                raise TypeError(f"nobody may do this: {command} asks for no right")

    @classmethod
    def __pydantic_init_subclass__(cls, **_more: Any) -> None:  # noqa: ANN401 - as pydantic's
        """Raise TypeError if an act has `field_groups` and does not name each field exactly once in them."""
        if cls.field_groups and sorted(name for one in cls.field_groups for name in one.fields) != sorted(
            cls.model_fields
        ):
            raise TypeError(f"{cls.command}: groups have each field once")

    @field_validator("*")
    @classmethod
    def _is_possible(cls, given: object) -> object:
        """Return a field's value unchanged. ValueError for a wrong year, a number too large, or a NUL."""
        if isinstance(given, date) and given.year not in _YEARS:
            raise ValueError("write a year from 1900 to 2999")
        if isinstance(given, int) and abs(given) >= BEYOND_ROWS:
            raise ValueError("no number here is so large")
        every = given if isinstance(given, tuple) else (given,)
        if any(isinstance(one, str) and "\0" in one for one in every):
            raise ValueError("it has a character that no text holds (NUL)")
        return given

    @classmethod
    def known(cls, catalogue: Catalogue) -> Mapping[str, Mapping[str, str]]:  # noqa: ARG003 - for those that need it
        """Return by field the values that the policies allow there, each with the value's name for people."""
        return {}

    @classmethod
    def revealed(cls, catalogue: Catalogue) -> Revealed:  # noqa: ARG003 - as above
        """Return the fields that a form shows only while another field has certain values (`Revealed`)."""
        return {}

    def check(self, context: ActContext) -> None:
        """Check the fields before a person confirms the act. GatewayError, in a sentence, for a wrong one."""

    def effect(self, context: ActContext) -> str:  # noqa: ARG002 - for those that need it
        """Return a sentence about the effect, for the person to read before confirming.
        GatewayError for a fault that would stop the act and that `check` does not look for.
        """
        return ""

    def confirms(self) -> bool:
        """Return True if the person must confirm the act by a passkey, at doors that can ask for one."""
        return self.asks_passkey

    def known_by(self, context: ActContext) -> str | None:  # noqa: ARG002 - for those that need it
        """Return a key under which the console may cache the answer for a minute; None to forbid caching.
        A changed answer needs another key. The console itself adds the policies and the fields to the key.
        """
        return None

    def carry_out(self, context: ActContext) -> Answer:
        """Carry the act out and return the answer. GatewayError with a sentence if the act is impossible."""
        raise NotImplementedError


class ReadingAct(Act):
    """An act that changes nothing and needs no passkey: a person's question."""

    asks_passkey: ClassVar[bool] = False
    reads: ClassVar[bool] = True
    by_program: ClassVar[bool] = True
