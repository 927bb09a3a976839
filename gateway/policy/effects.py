"""The effect of each policy setting: does an edit lose protection, or change nothing, and why?

effects.toml lists every place of every file, and says how it is written.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

Loses = Literal["more", "less", "any", "never"]
Place = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Effect:
    """The effect of a setting, in words. `idle`: an edit changes no outcome, for the reason given in `does`.

    `absent` is the default of an absent setting: True or False for a switch, `ALL` for a list.
    """

    does: str
    loses: Loses = "never"
    lax: Sequence[str] = ()
    idle: bool = False
    absent: bool | str | None = None


ALL = "all"
_LAW = "law-*.toml"


def _read() -> dict[str, tuple[tuple[str, Effect], ...]]:
    """Return the effects of each file's places, the first matching place first."""
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
    """Return the effect of the setting at a place of a file; the most cautious one for unknown places."""
    if file.endswith(".txt"):
        return _TEXT
    lines = EFFECTS.get(_LAW if file.startswith("law-") else file, ())
    return next((effect for pattern, effect in lines if _fits(tuple(pattern.split(".")), place)), UNKNOWN)


def is_known(file: str, place: Place) -> bool:
    """Return True if `EFFECTS` covers a place."""
    return effect_of(file, place) is not UNKNOWN


def _fits(pattern: Place, place: Place) -> bool:
    if not pattern or not place:
        return not pattern and not place
    if pattern[0] == "**":
        return True
    if pattern[0].endswith("**"):
        return place[0].startswith(pattern[0].removesuffix("**"))
    return pattern[0] in {"*", place[0]} and _fits(pattern[1:], place[1:])
