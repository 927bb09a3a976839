"""What a provider signs for one folder begins by saying so, and counts in no other.

A signature alone does not say what it was made for: whoever holds a signed copy could hand it in elsewhere,
an agreement as a key, a key as pupils' data. What was signed by hand, as the guide shows, has no such line.
"""

from __future__ import annotations

from typing import Literal

STATEMENT = "Statement to the gateway: "
"""The beginning of the first line of everything that is signed for one purpose."""
Purpose = Literal["ratification", "key"]
_FIRST: dict[Purpose, str] = {
    "ratification": f"{STATEMENT}we agree to the text below; for /agreement alone.",
    "key": f"{STATEMENT}the key below is ours; for /keys alone.",
}


def stated(purpose: Purpose, text: str) -> str:
    """Return a text as it is signed for a purpose."""
    return f"{_FIRST[purpose]}\n\n{text}"


def read_as(purpose: Purpose, text: str) -> str | None:
    """Return what was signed for a purpose, or without any; None where it was signed for another."""
    bare = text.removeprefix("\ufeff").lstrip()
    first, _, rest = bare.partition("\n")
    if first.rstrip() == _FIRST[purpose]:
        return rest.removeprefix("\r").removeprefix("\n")
    return None if bare.startswith(STATEMENT.rstrip()) else text
