"""Tell how two policies folders differ and with what effect, and carry edits over to a new version.

effects.toml tells for every place of every file the effect of an edit there.

Files are compared by their settings, not as text: comments and the order of entries do not count. Every
difference is listed; for a difference without effect on any outcome, the reason is given.

The policies shipped by earlier versions are kept in `policies/earlier/`, one archive a release: any
difference between a home and the release it started from is an edit by the authority.
"""

import re
import tomllib
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import tomlkit
from tomlkit.items import AoT

from gateway.errors import ConfigurationError
from gateway.policy.catalogue import policy_files
from gateway.policy.faults import document

ProtectionLostBy = Literal["more", "less", "any", "never"]
Place = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Effect:
    """The effect of editing a setting: what the edit `does`, in words, and whether the edit loses protection.
    `loses`: the edits that lose protection: "more" (an addition, a raised number, a switch turned on),
    "less", "any" or "never". `lax`: for a setting with few possible values, the values from the strictest to
    the laxest. `idle`: True if no edit changes an outcome. `absent`: what a missing setting means: True or
    False for a switch, `ALL` for a list.
    """

    does: str
    loses: ProtectionLostBy = "never"
    lax: Sequence[str] = ()
    idle: bool = False
    absent: bool | str | None = None


ALL = "all"
_LAW = "law-*.toml"


def _read() -> dict[str, tuple[tuple[re.Pattern[str], Effect], ...]]:
    """Return by file the patterns of places in effects.toml with their effects; the first match counts."""
    data = tomllib.loads(files("gateway.policy").joinpath("effects.toml").read_text("utf-8"))
    common = {name: Effect(**entry) for name, entry in data.pop("common").items()}
    return {
        file: tuple(
            (_pattern(place), common[entry] if isinstance(entry, str) else Effect(**entry))
            for place, entry in places.items()
        )
        for file, places in data.items()
    }


def _pattern(place: str) -> re.Pattern[str]:
    """Return a regular expression for a place as written in effects.toml; NUL joins the parts of a place."""
    escaped = re.escape(place).replace(r"\.", "\0").replace(r"\*\*", ".*").replace(r"\*", "[^\0]*")
    return re.compile(escaped, re.DOTALL)


EFFECTS = _read()
_TEXT = Effect("the text that providers read and sign", "any")
UNKNOWN = Effect("a setting whose effect is not known here", "any")


def effect_of(file: str, place: Place) -> Effect:
    """Return the effect of editing the setting at a place in a file; for an unknown place, `UNKNOWN`."""
    if file.endswith(".txt"):
        return _TEXT
    lines = EFFECTS.get(_LAW if file.startswith("law-") else file, ())
    return next((effect for pattern, effect in lines if pattern.fullmatch("\0".join(place))), UNKNOWN)


EditSeverity = Literal["loses protection", "changes", "no effect"]
WEIGHTS: tuple[EditSeverity, ...] = ("loses protection", "changes", "no effect")
NAMED_BY = ("id", "item", "team", "data_type", "label", "academic_year", "term", "provider", "role", "name")
WHOLE = frozenset((
    "need", "term_rule", "tables", "names", "stages", "reason", "terms", "carried", "elements", "assessments",
    "lawful", "awaited", "references", "coming", "versions",
))  # fmt: skip
_SHOWN = 120
_ENTRY = "an entry"


@dataclass(frozen=True, slots=True)
class Edit:
    """A setting that differs between two folders: its place (`entry`), and both values ("" if absent)."""

    weight: EditSeverity
    file: str
    entry: str
    does: str
    before: str
    after: str


def edits(old: Path, new: Path) -> list[Edit]:
    """Return the differences between the policies folders `old` and `new`, losses of protection first.
    Raises ConfigurationError for a file that cannot be read.
    """
    before, after = _documents(old), _documents(new)
    found = []
    for file in dict.fromkeys((*before, *after)):
        for place, (was, becomes) in _changes(before.get(file, {}), after.get(file, {})).items():
            effect = effect_of(file, place)
            weight, entry = _weight(effect, was, becomes), ".".join(place)
            found.append(Edit(weight, file, entry, effect.does, _shown(was, becomes), _shown(becomes, was)))
    return sorted(found, key=lambda edit: WEIGHTS.index(edit.weight))


@lru_cache(128)
def settings(text: str) -> Mapping[Place, object]:
    """Return the settings of a policy file by place. A place in a list is the name of the entry, not its
    number.
    """
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


