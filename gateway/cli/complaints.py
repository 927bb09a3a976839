"""Complaints of doctor and status: one line for many of one kind, unless each is asked for."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from gateway.model import counted

_FEW = 3
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Together:
    """The common line of complaints of one kind: `what` follows their number and `nouns`."""

    noun: str
    what: str
    mend: str

    def told(self, about: Sequence[str]) -> str:
        """Return one sentence for all complaints, the first few by name."""
        names = ", ".join(about[:_NAMED])
        more = f" and {len(about) - _NAMED} more" if len(about) > _NAMED else ""
        return f"{counted(len(about), self.noun)} {self.what}: {names}{more}"


@dataclass(frozen=True, slots=True)
class Complaint:
    """A fault or weakness. `mend` is a command or a sentence; a "fault" keeps files from passing.

    Following the advice locks nobody out. `about` names the owner, `together` the common line. `safely` mends
    without loss or choice, for `doctor --mend`.
    """

    severity: Literal["fault", "warning"]
    what: str
    mend: str
    about: str = ""
    together: Together | None = None
    safely: Callable[[], object] | None = field(default=None, compare=False)


def lines(
    complaints: Iterable[Complaint], *, each: bool, more: str = "gateway doctor --all"
) -> Iterator[str]:
    """Yield the complaints as text, with one line for more than a few of one kind.

    `more` is the command for the full list.
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
