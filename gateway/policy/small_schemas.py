"""Define the models of the smaller policy files: agreement, clauses, bodies, methods, letters, breaches."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Hashable
from datetime import date
from functools import cached_property
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, field_validator, model_validator

from gateway.home.settings import WarnDays
from gateway.home.settings_file import File, written_as
from gateway.model import Provider, Reason
from gateway.policy.calendar_schema import DayCount
from gateway.policy.schema import ClauseId, MonthDay, Slug, with_blanks
from gateway.reasons.languages import Language

NewText = Literal["counts", "needs-signing"]
ReasonCode = Annotated[str, Field(pattern=r"^[a-z]+:[a-z0-9]+(-[a-z0-9]+)*$")]


class Year(File):
    """The year of the agreement; agreement.toml explains each day.

    A ratification counts for `valid_years` years, but never after `ends`, the last day of an agreement with a
    fixed end. `new_text`: whether a ratification of an earlier text still counts.
    """

    starts: MonthDay
    review: MonthDay
    lapses: MonthDay
    warn_days: WarnDays
    valid_years: int = Field(default=1, ge=1, le=3)
    ends: date | None = None
    new_text: NewText = "counts"

    @model_validator(mode="after")
    def _in_order(self) -> Year:
        """Raise ValueError unless a year can be ratified before it begins and before the last one lapses."""
        if self.review > self.starts:
            raise ValueError("the review of a year opens after the year has begun")
        if self.lapses < self.review:
            raise ValueError("a ratification lapses before the coming year can be ratified")
        return self


class Signatory(File):
    """A role that must sign a ratification for some kinds of provider, or for every kind if `kinds` is empty.

    `by_copy`: the role signs by a signed copy of the agreement, dropped in /agreement.
    """

    role: Slug
    name: str
    by_copy: bool = False
    kinds: tuple[Slug, ...] = ()


class NoticeRule(File):
    """A kind of notice by which a party ends its part in the agreement, such as a termination.
    `days`: for how many days after the notice the party's ratification still counts.
    """

    id: Slug
    name: str = Field(min_length=1)
    clause: ClauseId
    days: DayCount


class DiscrepancyPolicy(File):
    """The data types with rolls, which are compared. `rolls`: data types that show who is on roll.
    `whole_rolls`: data types of which a file always has the whole roll. `name_other_school`: True if notices
    of discrepancies may name the other provider.
    """

    name_other_school: bool
    rolls: tuple[Slug, ...] = ()
    whole_rolls: tuple[Slug, ...] = ()


class Contacts(File):
    """The names, in one language, of the authority's desks to which texts refer providers."""

    desk: str
    governance: str


class Telling(File):
    """The clauses by which providers are told of a `changed` agreement, and of one `ready` to ratify."""

    changed: ClauseId | None = None
    ready: ClauseId | None = None


class AgreementFile(File):
    """Model of agreement.toml: the agreement's texts, clauses, year, signatories and languages.

    `clauses`: a short name for each clause. `printed`: the opening words of each clause printed without its
    number. `uncited`: by clause that nothing cites, the reason. `documents`: texts agreed and signed together
    with `text`. `bases`: the legal bases of flows, by id. `persons`: the kinds of people in the data, by id.
    `languages`: the languages of receipts, in order; English is always included, because the machine-readable
    receipts are in English. `tell`: the clauses requiring notices.
    """

    title: str = Field(min_length=1)
    version: str = Field(min_length=1)
    text: str
    documents: tuple[str, ...] = ()
    languages: tuple[Language, ...] = ("en",)
    contacts: dict[Language, Contacts]
    year: Year
    signatory: tuple[Signatory, ...] = ()
    notice: tuple[NoticeRule, ...] = ()
    bases: dict[Slug, str] = Field(
        default={"statutory": "required by statute", "supporting": "supports a statutory function"}
    )
    persons: dict[Slug, str] = Field(default={"pupils": "Pupils"})
    discrepancies: DiscrepancyPolicy
    tell: Telling = Telling()
    clauses: dict[ClauseId, str]
    printed: dict[ClauseId, str] = Field(default_factory=dict)
    uncited: dict[ClauseId, str] = Field(default_factory=dict)

    def signatories(self, kind: str) -> tuple[Signatory, ...]:
        """Return the roles that must sign for a kind of provider; () if one signature of anybody ratifies."""
        return tuple(each for each in self.signatory if not each.kinds or kind in each.kinds)

    def is_heading(self, clause: ClauseId) -> bool:
        """Return True if a clause has clauses below it, and so is only their heading."""
        return any(each.startswith((f"{clause}.", f"{clause}(")) for each in self.clauses)


