"""A team's basis for a file, and the view given to the team."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from gateway.model.content import Stated, Unlisted

UNKNOWN = "what no rule knows"
"""Label for columns and elements left out because the agreement names nothing like them."""

APART = "records that few people may see"
"""Label for records of marked children left out."""

WITHHELD = "values that are not what they should be"
"""Label for cells left blank because of wrong values."""

OTHER_SCHOOLS = "records of other schools"
"""Label for records left out where a provider gets only its own pupils' records."""

EVERY_RECORD = "every record of a pupil"
"""Label for everything left out where a team gets only counts."""

VIEW_EXTENSIONS = {"xls": "xlsx", "xlsb": "xlsx", "ods": "xlsx", "txt": "csv"}
"""Extensions of views, where different from the file's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """Data a team may have from a file of one data type.

    `items` are labels, "Group: Item", and items outside Appendix A carried by such files by nature. `told`
    are classifier findings beyond the data type, given to nobody. `without` are numbers of records left out
    as a whole, from 0 in the order of the view. `of_school` is the DfE number and URN of a school, where
    only its records are given. `stated` are headings with meanings stated by the provider.
    """

    data_type: str
    items: tuple[str, ...]
    told: tuple[Unlisted, ...] = ()
    without: tuple[int, ...] = ()
    of_school: tuple[str, str] | None = None
    stated: Stated = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """Tables of counts (clause 2.4.2), for a team without access to any pupil's record.

    A count below `threshold` is withheld, others are rounded to multiples of `rounding`, at random from
    `seed` (32 octets in hexadecimal), a secret of one file. Joiners and leavers are counted from `since`.
    `school` and `period` are the tables' subject, in the gateway's words.
    """

    threshold: int
    rounding: int
    seed: str
    since: date | None
    school: str
    period: str


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """View made from a file: size in bytes, SHA-256, and the labels left out.

    `left_out` has labels of items, and `UNKNOWN`. With `whole`, nothing was left out or changed, and the
    file itself is the view.
    """

    size: int
    sha256: str
    left_out: tuple[str, ...] = ()
    whole: bool = False