def _changes(old: Mapping[Place, object], new: Mapping[Place, object]) -> dict[Place, tuple[object, object]]:
    """Return by place the old and the new value of each setting that differs.
    An entry of a list that is new or gone counts as one difference, with None for the missing side.
    """
    found: dict[Place, tuple[object, object]] = {}

    def has(side: Mapping[Place, object], entry: Place) -> bool:
        return any(each[: len(entry)] == entry for each in side)

    for place in dict.fromkeys((*old, *new)):
        if old.get(place) != new.get(place):
            around = (place[:length] for length in range(2, len(place)))
            entry = next((each for each in around if has(old, each) != has(new, each)), None)
            if entry is None:
                found[place] = old.get(place), new.get(place)
            else:
                found[entry] = (_ENTRY, None) if has(old, entry) else (None, _ENTRY)
    return found


def _weight(effect: Effect, before: object, after: object) -> EditSeverity:
    if effect.idle:
        return "no effect"
    direction = _direction(effect, before, after)
    loses = effect.loses == "any" and not (effect.lax and "less" in direction)
    return "loses protection" if loses or effect.loses in direction else "changes"


def _direction(effect: Effect, before: object, after: object) -> set[str]:
    """Return {"more"} if an edit adds to a setting or raises it, {"less"} if it does the opposite; both if
    that is unclear.
    """
    if effect.lax:
        # Absent is the strictest, an unlisted value the laxest.
        ranks = {value: rank for rank, value in enumerate(effect.lax)}
        was, becomes = (
            0 if value is None else ranks.get(str(value), len(ranks) - 1) for value in (before, after)
        )
        return {"more"} if becomes > was else {"less"}
    if isinstance(before, list) and isinstance(after, list):
        had, has = [str(each) for each in before], [str(each) for each in after]
        more, less = set(has) - set(had) or len(has) > len(had), set(had) - set(has) or len(has) < len(had)
        return {word for word, applies in (("more", more), ("less", less)) if applies}
    number = isinstance(before, int | float | None) and isinstance(after, int | float | None)
    if before is None or after is None:
        value = after if before is None else before
        if number and not isinstance(value, bool) and effect.absent is None:
            return {"more", "less"}
        # What is absent has its default: a whole list, or a switch that is off.
        less = value is False or (effect.absent == ALL and value != _ENTRY)
        return {"less"} if less == (before is None) else {"more"}
    return {"more", "less"} if not number else {"more"} if after > before else {"less"}  # type: ignore[operator]


