"""docs/mutants-code.md: of each core room how many mutants the tests nearest to them noticed."""

from __future__ import annotations

import subprocess
import tomllib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_PAGE = Path(__file__).parents[2] / "docs" / "mutants-code.md"
_HEAD = """# Mutants of the code

Of the mutants of the core rooms that the seed `{seed}` draws, {sampled} have been run, up to commit
`{commit}`: what was found of a mutant holds while its function stays as it is. Each has one comparison,
number, argument, condition or statement changed, and was run against the tests nearest to it: those that
run its line, then its function, its file, its room, quick ones first, for 20 seconds at most. It is killed
when one of them fails. Of {counted} that change anything {killed} are killed, {percent} %; {since} of these
survived the tests that there were, and are killed by tests written or found since. Not in that share:
{elsewhere} killed elsewhere, by a test to which no run comes: its file needs a browser, or it is not among
the nearest.

`make mutants-code` draws 500, and goes on where it was stopped; `make mutants-code COUNT=150 SEED=2` draws
others. Judge each survivor: write the test that is missing, or say in `tests/mutation/judged.toml` why nobody
could notice, or which test elsewhere was seen to fail. `AGAIN=1` runs survivors anew. Each run writes this
page.

| room | mutants | killed | since | by time | survived | judged equivalent | elsewhere | to be judged |
|---|--:|--:|--:|--:|--:|--:|--:|--:|
"""


def judged(how: str = "judged", says: str = "why") -> dict[tuple[str, str, str], str]:
    """Why each mutant that a person has judged changes nothing, by its file, function and change.

    `how` is "killed_elsewhere", and `says` "test", for the test that kills it, where no run chooses that one.
    """
    told = tomllib.loads(Path(__file__).with_name("judged.toml").read_text("utf-8"))[how]
    return {(one["file"], one["function"], one["change"]): one[says] for one in told}


def _commit() -> str:
    """Return the last commit of the code."""
    words = ["git", "log", "-1", "--format=%h", "--", "gateway"]
    return subprocess.run(
        words, cwd=_PAGE.parent.parent, check=True, capture_output=True, text=True
    ).stdout.strip()


def write(seed: str, known: Iterable[dict[str, Any]]) -> None:
    """Write the page from what became of each mutant."""
    why, tests, counted = judged(), judged("killed_elsewhere", "test"), Counter[tuple[str, str]]()
    equivalent, elsewhere, open_ones = [], [], []
    for one in sorted(known, key=lambda one: (one["file"], one["line"])):
        room, place = one["file"].split("/")[1], (one["file"], one["function"], one["change"])
        counted[room, "mutants"] += 1
        counted[room, "killed"] += one["found"] != "survived"
        counted[room, "since"] += one["survived"] and one["found"] != "survived"
        counted[room, "by time"] += one["found"] == "timeout"
        if one["found"] == "survived":
            counted[room, "survived"] += 1
            counted[room, "equivalent"] += place in why
            counted[room, "elsewhere"] += place in tests
            line = f"- `{one['file']}`, {one['function'] or 'at the top'}: `{one['change']}`"
            if place in why:
                equivalent.append(f"{line}: {why[place]}")
            elif place in tests:
                elsewhere.append(f"{line}: `{tests[place]}`")
            else:
                open_ones.append(line)
    columns = ("mutants", "killed", "since", "by time", "survived", "equivalent", "elsewhere")
    rooms = sorted({room for room, _ in counted})
    rows: list[list[Any]] = [[room, *(counted[room, name] for name in columns)] for room in rooms]
    rows.append(["**all**", *(sum(row[number] for row in rows) for number in range(1, 8))])
    lines = [f"| {' | '.join(map(str, [*row, row[5] - row[6] - row[7]]))} |" for row in rows]
    _, sampled, killed, since, _, _, alike, _ = rows[-1]
    percent = round(100 * killed / max(1, sampled - alike), 1)
    head = _HEAD.format(
        sampled=sampled, seed=seed, counted=sampled - alike, killed=killed, percent=percent, since=since,
        commit=_commit(), elsewhere=len(elsewhere),
    )  # fmt: skip
    told = [
        ("## Judged equivalent", equivalent),
        ("## Killed elsewhere", elsewhere),
        ("## To be judged", open_ones),
    ]
    parts = [line for title, some in told if some for line in ("", title, "", *some)]
    _PAGE.write_text(head + "\n".join([*lines, *parts, ""]), "utf-8")
