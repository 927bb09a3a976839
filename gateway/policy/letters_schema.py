"""The models of letters.toml: addressees, occasions, times and texts of letters."""

from typing import Annotated, Literal, get_args

from pydantic import Field, field_validator

from gateway.policy.schema import PolicyTable, Slug, check_blanks
from gateway.reasons.languages import Language

FileLetterKind = Literal["held", "accepted", "released", "refused"]
"""Letters about one file of a provider: it waits, was accepted at once, accepted after a wait, or refused."""
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
"""The names allowed in a template; facts unknown for a letter are empty.

Names of `BY_LANGUAGE` are English; a language suffix (`day_cy`) gives another language.
"""
Addressee = Literal["provider", "team", "triage", "administrators"]


class LetterRule(PolicyTable):
    """One kind of letter to one kind of addressee.

    `days`: days in advance, for due-soon and key-expires, and (the largest) for weekly. `weekday`: the first
    day of a week on which the weekly letter may leave, from 1 for Monday.

    `at_once`: one letter for each event, in the event's transaction; otherwise one a day for all. `subject`
    and `text` are plain words with names of facts between braces.
    """

    kind: LetterKind
    to: Addressee
    days: tuple[int, ...] = ()
    weekday: int = Field(default=1, ge=1, le=7)
    at_once: bool = False
    subject: str = Field(min_length=1, max_length=150)
    text: str = Field(min_length=1, max_length=10_000)

    @field_validator("subject", "text")
    @classmethod
    def _can_be_filled(cls, template: str) -> str:
        return check_blanks(template, NAMES)

    @field_validator("subject")
    @classmethod
    def _one_line(cls, subject: str) -> str:
        if not subject.isprintable():
            raise ValueError("a subject is one line")
        return subject


class LettersFile(PolicyTable):
    """letters.toml. `administrators` and `teams` are addresses of desks, not of single persons."""

    administrators: tuple[Address, ...] = ()
    teams: dict[Slug, tuple[Address, ...]] = Field(default_factory=dict)
    letter: tuple[LetterRule, ...] = ()

    def rules(self, kind: LetterKind) -> tuple[LetterRule, ...]:
        """Return the letters of one kind."""
        return tuple(rule for rule in self.letter if rule.kind == kind)


def filled(template: str, facts: dict[str, str]) -> str:
    """Return a template filled with the known facts; unknown names become ""."""
    return template.format_map(dict.fromkeys(NAMES, "") | facts).strip()
