"""What receipts call things, as the policies name them, and the languages that they are written in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.reasons.languages import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """The words of one catalogue. `languages` come in the order in which receipts use them.

    `names` are those of data types and teams by their ids; `terms` what the names of desks are in each
    language that is not English.
    """

    languages: tuple[Language, ...] = ("en",)
    names: tuple[tuple[str, str], ...] = ()
    terms: tuple[tuple[Language, tuple[tuple[str, str], ...]], ...] = ()

    def name(self, identifier: str) -> str:
        """What people call a data type or a team; the id itself where the policies do not say."""
        return dict(self.names).get(identifier, identifier)

    def terms_in(self, language: Language) -> Mapping[str, str]:
        """The names of desks in a language, by their English names."""
        return dict(dict(self.terms).get(language, ()))
