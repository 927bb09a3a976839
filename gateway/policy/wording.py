"""The names used in receipts, from the policies, and the languages of receipts."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.reasons.languages import Language


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Wording:
    """The words of one catalogue. `languages` come in the order of receipts.

    `names` are those of data types and teams by id; `terms` the names of desks in each language other than
    English. `own` are the authority's own ids and labels, shown in receipts as the policies write them.
    Compared by identity, because receipts are looked up by their wording many times.
    """

    languages: tuple[Language, ...] = ("en",)
    names: tuple[tuple[str, str], ...] = ()
    terms: tuple[tuple[Language, tuple[tuple[str, str], ...]], ...] = ()
    own: tuple[str, ...] = ()

    def name(self, identifier: str) -> str:
        """Return the name of a data type or team; the id for an unnamed one."""
        return dict(self.names).get(identifier, identifier)

    def terms_in(self, language: Language) -> Mapping[str, str]:
        """Return the names of desks in a language, by their English names."""
        return dict(dict(self.terms).get(language, ()))


UNNAMED = Wording()
"""The wording where no policies are at hand: every name is an id, and nothing is an authority's own word."""
