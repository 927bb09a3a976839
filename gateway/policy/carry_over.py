"""Carry an authority's own edits of its policies over into the policies of another gateway version.

The policies shipped by earlier versions are kept in `policies/earlier/`, one archive a release: any
difference between a home and the release it started from is an edit by the authority.
"""

import tomllib
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tomlkit
from tomlkit.items import AoT

from gateway.policy.edits import NAMED_BY, WHOLE, settings

Files = Mapping[str, str]
"""The text of each policy file, by name."""
Fate = Literal[
    "kept", "kept, though this version changed the same", "dropped: this version has no such entry"
]
_MISSING = object()


@dataclass(frozen=True, slots=True)
class OwnEdit:
    """One edit made by the authority: file, place, and result."""

    file: str
    entry: str
    fate: Fate

    def __str__(self) -> str:
        """Return FILE: ENTRY: FATE."""
        return f"{self.file}: {self.entry}: {self.fate}"


@dataclass(frozen=True, slots=True)
class CarriedOver:
    """The policies of this version with the authority's edits. `release`: the origin of those edits."""

    release: str
    files: Files
    edits: tuple[OwnEdit, ...]


def earlier_releases(folder: Path, agreement: str) -> dict[str, Files]:
    """Return the policies of one agreement as shipped by each earlier release, by release date.

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


def carry_over(releases: Mapping[str, Files], own: Files, new: Files) -> CarriedOver:
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
    return CarriedOver(release, files, tuple(edits))


def _differences(base: Files, own: Files) -> int:
    """Count the settings in which two sets of policies differ."""
    count = 0
    for name in {*base, *own}:
        if name.endswith(".toml"):
            one, other = settings(base.get(name, "")), settings(own.get(name, ""))
            count += sum(one.get(place, _MISSING) != other.get(place, _MISSING) for place in {*one, *other})
    return count


def _merge(base: Any, own: Any, new: Any, place: tuple[str, ...]) -> Iterator[tuple[str, Fate]]:  # noqa: ANN401 - TOML
    """Apply the differences between `base` and `own` to `new`, a tomlkit table; yield places and fates."""
    for key in dict.fromkeys((*base, *own)):
        before, after = base.get(key, _MISSING), own.get(key, _MISSING)
        now = _plain(new[key]) if key in new else _MISSING
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
            merged = _merged_list(before, after, now) if lists and key not in WHOLE else after
            new[key] = merged
            fate: Fate = "kept" if lists or now == before else "kept, though this version changed the same"
            yield ".".join(here), fate


def _merge_named(base: Any, own: Any, new: Any, place: tuple[str, ...]) -> Iterator[tuple[str, Fate]]:  # noqa: ANN401 - TOML
    """Merge a list of entries identified by a name, such as the flows."""
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


def _merged_list(before: Any, after: Any, now: Any) -> list[Any]:  # noqa: ANN401 - lists of TOML
    """Apply the additions and removals between `before` and `after` to a list."""
    kept = [each for each in now if each in after or each not in before]
    return kept + [each for each in after if each not in before and each not in kept]


def _named(value: object, key: str) -> bool:
    """Return True for a list whose entries all have a name."""
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


def _plain(value: Any) -> Any:  # noqa: ANN401 - TOML
    return value.unwrap() if hasattr(value, "unwrap") else value
