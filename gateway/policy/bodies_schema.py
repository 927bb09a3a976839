"""The models of bodies.toml: kinds of provider, their identifying numbers, and recipients."""

import re
from functools import cached_property
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from gateway.model import Provider
from gateway.policy.schema import PolicyTable, Slug

About = Literal["themselves", "anyone"]
DFE_NUMBER, URN = "dfe-number", "urn"
"""The identifiers stated in files, and compared with the provider's record."""


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"this is no regular expression: {error}") from None
    return pattern


class Identifier(PolicyTable):
    """A number identifying a body: the whole number matches `pattern`, a regular expression."""

    id: Slug
    name: str
    pattern: Annotated[str, Field(min_length=1), AfterValidator(_compiles)]

    def fits(self, number: str) -> bool:
        """Return True if a number matches the pattern."""
        return re.fullmatch(self.pattern, number, re.ASCII) is not None


class BodyKind(PolicyTable):
    """A kind of provider. See bodies.toml for the meaning of each setting."""

    id: Slug
    name: str
    ratifies: bool = False
    own_pupils: bool = False
    speaks_for_others: bool = False
    identifier: Slug | None = None
    becomes: tuple[Slug, ...] = ()
    not_expected: tuple[Slug, ...] = ()


class RecipientBody(PolicyTable):
    """A recipient of flows: the authority itself (`own`), kinds of providers, or teams of another body."""

    id: Slug
    name: str
    own: bool = False
    kinds: tuple[Slug, ...] = ()
    about: About = "themselves"


class BodiesFile(PolicyTable):
    """bodies.toml."""

    kind: tuple[BodyKind, ...] = Field(min_length=1)
    identifier: tuple[Identifier, ...] = ()
    recipient: tuple[RecipientBody, ...] = Field(min_length=1)

    @cached_property
    def _kinds(self) -> dict[str, BodyKind]:
        return {each.id: each for each in self.kind}

    def of(self, kind: str) -> BodyKind:
        """Return a kind of provider; a kind no longer listed gets an entry without any rights."""
        return self._kinds.get(kind) or BodyKind(id=kind, name=kind)

    def kinds(self) -> tuple[str, ...]:
        """Return the ids of every kind, in the order of the file."""
        return tuple(self._kinds)

    def parties(self) -> frozenset[str]:
        """Return the kinds that sign the agreement."""
        return frozenset(each.id for each in self.kind if each.ratifies)

    def identifier_of(self, kind: str) -> Identifier | None:
        """Return the number identifying providers of a kind, if any."""
        return next((each for each in self.identifier if each.id == self.of(kind).identifier), None)

    def find(self, recipient: str) -> RecipientBody | None:
        """Return the recipient with an id, if any."""
        return next((each for each in self.recipient if each.id == recipient), None)


def number_of(provider: Provider, identifier: Identifier) -> str | None:
    """Return a provider's number for an identifier, as on record."""
    if identifier.id == DFE_NUMBER:
        return provider.dfe_number
    return provider.urn if identifier.id == URN else provider.number