class Confirmed(File):
    """The record that a person read a clause: the SHA-256 of its text, and the entries citing it then."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    cited_by: tuple[str, ...]


class ConfirmedFile(File):
    """Model of confirmed.toml: by clause, the record that a person read it."""

    clauses: dict[ClauseId, Confirmed] = Field(default_factory=dict)


class ReasonsFile(File):
    """Model of reasons.toml: by reason code, the clause that the reason cites.
    `services`: by kind of file outside the agreement, the step that tells its sender where it belongs.
    `translations`: by language, of those kinds and steps, and of other words in the blanks of reasons.
    """

    clauses: dict[ReasonCode, ClauseId]
    services: dict[str, str] = Field(default_factory=dict)
    translations: dict[Language, dict[str, str]] = Field(default_factory=dict)


About = Literal["themselves", "anyone"]
DFE_NUMBER, URN = "dfe-number", "urn"
"""The ids of the two identifiers stated in files, for comparison with the provider's record."""


_PATTERN = re.compile(r"(([A-Za-z0-9 /_-]|\\d|\[[A-Za-z0-9 /_-]+\])(\{[0-9]{1,2}(,[0-9]{1,2})?\}|\?)?|\|)+")
"""The patterns allowed: without groups and with few repetitions, so that none takes long to match."""


def _compiles(pattern: str) -> str:
    if not _PATTERN.fullmatch(pattern):
        raise ValueError(
            "a pattern is made of letters, digits, classes such as [0-9] or \\d, numbers of times such as "
            "{7} or {6,7}, ? and |, without ( ), * and +"
        )
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"this is no regular expression: {error}") from None
    return pattern


class Identifier(File):
    """A kind of number that identifies providers; such numbers match the regular expression `pattern`."""

    id: Slug
    name: str
    pattern: Annotated[str, Field(min_length=1, max_length=40), AfterValidator(_compiles)]

    def fits(self, number: str) -> bool:
        """Return True if a number matches `pattern`."""
        return re.fullmatch(self.pattern, number, re.ASCII) is not None


class BodyKind(File):
    """A kind of provider; bodies.toml explains each setting."""

    id: Slug
    name: str
    ratifies: bool = False
    own_pupils: bool = False
    speaks_for_others: bool = False
    identifier: Slug | None = None
    becomes: tuple[Slug, ...] = ()
    not_expected: tuple[Slug, ...] = ()


class RecipientBody(File):
    """A recipient of flows: the authority itself (`own`), providers of some `kinds`, or another body.
    `about`: which files providers may get: files about "themselves" alone, or about "anyone".
    """

    id: Slug
    name: str
    own: bool = False
    kinds: tuple[Slug, ...] = ()
    about: About = "themselves"


class BodiesFile(File):
    """Model of bodies.toml: kinds of provider, identifying numbers, and recipients."""

    kind: tuple[BodyKind, ...] = Field(min_length=1)
    identifier: tuple[Identifier, ...] = ()
    recipient: tuple[RecipientBody, ...] = Field(min_length=1)

    @cached_property
    def _kinds(self) -> dict[str, BodyKind]:
        return {each.id: each for each in self.kind}

    @cached_property
    def with_own_pupils(self) -> frozenset[str]:
        """The ids of the kinds of provider with pupils on a roll of their own."""
        return frozenset(each.id for each in self.kind if each.own_pupils)

    def of(self, kind: str) -> BodyKind:
        """Return the kind of provider with an id; for an unknown id, return a kind without rights."""
        return self._kinds.get(kind) or BodyKind(id=kind, name=kind)

    def kinds(self) -> tuple[str, ...]:
        """Return the id of every kind of provider, in the order of the file."""
        return tuple(self._kinds)

    @cached_property
    def parties(self) -> frozenset[str]:
        """The ids of the kinds of provider that have to ratify the agreement."""
        return frozenset(each.id for each in self.kind if each.ratifies)

    def identifier_of(self, kind: str) -> Identifier | None:
        """Return the kind of number that identifies providers of a kind; None if none does."""
        return next((each for each in self.identifier if each.id == self.of(kind).identifier), None)

    def find(self, recipient: str) -> RecipientBody | None:
        """Return the recipient with this id; None if there is none."""
        return next((each for each in self.recipient if each.id == recipient), None)


def number_of(provider: Provider, identifier: Identifier) -> str | None:
    """Return a provider's number of the kind `identifier`; None if none is on record."""
    if identifier.id == DFE_NUMBER:
        return provider.dfe_number
    return provider.urn if identifier.id == URN else provider.number


class Strength(File):
    """The strength of keys: the least number of bits, 2048 or more, of an RSA key that may be enrolled."""

    rsa_bits: int = Field(ge=2048)


