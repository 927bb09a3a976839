"""What doctor and status say of many alike: one line for all of them, unless each is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from gateway.cli.console import counted

_FEW = 3
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Together:
    """How complaints that are alike are told at once: `what` follows their number and `nouns`."""

    noun: str
    what: str
    mend: str

    def told(self, about: Sequence[str]) -> str:
        """All of them in one sentence, the first few by name."""
        names = ", ".join(about[:_NAMED])
        more = f" and {len(about) - _NAMED} more" if len(about) > _NAMED else ""
        return f"{counted(len(about), self.noun)} {self.what}: {names}{more}"


@dataclass(frozen=True, slots=True)
class Complaint:
    """Something missing or weak. `mend` is a command or a sentence; a fault keeps files from passing.

    Following it locks nobody out. `about` is whom it concerns, `together` how many such are told at once.
    """

    severity: Literal["fault", "warning"]
    what: str
    mend: str
    about: str = ""
    together: Together | None = None


def lines(
    complaints: Iterable[Complaint], *, each: bool, more: str = "gateway doctor --all"
) -> Iterator[str]:
    """The complaints as text, those that are alike in one line where they are more than a few.

    `more` is the command that names each.
    """
    alike: dict[tuple[str, Together], list[Complaint]] = {}
    found = list(complaints)
    for one in found:
        if one.together is not None:
            alike.setdefault((one.severity, one.together), []).append(one)
    shortened = False
    for one in found:
        group = alike.get((one.severity, one.together), []) if one.together is not None else []
        if each or len(group) <= _FEW or one.together is None:
            yield f"{one.severity}: {one.what}\n    {one.mend}"
        elif one is group[0]:
            shortened = True
            told = one.together.told([other.about for other in group])
            yield f"{one.severity}: {told}\n    {one.together.mend}"
    if shortened:
        yield f"each of them: {more}"
