"""List differences between two policies folders with their effects; carry edits over to a new version.

effects.toml lists every place of every file, and tells the effect of an edit there.

Files are compared by their settings, not as text: comments and the order of entries do not count. Every
difference is listed, including those without effect on any outcome, with the reason.

The policies shipped by earlier versions are kept in `policies/earlier/`, one archive a release: any
difference between a home and the release it started from is an edit by the authority.
"""

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
    """The effect of editing a setting, in words. `idle`: an edit changes no outcome, as `does` explains.

    `loses`: the direction of edits that loses protection. `lax`: possible values, the strictest first.
    `absent`: the default of an absent setting: True or False for a switch, `ALL` for a list.
    """

    does: str
    loses: ProtectionLostBy = "never"
    lax: Sequence[str] = ()
    idle: bool = False
    absent: bool | str | None = None


ALL = "all"
_LAW = "law-*.toml"


def _read() -> dict[str, tuple[tuple[str, Effect], ...]]:
    """Read effects.toml: by file, patterns of places with effects; the first match counts."""
    data = tomllib.loads(files("gateway.policy").joinpath("effects.toml").read_text("utf-8"))
    common = {name: Effect(**entry) for name, entry in data.pop("common").items()}
    return {
        file: tuple(
            (place, common[entry] if isinstance(entry, str) else Effect(**entry))
            for place, entry in places.items()
        )
        for file, places in data.items()
    }


EFFECTS = _read()
_TEXT = Effect("the text that providers read and sign", "any")
UNKNOWN = Effect("a setting whose effect is not known here", "any")


def effect_of(file: str, place: Place) -> Effect:
    """Return the effect of editing the setting at a place in a file; for an unknown place, `UNKNOWN`."""
    if file.endswith(".txt"):
        return _TEXT
    lines = EFFECTS.get(_LAW if file.startswith("law-") else file, ())
    return next((effect for pattern, effect in lines if _fits(tuple(pattern.split(".")), place)), UNKNOWN)


def _fits(pattern: Place, place: Place) -> bool:
    if not pattern or not place:
        return not pattern and not place
    if pattern[0] == "**":
        return True
    if pattern[0].endswith("**"):
        return place[0].startswith(pattern[0].removesuffix("**"))
    return pattern[0] in {"*", place[0]} and _fits(pattern[1:], place[1:])


EditSeverity = Literal["loses protection", "changes", "no effect"]
WEIGHTS: tuple[EditSeverity, ...] = ("loses protection", "changes", "no effect")
NAMED_BY = ("id", "item", "team", "data_type", "label", "academic_year", "term", "provider", "role", "name")
WHOLE = frozenset((
    "need", "term_rule", "tables", "names", "stages", "reason", "terms", "carried", "elements", "assessments",
    "lawful", "awaited", "references", "coming", "versions",
))  # fmt: skip
_SHOWN = 120
_NOTHING = ""
_ENTRY = "an entry"


@dataclass(frozen=True, slots=True)
class Edit:
    """A setting with different values in two folders of policies: place in words (`entry`), and both values.

    A value "" means absent.
    """

    weight: EditSeverity
    file: str
    entry: str
    does: str
    before: str
    after: str


def edits(old: Path, new: Path) -> list[Edit]:
    """Return the settings in which two folders of policies differ, those that lose protection first.

    Raises ConfigurationError for an unreadable folder.
    """
    before, after = _documents(old), _documents(new)
    found = [
        edit
        for file in dict.fromkeys((*before, *after))
        for edit in _of_file(file, before.get(file, {}), after.get(file, {}))
    ]
    return sorted(found, key=lambda edit: WEIGHTS.index(edit.weight))


@lru_cache(128)
def settings(text: str) -> Mapping[Place, object]:
    """Return the settings of a policy file by place; the place of a list's entry contains its name."""
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
    """Yield a file's settings that differ; an entry added or removed as a whole gives one edit."""
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
    """Return the outermost entry around a setting that only one of two files has; None if both have it."""
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


def _weight(effect: Effect, before: object, after: object) -> EditSeverity:
    if effect.idle:
        return "no effect"
    direction = _direction(effect, before, after)
    loses = effect.loses == "any" or effect.loses in direction
    if effect.loses == "any" and effect.lax:
        loses = "less" not in direction
    return "loses protection" if loses and effect.loses != "never" else "changes"


def _direction(effect: Effect, before: object, after: object) -> set[str]:
    """Return the direction in which an edit changes the setting: {"more"}, {"less"}, or both."""
    if effect.lax:
        # Absent is the strictest, an unlisted value the laxest.
        ranks = {value: rank for rank, value in enumerate(effect.lax)}
        was, becomes = (
            0 if value is None else ranks.get(str(value), len(ranks) - 1) for value in (before, after)
        )
        return {"more"} if becomes > was else {"less"}
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
    """Return the direction of an edit that adds or removes a setting, compared with the default."""
    value = after if before is None else before
    if value != _ENTRY and effect.absent is not None:
        given = {"less"} if effect.absent == ALL or value is False else {"more"}
        turned = {"less": "more", "more": "less"}
        return given if before is None else {turned[each] for each in given}
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {"more", "less"}
    adds = (before is None) == (value is not False)
    return {"more"} if adds else {"less"}


