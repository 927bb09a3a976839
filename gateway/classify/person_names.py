"""Keys of people without a number: name and date of birth, in any spelling. Pure.

Accents, case, blanks, hyphens and apostrophes are ignored, and so is every forename but the first. A name
in one piece is split at a comma, or without one in both orders.
"""

import unicodedata
from collections.abc import Iterator
from datetime import date

_PARTS, _LETTERS = 6, 150


def name_keys(surname: str, forename: str, full_name: str, born: date | None) -> frozenset[str]:
    """Return the keys of a person, "SURNAME|FORENAME|DATE"; none where a part is missing.

    A record may have several. A query by surname and forename has one, and matches every spelling of the
    name.
    """
    if born is None:
        return frozenset()
    pairs = [(surname, forename)] if surname.strip() and forename.strip() else _ways_round(full_name)
    keys = ((_letters(last), _letters(next(iter(given.split()), ""))) for last, given in pairs)
    return frozenset(f"{last}|{first}|{born.isoformat()}" for last, first in keys if last and first)


def _ways_round(full_name: str) -> Iterator[tuple[str, str]]:
    surname, comma, given = full_name.partition(",")
    if comma:
        yield surname, given
        return
    parts = full_name.split()[:_PARTS]
    for cut in range(1, len(parts)):
        yield " ".join(parts[cut:]), parts[0]
        yield " ".join(parts[:cut]), parts[cut]


def _letters(text: str) -> str:
    split = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in split if character.isalpha())[:_LETTERS]
