"""Rows of a table about one school: those naming the school, and no others."""

from gateway.classify.content import Row
from gateway.classify.rules import Rules
from gateway.classify.schools import Said, said


class OwnRows:
    """Choose the rows of one table. `school` is a DfE number and a URN; empty for an unknown one."""

    def __init__(self, names: tuple[str, ...], rules: Rules, school: tuple[str, str]) -> None:
        self._dfe_number, self._urn = school
        schools = rules.data_types.schools
        slots = [schools.slot(name, rules.column_field(name)) for name in names]
        self._columns = [(index, slot) for index, slot in enumerate(slots) if slot is not None]
        self._known: dict[tuple[str, ...], bool] = {}

    def of(self, batch: list[Row]) -> list[Row]:
        """Return the rows naming the school."""
        return [row for row in batch if self._is_own(row)]

    def _is_own(self, row: Row) -> bool:
        texts = tuple(row[index] if index < len(row) else "" for index, _ in self._columns)
        known = self._known.get(texts)
        if known is None:
            slots = (slot for _, slot in self._columns)
            known = self._names(said(zip(slots, texts, strict=True)))
            if len(self._known) < _REMEMBERED:
                self._known[texts] = known
        return known

    def _names(self, school: Said) -> bool:
        """Return True where one of the school's numbers is named, and none of another school."""
        told = [(school.dfe_number, self._dfe_number), (school.urn, self._urn)]
        compared = [number == own for number, own in told if number and own]
        return bool(compared) and all(compared)


_REMEMBERED = 5_000
