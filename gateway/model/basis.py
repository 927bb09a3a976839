"""What one team may have of one file, and what it was given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from gateway.model.content import Stated, Unlisted

UNKNOWN = "what no rule knows"
"""What is said of columns and elements that are left out because the agreement names nothing like them."""

APART = "records that few people may see"
"""What is said of the records of marked children that are left out."""

WITHHELD = "values that are not what they should be"
"""What is said of cells that are left blank because of what stands in them."""

OTHER_SCHOOLS = "records of other schools"
"""What is said to be left out where a provider is given the records of its own pupils alone."""

EVERY_RECORD = "every record of a pupil"
"""What is said to be left out where a team is given counts alone."""

VIEW_EXTENSIONS = {"xls": "xlsx", "xlsb": "xlsx", "ods": "xlsx", "txt": "csv"}
"""What the extension of a file becomes in a view, where it changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What a team may have of a file of one data type.

    `items` are the labels, "Group: Item" and those outside Appendix A that such a file carries by its nature.
    `told` is what classifying found in the file beyond what its type carries: nobody gets it. `without` are
    the numbers of the records that are left out as a whole, counted from 0 in the order of the view.
    `of_school` are the DfE number and the URN of a school, where its records alone are given. `stated` are
    the headings that the provider of the file has said the meaning of.
    """

    data_type: str
    items: tuple[str, ...]
    told: tuple[Unlisted, ...] = ()
    without: tuple[int, ...] = ()
    of_school: tuple[str, str] | None = None
    stated: Stated = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """What a team that may have no record of a pupil is given of a file instead: tables of counts (2.4.2).

    A count below `threshold` is withheld, the others are rounded to multiples of `rounding`, by chance that
    comes from `seed` (32 octets in hexadecimal), a secret of one file. Who came or left is counted from
    `since` on. `school` and `period` are what the tables are about, in words of ours.
    """

    threshold: int
    rounding: int
    seed: str
    since: date | None
    school: str
    period: str


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A view as it was made: its size in bytes, its SHA-256, and what was left out.

    `left_out` are labels of items, and `UNKNOWN`. Where `whole`, nothing was left out or changed, and the
    file itself is the view.
    """

    size: int
    sha256: str
    left_out: tuple[str, ...] = ()
    whole: bool = False
