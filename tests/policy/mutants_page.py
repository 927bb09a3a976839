"""docs/mutants.md: what became of every mutant of each policy file that ships, as counted."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "mutants.md"
ALIKE, CHECKED, SILENT = "no edit", "check", "silent"
COLUMNS = {
    CHECKED: "reported by `check`",
    "loses protection": "`diff`: loses protection",
    "changes": "`diff`: changes",
    "no effect": "`diff`: no effect, with its reason",
    SILENT: "silent",
    ALIKE: "no edit",
}
_HEAD = (
    """# Mutants of the policies

Each entry of every policy file of the agreements that ship was deleted, misspelt, and swapped with the next
one, each key misspelt, one at a time. Each of these mutants is reported by `gateway policy check`; or else
`gateway policy diff` lists it, with what it does, as losing protection, as changing something, or as without
effect on any outcome, with the reason. Of the last ones it was tried that no decision changes, for any kind
of provider, data type, item and team. *No edit* are those that say what the file said before.

Counted by `make mutants STRIDE=1`, which writes this page.
Of files without a row one entry in twenty was tried, and none was silent.

| file | mutants | """
    + " | ".join(COLUMNS.values())
    + """ |
|---|"""
    + "--:|" * (len(COLUMNS) + 1)
)


def told_of(counted: Counter[str]) -> str:
    """The counts in a line."""
    return ", ".join(f"{counted[told]} {told}" for told in COLUMNS if counted[told])


def write_row(file: Path, counted: Counter[str]) -> None:
    """Put the counts of one file into the page; the rows of others stay."""
    rows = _rows()
    numbers = [counted.total(), *(counted[told] for told in COLUMNS)]
    rows[f"{file.parent.name}/{file.name}"] = numbers
    lines = [f"| {name} | {' | '.join(map(str, each))} |" for name, each in sorted(rows.items())]
    sums = " | ".join(f"**{sum(column)}**" for column in zip(*rows.values(), strict=True))
    PAGE.write_text("\n".join([_HEAD, *lines, f"| **all** | {sums} |", ""]), "utf-8")


def _rows() -> dict[str, list[int]]:
    text = PAGE.read_text("utf-8") if PAGE.exists() else ""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    return {row[0]: [int(cell) for cell in row[1:]] for row in cells if row[0].endswith(".toml")}
