"""What one team may have of one file, and what it was given."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.model.content import Unlisted

UNKNOWN = "what no rule knows"
"""What is said of columns and elements that are left out because the agreement names nothing like them."""

VIEW_EXTENSIONS = {"xls": "xlsx", "xlsb": "xlsx", "ods": "xlsx", "txt": "csv"}
"""What the extension of a file becomes in a view, where it changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What a team may have of a file of one data type.

    `items` are the labels, "Group: Item" and those outside Appendix A that such a file carries by its nature.
    `told` is what classifying found in the file beyond what its type carries: nobody gets it.
    """

    data_type: str
    items: tuple[str, ...]
    told: tuple[Unlisted, ...] = ()


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