class Circumstance(File):
    """A circumstance that changes what a method requires; `question` asks a person if it applies."""

    id: Slug
    clause: ClauseId
    question: str


class Material(File):
    """Material that may travel under the agreement though no flow has it, such as a signed contract."""

    id: Slug
    name: str
    clauses: tuple[ClauseId, ...] = Field(min_length=1)
    circumstances: tuple[Slug, ...] = ()


class Safeguard(Circumstance):
    """A safeguard a person confirms; `told` completes "it was not confirmed that: …"."""

    told: str


class Need(File):
    """A requirement of a method: one of the safeguards `any_of` must be confirmed.
    The requirement applies if no circumstance in `unless` holds, and one in `when` does, or `when` is empty.
    """

    any_of: tuple[Slug, ...] = Field(min_length=1)
    when: tuple[Slug, ...] = ()
    unless: tuple[Slug, ...] = ()


class Method(File):
    """A method by which data travels; methods.toml explains each key."""

    id: Slug
    name: str
    clause: ClauseId
    electronic: bool = False
    declarable: bool = True
    flows: tuple[Slug, ...] | None = None
    senders: tuple[Slug, ...] | None = None
    need: tuple[Need, ...] = ()


class MethodsFile(File):
    """Model of methods.toml: methods of transfer with their requirements, and strength of keys."""

    flow_circumstances: tuple[Slug, ...]
    strength: Strength
    circumstance: tuple[Circumstance, ...] = ()
    material: tuple[Material, ...] = ()
    safeguard: tuple[Safeguard, ...] = ()
    method: tuple[Method, ...] = Field(min_length=1)

    @cached_property
    def refusals(self) -> dict[Hashable, tuple[Reason, ...]]:
        """A cache of the refusals of methods found by `decide`: every file needs the same ones again."""
        return {}

    def find(self, identifier: str) -> Method | None:
        """Return the method with an id; None if there is none."""
        return next((method for method in self.method if method.id == identifier), None)

    def safeguards(self) -> dict[str, Safeguard]:
        """Return each safeguard by id."""
        return {safeguard.id: safeguard for safeguard in self.safeguard}


FileLetterKind = Literal["held", "accepted", "released", "refused"]
"""Letters about one file: it is held, was accepted at once, accepted after a hold, or refused."""
LetterKind = Literal[
    FileLetterKind,
    "new-files", "weekly", "chase", "due-soon", "due-today", "late", "key-expires", "ratify",
    "agreement-changed", "gateway-key",
]  # fmt: skip
Address = Annotated[str, Field(pattern=r"^[!-+\--:=?A-~]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$")]
"""An e-mail address in plain letters: not every relay takes others (RFC 6531)."""
BY_LANGUAGE = ("data_type", "at", "day", "reasons", "news", "desk", "telephone")
NAMES = frozenset(
    {
        *("organisation", "name", "reference", "days", "year", "count", "team", *BY_LANGUAGE),
        *(
            f"{name}_{language}"
            for name in BY_LANGUAGE
            for language in get_args(Language)
            if language != "en"
        ),
    }
)
"""The names allowed in a letter's template; one whose value is not known for a letter becomes "".

Values of `BY_LANGUAGE` are English; a suffix gives another language, as `day_cy`.
"""
Addressee = Literal["provider", "team", "triage", "administrators"]


class LetterRule(File):
    """The rule for letters of one kind to one kind of addressee.

    `days`: how many days in advance a letter "due-soon" or "key-expires" is written; for "weekly", the
    largest is the number of days that the letter looks ahead. `weekday`: the first day of a week on which the
    weekly letter may leave, from 1 for Monday. `at_once`: True for a letter at the time of each event, False
    for one letter a day about all events. `subject` and `text`: templates, with `NAMES` in braces as blanks.
    """

    kind: LetterKind
    to: Addressee
    days: tuple[int, ...] = ()
    weekday: int = Field(default=1, ge=1, le=7)
    at_once: bool = False
    subject: Annotated[str, Field(min_length=1, max_length=150), with_blanks(NAMES)]
    text: Annotated[str, Field(min_length=1, max_length=10_000), with_blanks(NAMES)]

    @field_validator("subject")
    @classmethod
    def _one_line(cls, subject: str) -> str:
        if not subject.isprintable():
            raise ValueError("a subject is one line")
        return subject


class LettersFile(File):
    """Model of letters.toml: rules for letters, and addresses of desks (not of single persons)."""

    administrators: tuple[Address, ...] = ()
    teams: dict[Slug, tuple[Address, ...]] = Field(default_factory=dict)
    letter: tuple[LetterRule, ...] = ()

    def rules(self, kind: LetterKind) -> tuple[LetterRule, ...]:
        """Return the rules for one kind of letter."""
        return tuple(rule for rule in self.letter if rule.kind == kind)


