"""Define the layout of a file for another system: its columns, and the part of a view behind each."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LaidColumn:
    """A column filled from a field, from the first of `headings` with a value, or always with `value`."""

    name: str
    field: str = ""
    headings: tuple[str, ...] = ()
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLayout:
    """Columns of a file in order. With `each`, such as "Contact", a row for each such part of a record.
    The heading "Contact/Surname" is the element Surname within Contact, or the column "Contact 2 Surname".
    """

    columns: tuple[LaidColumn, ...]
    each: str = ""
