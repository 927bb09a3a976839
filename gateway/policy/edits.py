"""List every setting differing between two policies folders, and the effect of each difference.

Files are compared by their settings, not as text: comments and the order of entries do not count. Every
difference is listed, including those without effect on any outcome, with the reason.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from gateway.errors import ConfigurationError
from gateway.policy.catalogue import policy_files
from gateway.policy.effects import ALL, Effect, Place, effect_of
from gateway.policy.folder import document

Weight = Literal["loses protection", "changes", "no effect"]
WEIGHTS: tuple[Weight, ...] = ("loses protection", "changes", "no effect")
NAMED_BY = ("id", "item", "team", "data_type", "label", "academic_year", "term", "provider", "role", "name")
WHOLE = frozenset(
    {
        "need",
        "term_rule",
        "tables",
        "names",
        "stages",
        "reason",
        "terms",
        "carried",
        "elements",
        "assessments",
        "lawful",
        "awaited",
        "references",
        "coming",
        "versions",
    }
)
_SHOWN = 120
_NOTHING = ""
_ENTRY = "an entry"


@dataclass(frozen=True, slots=True)
class Edit:
    """One differing setting. `entry` is its place in words; "" means absent."""

    weight: Weight
    file: str
    entry: str
    does: str
    before: str
    after: str


def edits(old: Path, new: Path) -> list[Edit]:
    """Return the differences, loss of protection first. ConfigurationError for an unreadable file."""
    before, after = _documents(old), _documents(new)
    found = [
        edit
        for file in dict.fromkeys((*before, *after))
        for edit in _of_file(file, before.get(file, {}), after.get(file, {}))
    ]
    return sorted(found, key=lambda edit: WEIGHTS.index(edit.weight))


@lru_cache(128)
def settings(text: str) -> Mapping[Place, object]:
    """Return each setting of a policy file by its place; entries of lists are placed by name."""
    return dict(_settings(document(text), ()))


def _documents(folder: Path) -> dict[str, Mapping[Place, object]]:
    found: dict[str, Mapping[Place, object]] = {}
    for path in policy_files(folder):
        try:
            text = path.read_text("utf-8")
            found[path.name] = settings(text) if path.suffix == ".toml" else {("text",): text}
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigurationError(f"{path} cannot be read: {error}") from None
    return found


def _settings(value: object, place: Place) -> Iterator[tuple[Place, object]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _settings(inner, (*place, str(key)))
    elif isinstance(value, list) and value and isinstance(value[0], Mapping) and place[-1] not in WHOLE:
        seen: dict[str, int] = {}
        for entry in value:
            key = next((key for key in NAMED_BY if key in entry), "")
            name = str(entry.get(key, len(seen)))
            seen[name] = seen.get(name, 0) + 1
            rest = {each: inner for each, inner in entry.items() if each != key}
            yield from _settings(rest, (*place, name if seen[name] == 1 else f"{name} ({seen[name]})"))
    else:
        yield place, value


def _of_file(file: str, old: Mapping[Place, object], new: Mapping[Place, object]) -> Iterator[Edit]:
    """Yield the differing settings of one file; an entry added or removed as a whole gives one edit."""
    told: set[Place] = set()
    for place in dict.fromkeys((*old, *new)):
        if old.get(place) == new.get(place):
            continue
        entry = _entry_of(place, old, new)
        if entry is None:
            yield _edit(file, place, old.get(place), new.get(place))
        elif entry not in told:
            told.add(entry)
            here = any(each[: len(entry)] == entry for each in old)
            yield _edit(file, entry, _ENTRY if here else None, None if here else _ENTRY)


def _entry_of(place: Place, old: Mapping[Place, object], new: Mapping[Place, object]) -> Place | None:
    """Return the outermost entry around a place present in only one of the two files."""
    for length in range(2, len(place)):
        entry = place[:length]
        sides = [any(each[:length] == entry for each in side) for side in (old, new)]
        if sides.count(True) == 1:
            return entry
    return None


def _edit(file: str, place: Place, before: object, after: object) -> Edit:
    effect = effect_of(file, place)
    return Edit(
        weight=_weight(effect, before, after),
        file=file,
        entry=".".join(place),
        does=effect.does,
        before=_shown(before, after),
        after=_shown(after, before),
    )


def _weight(effect: Effect, before: object, after: object) -> Weight:
    if effect.idle:
        return "no effect"
    direction = _direction(effect, before, after)
    loses = effect.loses == "any" or effect.loses in direction
    if effect.loses == "any" and effect.lax:
        loses = "less" not in direction
    return "loses protection" if loses and effect.loses != "never" else "changes"


def _direction(effect: Effect, before: object, after: object) -> set[str]:
    """Return the direction of an edit: "more", "less", or both."""
    if effect.lax:
        ranks = [_rank(effect.lax, value) for value in (before, after)]
        return {"more"} if ranks[1] > ranks[0] else {"less"}
    if isinstance(before, list) and isinstance(after, list):
        had, has = [str(each) for each in before], [str(each) for each in after]
        return {
            *(("more",) if set(has) - set(had) or len(has) > len(had) else ()),
            *(("less",) if set(had) - set(has) or len(has) < len(had) else ()),
        }
    if before is None or after is None:
        return _of_absent(effect, before, after)
    if isinstance(before, int | float) and isinstance(after, int | float):
        return {"more"} if after > before else {"less"}
    return {"more", "less"}


def _of_absent(effect: Effect, before: object, after: object) -> set[str]:
    """Return the direction of an edit with one side absent: its default may be known or unknown."""
    value = after if before is None else before
    if value != _ENTRY and effect.absent is not None:
        given = {"less"} if effect.absent == ALL or value is False else {"more"}
        turned = {"less": "more", "more": "less"}
        return given if before is None else {turned[each] for each in given}
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {"more", "less"}
    adds = (before is None) == (value is not False)
    return {"more"} if adds else {"less"}


def _rank(lax: Sequence[str], value: object) -> int:
    """Return the laxity of a value: absent is the strictest, an unlisted value the laxest."""
    if value is None:
        return 0
    return lax.index(str(value)) if str(value) in lax else len(lax) - 1


def _shown(value: object, other: object) -> str:
    """Return a value in one line; for a list, only the entries missing from the other."""
    if value is None:
        return _NOTHING
    if isinstance(value, str) and isinstance(other, str) and "\n" in value:
        theirs = set(other.splitlines())
        text = " / ".join(line for line in value.splitlines() if line not in theirs)
    elif isinstance(value, list) and isinstance(other, list):
        only = [str(each) for each in value if each not in other]
        text = (
            ", ".join(only)
            if only or len(value) != len(other)
            else f"in this order: {', '.join(map(str, value))}"
        )
    else:
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
