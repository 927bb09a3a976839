"""docs/mutants-code.md: of each core room how many mutants the tests nearest to them noticed."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_PAGE = Path(__file__).parents[2] / "docs" / "mutants-code.md"
_HEAD = """# Mutants of the code

Of the mutants of the core rooms that the seed `{seed}` draws, {sampled} have been run. Each has one
comparison, number, argument, condition or statement changed, and was run against the tests nearest to it:
those that run its line, quick ones first, for 20 seconds at most. It is killed when one of them fails.
Of {counted} that change anything {killed} are killed, {percent} %; {since} of these survived the tests that
there were, and are killed by tests written since.

`make mutants-code` draws 500, and goes on where it was stopped; `make mutants-code COUNT=150 SEED=2` draws
others. Judge each survivor: write the test that is missing, or say in `tests/mutation/judged.toml` why nobody
could notice. `AGAIN=1` runs survivors anew. Each run writes this page.

| room | mutants | killed | by tests written since | by time | survived | judged equivalent | to be judged |
|---|--:|--:|--:|--:|--:|--:|--:|
"""


def judged() -> dict[tuple[str, str, str], str]:
    """Why each mutant that a person has judged changes nothing, by its file, function and change."""
    told = tomllib.loads(Path(__file__).with_name("judged.toml").read_text("utf-8"))["judged"]
    return {(one["file"], one["function"], one["change"]): one["why"] for one in told}


def write(seed: str, known: Iterable[dict[str, Any]]) -> None:
    """Write the page from what became of each mutant."""
    why, counted = judged(), Counter[tuple[str, str]]()
    equivalent, open_ones = [], []
    for one in sorted(known, key=lambda one: (one["file"], one["line"])):
        room, place = one["file"].split("/")[1], (one["file"], one["function"], one["change"])
        counted[room, "mutants"] += 1
        counted[room, "killed"] += one["found"] != "survived"
        counted[room, "since"] += one["survived"] and one["found"] != "survived"
        counted[room, "by time"] += one["found"] == "timeout"
        if one["found"] == "survived":
            counted[room, "survived"] += 1
            counted[room, "equivalent"] += place in why
            line = f"- `{one['file']}`, {one['function'] or 'at the top'}: `{one['change']}`"
            if place in why:
                equivalent.append(f"{line}: {why[place]}")
            else:
                open_ones.append(line)
    columns = ("mutants", "killed", "since", "by time", "survived", "equivalent")
    rooms = sorted({room for room, _ in counted})
    rows: list[list[Any]] = [[room, *(counted[room, name] for name in columns)] for room in rooms]
    rows.append(["**all**", *(sum(row[number] for row in rows) for number in range(1, 7))])
    lines = [f"| {' | '.join(map(str, [*row, row[5] - row[6]]))} |" for row in rows]
    _, sampled, killed, since, _, _, alike = rows[-1]
    percent = round(100 * killed / max(1, sampled - alike), 1)
    head = _HEAD.format(
        sampled=sampled, seed=seed, counted=sampled - alike, killed=killed, percent=percent, since=since
    )
    told = [("## Judged equivalent", equivalent), ("## To be judged", open_ones)]
    parts = [line for title, some in told if some for line in ("", title, "", *some)]
    _PAGE.write_text(head + "\n".join([*lines, *parts, ""]), "utf-8")
