"""The commands of a page of the documentation, as a reader would type them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class Command:
    """One command, on one line, without the comment behind it; `title` is the heading above it."""

    title: str
    text: str

    def __str__(self) -> str:
        return self.text


def commands(page: str) -> list[Command]:
    """Every command of a page, in its order."""
    return list(_commands((REPOSITORY / "docs" / page).read_text("utf-8")))


def _commands(text: str) -> Iterator[Command]:
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        title = section.partition("\n")[0]
        for block in re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL):
            for line in re.sub(r"\\\n\s*", "", block).splitlines():
                yield Command(title, re.sub(r"\s{2,}#.*", "", line).strip())
