"""Tell people where a policy file is at fault (file, key, line), and what to write."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from gateway.home.settings_file import Location, keys_of, nearest

Contradiction = tuple[str, Location, str]
"""A contradiction between policy files: the file to correct, the place in it, and a message."""
Place = tuple[str | int, ...]

_KEPT = 128
"""The number of cached texts, enough for a few folders, as versions of policies share most files."""
_SAID: dict[str, dict[str, str]] = tomllib.loads(
    files("gateway.policy").joinpath("faults.toml").read_text("utf-8")
)
_TOLD = 10
_HEADER = re.compile(r"\s*(\[{1,2})([^\[\]]+)\]{1,2}\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*((?:"[^"]*"|'[^']*'|[\w-]+)(?:\s*\.\s*[\w-]+)*)\s*=""")


@dataclass(frozen=True, slots=True)
class PolicyFault:
    """A fault of a policy file. `line` counts from 1; None if the fault has no line."""

    file: str
    key: str
    line: int | None
    message: str

    def __str__(self) -> str:
        """Return the fault as FILE:LINE: KEY: MESSAGE, without line or key where there is none."""
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}"


def in_one_line(folder: str, faults: Sequence[PolicyFault]) -> str:
    """Return the faults of a folder: the first ten, and the number of others."""
    told = [f"{folder}/{fault}" for fault in faults[:_TOLD]]
    more = [f"and {len(faults) - _TOLD} more: gateway policy check"] if len(faults) > _TOLD else []
    return "; ".join((*told, *more))


def key_of(location: Location) -> str:
    """Return a location as text, such as "flow[2].senders[0]" (numbers from 0)."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def line_of(text: str, location: Location) -> int | None:
    """Return the line (from 1) of a key in a valid TOML text; None if no line has the key.
    `location`: the path to the key. For a missing key, return the line of the innermost table on the path.
    """
    lines = _lines(text)
    shorter = (tuple(location[:length]) for length in range(len(location), 0, -1))
    return next((lines[place] for place in shorter if place in lines), None)


@lru_cache(_KEPT)
def _lines(text: str) -> Mapping[Place, int]:
    """Return by place the line of each header and key; an array of tables has the line of its first entry."""
    found: dict[Place, int] = {}
    table: Place = ()
    seen: dict[Place, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            names, table = _split(header[2]), ()
            if header[1] == "[[":
                seen = {path: n for path, n in seen.items() if path[: len(names)] != names or path == names}
                seen[names] = seen.get(names, -1) + 1
            for n, name in enumerate(names, 1):
                table += (name, *((seen[names[:n]],) if names[:n] in seen else ()))
            found.setdefault(table[:-1] if header[1] == "[[" else table, number)
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            found.setdefault(table + _split(key[1]), number)
    return found


def _split(dotted: str) -> Place:
    parts = re.findall(r"""\s*(?:"[^"]*"|'[^']*'|[^."']+)""", dotted.strip())
    return tuple(part.strip().strip("\"'") for part in parts)


def words_of(error: ErrorDetails, kind: type[BaseModel]) -> str:
    """Describe in words an error that pydantic found in a file of the model `kind`."""
    if error["type"] == "extra_forbidden":
        name = str(error["loc"][-1])
        return f"there is no such key as {name}{nearest(name, keys_of(kind))}"
    if error["type"] == "string_pattern_mismatch":
        return _SAID["patterns"].get(str(error.get("ctx", {}).get("pattern")), error["msg"])
    said = error["msg"].removeprefix("Value error, ").replace("Input should be ", "write ")
    return _SAID["errors"].get(error["type"], said)


@lru_cache(_KEPT)
def document(text: str) -> Mapping[str, object]:
    """Return the values of a policy file, which is TOML; do not change them, as they are cached.
    Raises tomllib.TOMLDecodeError for any other text.
    """
    return tomllib.loads(text)