def filled(template: str, facts: dict[str, str]) -> str:
    """Return a letter's template with each blank filled from `facts`, or empty if there is no such fact."""
    return template.format_map(dict.fromkeys(NAMES, "") | facts).strip()


BLANKS = frozenset({"reference", "provider", "dfe", "urn", "landed"})
"""The names allowed between braces in hand_ons.toml: about the file handed on, and its sender."""
Word = Annotated[str, Field(min_length=1, max_length=100)]


class HandOnColumn(File):
    """A column of an output file, and the one source of its values: a field of items.toml (`from`), or the
    first of `headings` in the view that has a value, or a fixed `value`, which may have `BLANKS` in braces.
    """

    name: Word
    field: str = Field(default="", alias="from")
    headings: tuple[Word, ...] = ()
    value: Annotated[str, Field(max_length=100), with_blanks(BLANKS)] = ""

    @model_validator(mode="after")
    def _comes_from_one_place(self) -> HandOnColumn:
        if [bool(self.field), bool(self.headings), bool(self.value)].count(True) != 1:
            raise ValueError("write one of from, headings and value")
        return self


class HandOnFile(File):
    """A file made from each file handed on. `each`: the element that becomes a row, if not the record of a
    pupil.
    """

    name: Annotated[
        str,
        Field(pattern=r"^[A-Za-z0-9{][A-Za-z0-9._{}-]{0,99}$"),
        with_blanks(BLANKS),
        written_as(
            r".*\{reference\}.*", "write {reference} into the name, so that no file takes another's place"
        ),
    ]
    each: str = Field(default="", pattern=r"^[A-Za-z]*$")
    column: tuple[HandOnColumn, ...] = Field(min_length=1)


class SftpTarget(File):
    """The SFTP server of a system. `host_key`: its public key as in a known_hosts file, type and base64."""

    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9.:-]{1,253}$")]
    port: int = Field(default=22, ge=1, le=65535)
    user: Annotated[str, Field(pattern=r"^[!-~]{1,64}$")]
    folder: Annotated[str, Field(pattern=r"^[^\x00-\x1f]{1,200}$")] = "."
    host_key: Annotated[
        str, Field(pattern=r"^(ssh-ed25519|ecdsa-sha2-nistp(256|384|521)|ssh-rsa) [A-Za-z0-9+/]+=*$")
    ]

    @property
    def fingerprint(self) -> str:
        """The SHA-256 fingerprint of the host key, written as SSH programs do."""
        digest = hashlib.sha256(base64.b64decode(self.host_key.partition(" ")[2])).digest()
        return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


class HandOn(File):
    """The hand-on of a team's files to one system of the authority. The system gets what the team may see.

    - `data_types`: of the files handed on. `since`: the day from which deliveries are handed on.
    - `at`: the time of day by the authority's clocks, or "at-once".
    - `sftp`: the server to push to; without one, the system fetches files from a folder of the home.
    - `acknowledge_hours`: people are told if the system has not acknowledged files after so many hours.
    """

    id: Annotated[str, Field(pattern=r"^[a-z]+(-[a-z]+)*$", max_length=32)]
    team: Slug
    data_types: tuple[Slug, ...] = Field(min_length=1)
    since: date
    at: Annotated[str, Field(pattern=r"^(at-once|([01]\d|2[0-3]):[0-5]\d)$")]
    acknowledge_hours: int = Field(default=24, ge=1, le=720)
    sftp: SftpTarget | None = None
    file: tuple[HandOnFile, ...] = Field(min_length=1)


class HandOnsFile(File):
    """Model of hand_ons.toml: every hand-on. Nothing else is handed on to a system."""

    hand_on: tuple[HandOn, ...] = ()


class GraveItem(File):
    """An item of Appendix A whose loss is graver than that of other items, and why."""

    item: str
    why: str
    clause: ClauseId | None = None


class Consequence(File):
    """A likely consequence of a breach of any of the `items`."""

    text: str
    items: tuple[str, ...] = Field(min_length=1)


class WhoIsTold(File):
    """The clauses by which somebody is told of a breach: the ICO, governance, providers, data subjects."""

    ico: tuple[ClauseId, ...] = ()
    governance: tuple[ClauseId, ...] = ()
    providers: tuple[ClauseId, ...] = ()
    subjects: tuple[ClauseId, ...] = ()


class BreachFile(File):
    """Model of breach.toml: who is told of a breach, grave items, and possible consequences."""

    tell: WhoIsTold
    grave: tuple[GraveItem, ...] = ()
    consequence: tuple[Consequence, ...] = ()
