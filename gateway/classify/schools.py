"""Count the records of a file by the school named in each.

A record names its school by numbers (LA and establishment, URN, examination centre) and by name. Schools that
the pupil left or will join are not counted. Names are only compared with one another: the result has a number
in place of each name.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Literal, NamedTuple

from gateway.classify.identifiers import is_centre, is_establishment, is_la, is_urn
from gateway.model import NamedSchool

Slot = Literal["la", "number", "centre", "name"]

MOST = 600
"""Most schools listed in a result, more than a local authority has."""
_TOLD_APART = 5_000
_LA_AND_ESTABLISHMENT = re.compile(r"(\d{3})\W{0,3}(\d{4})", re.ASCII)
_IN_A_TITLE = re.compile(
    r"(?:(?:dfe|dfes|dcsf|la ?estab|estab|school|establishment)[a-z ]{0,20}[\W_]{0,3})?"
    r"(?<![\w/])(\d{3})(/?)(\d{4})(?![\w/])",
    re.ASCII,
)
_NO_LETTER = re.compile(r"[\W_]+")


class RecordSchool(NamedTuple):
    """The school named by one record, by numbers and by name; missing parts are "".
    `name` is without case, blanks and punctuation.
    """

    dfe_number: str = ""
    urn: str = ""
    establishment: str = ""
    centre: str = ""
    name: str = ""


NOTHING = RecordSchool()


class Schools:
    """Count of one file's records by school.
    `around`: the school named in a header or title, taken for each record that names no school.
    """

    def __init__(self) -> None:
        self.around = NOTHING
        self._records: Counter[RecordSchool] = Counter()
        self._beyond = 0
        self._known: dict[tuple[tuple[Slot, str], ...], RecordSchool] = {}

    def count(self, said: RecordSchool, records: int = 1) -> None:
        """Add `records` to the number of records naming the school `said`."""
        if said in self._records or len(self._records) < _TOLD_APART:
            self._records[said] += records
        else:
            self._beyond += records

    def count_rows(
        self, slots: Sequence[Slot], columns: Sequence[tuple[str, ...]], length: int
    ) -> Callable[[], Iterable[str]]:
        """Count rows by school. Return a function that gives the number of each row's school, as text.
        `columns`: the columns that name a school. `slots`: by what each column names the school: LA, number,
        centre or name. `length`: the number of rows.
        """
        rows: Iterable[tuple[str, ...]]
        # Most files are of one school, and counting equal texts is quicker than counting different ones.
        if all(column.count(column[0]) == length for column in columns):
            met = {tuple(column[0] for column in columns): length}
            rows = repeat(next(iter(met)), length)
        else:
            rows = list(zip(*columns, strict=True))
            met = Counter(rows)
        if len(self._known) + len(met) > _TOLD_APART:
            self._known.clear()
        named: dict[tuple[str, ...], RecordSchool] = {}
        for row, records in met.items():
            texts = tuple(zip(slots, row, strict=True))
            if texts not in self._known:
                self._known[texts] = school_named(texts)
            named[row] = self._known[texts]
            self.count(named[row], records)

        def numbers() -> Iterable[str]:
            around = school_number(self.around)
            told = {row: school_number(one) if any(one) else around for row, one in named.items()}
            return map(told.__getitem__, rows)

        return numbers

    def end_part(self) -> None:
        """End a sheet or other part of a file: the school in its title does not hold for the next part."""
        if untold := self._records.pop(NOTHING, 0):
            self.count(self.around, untold)
        self.around = NOTHING

    def named(self) -> tuple[NamedSchool, ...]:
        """Return the schools, with most records first; () if no record names a school.
        All schools from the 601st on become one last entry, with the sum of their records.
        """
        counts: Counter[RecordSchool] = Counter()
        for said, records in self._records.items():
            counts[said if any(said) else self.around] += records
        if not self._beyond and not any(any(said) for said in counts):
            return ()
        ranked = counts.most_common()
        distinct = dict.fromkeys(said.name for said, _ in ranked if said.name)
        names = {name: number for number, name in enumerate(distinct, 1)}
        found = [
            NamedSchool(**said._asdict() | {"name": names.get(said.name, 0), "records": records})
            for said, records in ranked[:MOST]
        ]
        beyond = self._beyond + sum(records for _, records in ranked[MOST:])
        return (*found, NamedSchool(further=True, records=beyond)) if beyond else tuple(found)


def school_named(texts: Iterable[tuple[Slot, str]]) -> RecordSchool:
    """Return the school named by several texts together, each with the kind of its column.
    A joint number of LA and establishment outranks separate ones. A local authority alone is ignored, because
    the pupil may just live there.
    """
    found: dict[str, str] = {}
    for slot, text in texts:
        field, value = _read(slot, text.strip())
        if value:
            found.setdefault(field, value)
    if "dfe_number" not in found and "la" in found and "establishment" in found:
        found["dfe_number"] = found["la"] + found["establishment"]
    if "dfe_number" in found:
        found.pop("establishment", None)
    found.setdefault("name", found.pop("code", ""))
    return RecordSchool(**{field: found.get(field, "") for field in RecordSchool._fields})


def school_in_title(text: str) -> RecordSchool:
    """Return the school numbered in lines above a table: 999/1234, or "DfE number 9991234".
    For lines with the numbers of several schools, return a school without a number.
    """
    found = {
        la + establishment
        for match in _IN_A_TITLE.finditer(text.casefold())
        for la, slash, establishment in [match.groups()]
        if (slash or match.start() != match.start(1)) and is_la(la) and is_establishment(establishment)
    }
    if len(found) == 1:
        return RecordSchool(dfe_number=found.pop())
    return RecordSchool(name=" ".join(sorted(found)))


def school_number(said: RecordSchool) -> str:
    """Return a school's number: LA with establishment, else URN, else the establishment alone, else ""."""
    return said.dfe_number or said.urn or said.establishment


def _read(slot: Slot, text: str) -> tuple[str, str]:
    """Return the kind of number or name that a text in a school column is, and the text itself.
    The kind is a field of `RecordSchool`, "la" or "code". A malformed LA number gives "la" and "".
    """
    if slot == "la":
        return "la", text if is_la(text) else ""
    code = "code", _NO_LETTER.sub("", text).casefold()
    if slot == "centre":
        return ("centre", text) if is_centre(text) else code
    # Systems also write a number under the heading of a name.
    both = _LA_AND_ESTABLISHMENT.fullmatch(text)
    if both is not None and is_la(both[1]) and is_establishment(both[2]):
        return "dfe_number", both[1] + both[2]
    if is_urn(text):
        return "urn", text.upper()
    if is_establishment(text):
        return "establishment", text
    return ("name", code[1]) if slot == "name" else code