def _shown(value: object, other: object) -> str:
    """Return a value on one line of up to 120 characters; of a list, only the entries `other` lacks."""
    if value is None:
        return ""
    if isinstance(value, str) and isinstance(other, str) and "\n" in value:
        theirs = set(other.splitlines())
        text = " / ".join(line for line in value.splitlines() if line not in theirs)
    elif isinstance(value, list) and isinstance(other, list):
        only = [_plain(each) for each in value if each not in other]
        reordered = not only and len(value) == len(other)
        text = f"in this order: {', '.join(map(_plain, value))}" if reordered else ", ".join(only)
    else:
        text = ", ".join(map(_plain, value)) if isinstance(value, list) else _plain(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _plain(value: object) -> str:
    """Return a value in words: of a table, such as a term, each key with the value."""
    return " ".join(f"{key} {each}" for key, each in value.items()) if isinstance(value, dict) else str(value)


Files = Mapping[str, str]
"""The text of each policy file, by name."""
_KEPT, _KEPT_ALL_THE_SAME = "kept", "kept, though this version changed the same"
_DROPPED = "dropped: this version has no such entry"
_PUT_BACK = "taken out: not kept, because this version changed it"
_MISSING = object()


def earlier_releases(folder: Path, agreement: str) -> dict[str, Files]:
    """Return by earlier release the policy files of one agreement, as shipped with that release.
    `folder` has a ZIP archive of each release; `agreement` is "" for the first agreement, else its folder.
    """
    found: dict[str, Files] = {}
    for path in sorted(folder.glob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            files = {
                name.rpartition("/")[2]: archive.read(name).decode("utf-8")
                for name in archive.namelist()
                if name.rpartition("/")[0] == agreement
            }
        if files:
            found[path.stem] = files
    return found


def carry_over(releases: Mapping[str, Files], own: Files, new: Files) -> tuple[Files, tuple[str, ...]]:
    """Return this version's policies (`new`) with an authority's edits in `own` carried over; and the edits.
    Each edit is a line "FILE: PLACE: RESULT". `releases`: the policies shipped, by release. The release with
    the fewest differences counts as the origin of `own`. A value changed by the authority alone
    stays, a list keeps the authority's additions and removals, and all else follows this version. Raises
    tomllib.TOMLDecodeError for an own file without valid TOML.
    """
    release = min(releases, key=lambda name: _differences(releases[name], own))
    base, edits = releases[release], list[str]()
    files = dict(new)
    for name in sorted({*base, *own}):
        before, after = base.get(name), own.get(name)
        if before == after:
            continue
        if after is None:
            files.pop(name, None)
            edits.append(f"{name}: the file was taken out: {_KEPT}")
        elif not name.endswith(".toml"):
            files[name] = after
            edits.append(f"{name}: the text: {_KEPT}")
        elif name not in new:
            edits.append(f"{name}: the file: {_DROPPED}")
        else:
            document = tomlkit.parse(new[name])
            found = list(_merge(tomllib.loads(before or ""), tomllib.loads(after), document, ()))
            edits += [f"{name}: {each}" for each in found]
            if found:
                files[name] = tomlkit.dumps(document)
    return files, tuple(edits)


def _differences(base: Files, own: Files) -> int:
    """Return the number of settings in which two sets of policy files differ."""
    names = (name for name in {*base, *own} if name.endswith(".toml"))
    pairs = ((settings(base.get(name, "")), settings(own.get(name, ""))) for name in names)
    return sum(a.get(each, _MISSING) != b.get(each, _MISSING) for a, b in pairs for each in {*a, *b})


def _merge(base: Any, own: Any, new: Any, place: tuple[str, ...]) -> Iterator[str]:  # noqa: ANN401 - TOML
    """Apply the edits from table `base` to table `own` to the tomlkit table `new`; yield "PLACE: RESULT"."""
    for key in dict.fromkeys((*base, *own)):
        before, after = base.get(key, _MISSING), own.get(key, _MISSING)
        now = new.get(key, _MISSING)
        now = now.unwrap() if hasattr(now, "unwrap") else now
        if after in (before, now):
            continue
        here = (*place, str(key))
        if isinstance(after, Mapping) and isinstance(now, Mapping):
            yield from _merge(before if isinstance(before, Mapping) else {}, after, new[key], here)
        elif _named(after, key) and _named(now, key):
            yield from _merge_named(before if _named(before, key) else [], after, new[key], here)
        elif after is _MISSING:
            if now == before:
                del new[key]
            yield f"{'.'.join(here)}: {_KEPT if now == before else _PUT_BACK}"
        elif now is _MISSING and before is not _MISSING:
            yield f"{'.'.join(here)}: {_DROPPED}"
        else:
            lists = all(isinstance(each, list) for each in (before, after, now))
            merged = after
            if lists and key not in WHOLE:  # Apply the additions and removals to the list of now.
                kept = [each for each in now if each in after or each not in before]
                merged = kept + [each for each in after if each not in before and each not in kept]
            new[key] = merged
            yield f"{'.'.join(here)}: {_KEPT if lists or now == before else _KEPT_ALL_THE_SAME}"


def _merge_named(base: Any, own: Any, new: Any, place: tuple[str, ...]) -> Iterator[str]:  # noqa: ANN401 - TOML
    """Apply the edits from `base` to `own`, lists of tables such as the flows, to `new`; yield "PLACE:
    RESULT". The tables in the lists are matched by name.
    """
    before, after, now = _by_name(base), _by_name(own), _by_name(new)
    for name, entry in after.items():
        if name in now:
            yield from _merge(before.get(name, {}), entry, now[name], (*place, name))
        elif name not in before:
            inline = tomlkit.inline_table()
            inline.update(entry)
            new.append(tomlkit.item(entry, _parent=new) if isinstance(new, AoT) else inline)
            yield f"{'.'.join((*place, name))}: {_KEPT}"
        elif entry != before[name]:
            yield f"{'.'.join((*place, name))}: {_DROPPED}"
    for name in before.keys() - after.keys():
        if name in now:
            new.remove(now[name])
            yield f"{'.'.join((*place, name))}: {_KEPT}"


def _named(value: object, key: str) -> bool:
    """Return True if `value` is a list of tables with names, to be merged table by table.
    `key`: the key of the list. A list under a key in WHOLE is not merged, but taken over as one value.
    """
    return (
        isinstance(value, list)
        and key not in WHOLE
        and all(isinstance(each, Mapping) and any(name in each for name in NAMED_BY) for each in value)
    )


def _by_name(entries: Iterable[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for entry in entries:
        name = str(next(entry[key] for key in NAMED_BY if key in entry))
        while name in found:
            name += " "
        found[name] = entry
    return found
