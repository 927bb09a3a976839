"""First line of a signed text, stating its folder; the text counts in no other folder.

A signature alone does not state its purpose: a holder of a signed copy could submit an agreement as a key,
or a key as pupils' data. A text signed by hand, following the guide, has no such line.
"""

from __future__ import annotations

from typing import Literal

STATEMENT = "Statement to the gateway: "
"""Beginning of the first line of every text signed for one purpose."""
Purpose = Literal["ratification", "key"]
_FIRST: dict[Purpose, str] = {
    "ratification": f"{STATEMENT}we agree to the text below; for /agreement alone.",
    "key": f"{STATEMENT}the key below is ours; for /keys alone.",
}


def stated(purpose: Purpose, text: str) -> str:
    """Return a text with the statement of its purpose, ready for signing."""
    return f"{_FIRST[purpose]}\n\n{text}"


def read_as(purpose: Purpose, text: str) -> str | None:
    """Return the text signed for a purpose, or without any; None where signed for another."""
    bare = text.removeprefix("\ufeff").lstrip()
    first, _, rest = bare.partition("\n")
    if first.rstrip() == _FIRST[purpose]:
        return rest.removeprefix("\r").removeprefix("\n")
    return None if bare.startswith(STATEMENT.rstrip()) else text