def _shown(value: object, other: object) -> str:
    """Return a value on one line; of a list, only the entries the other value lacks."""
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


Files = Mapping[str, str]
"""The text of each policy file, by name."""
MergeResult = Literal[
    "kept", "kept, though this version changed the same", "dropped: this version has no such entry"
]
_MISSING = object()


@dataclass(frozen=True, slots=True)
class OwnEdit:
    """An edit by the authority (file, and place in it), and its fate: kept, merged or dropped."""

    file: str
    entry: str
    fate: MergeResult

    def __str__(self) -> str:
        """Return the edit as FILE: ENTRY: FATE."""
        return f"{self.file}: {self.entry}: {self.fate}"


def earlier_releases(folder: Path, agreement: str) -> dict[str, Files]:
    """Return by release date the policies of an agreement that each earlier release shipped.

    `folder` holds one ZIP archive a release; `agreement` is "" for the first agreement, else its folder.
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


def carry_over(releases: Mapping[str, Files], own: Files, new: Files) -> tuple[Files, tuple[OwnEdit, ...]]:
    """Apply the edits in an authority's `own` policies to the `new` policies of this version.

    The release with the fewest differences counts as the origin of the own policies. A value changed only by
    the authority stays, a list keeps the authority's additions and removals, and everything else follows this
    version. Raise tomllib.TOMLDecodeError for an own file with invalid TOML.
    """
    release = min(releases, key=lambda name: _differences(releases[name], own))
    base, edits = releases[release], list[OwnEdit]()
    files = dict(new)
    for name in sorted({*base, *own}):
        before, after = base.get(name), own.get(name)
        if before == after:
            continue
        if after is None:
            files.pop(name, None)
            edits.append(OwnEdit(name, "the file was taken out", "kept"))
        elif not name.endswith(".toml"):
            files[name] = after
            edits.append(OwnEdit(name, "the text", "kept"))
        elif name not in new:
            edits.append(OwnEdit(name, "the file", "dropped: this version has no such entry"))
        else:
            document = tomlkit.parse(new[name])
            found = list(_merge(tomllib.loads(before or ""), tomllib.loads(after), document, ()))
            edits += [OwnEdit(name, entry, fate) for entry, fate in found]
            if found:
                files[name] = tomlkit.dumps(document)
    return files, tuple(edits)


def _differences(base: Files, own: Files) -> int:
    """Count the settings in which two sets of policies differ."""
    count = 0
    for name in {*base, *own}:
        if name.endswith(".toml"):
            one, other = settings(base.get(name, "")), settings(own.get(name, ""))
            count += sum(one.get(place, _MISSING) != other.get(place, _MISSING) for place in {*one, *other})
    return count


def _merge(base: Any, own: Any, new: Any, place: tuple[str, ...]) -> Iterator[tuple[str, MergeResult]]:  # noqa: ANN401 - TOML
    """Apply the differences of `base` and `own` to the tomlkit table `new`; yield place and fate of each."""
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
                yield ".".join(here), "kept"
            else:
                yield ".".join(here), "dropped: this version has no such entry"
        elif now is _MISSING and before is not _MISSING:
            yield ".".join(here), "dropped: this version has no such entry"
        else:
            lists = all(isinstance(each, list) for each in (before, after, now))
            merged = after
            if lists and key not in WHOLE:  # Apply the additions and removals to the list of now.
                kept = [each for each in now if each in after or each not in before]
                merged = kept + [each for each in after if each not in before and each not in kept]
            new[key] = merged
            fate: MergeResult = (
                "kept" if lists or now == before else "kept, though this version changed the same"
            )
            yield ".".join(here), fate


def _merge_named(base: Any, own: Any, new: Any, place: tuple[str, ...]) -> Iterator[tuple[str, MergeResult]]:  # noqa: ANN401 - TOML
    """Apply differences as `_merge` does, in a list of entries matched by name, such as the flows."""
    before, after, now = _by_name(base), _by_name(own), _by_name(new)
    for name, entry in after.items():
        if name in now:
            yield from _merge(before.get(name, {}), entry, now[name], (*place, name))
        elif name not in before:
            inline = tomlkit.inline_table()
            inline.update(entry)
            new.append(tomlkit.item(entry, _parent=new) if isinstance(new, AoT) else inline)
            yield ".".join((*place, name)), "kept"
        elif entry != before[name]:
            yield ".".join((*place, name)), "dropped: this version has no such entry"
    for name in before.keys() - after.keys():
        if name in now:
            new.remove(now[name])
            yield ".".join((*place, name)), "kept"


def _named(value: object, key: str) -> bool:
    """Return True for a list of tables that each have a name, so that entries can be matched."""
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
