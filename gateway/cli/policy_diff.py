"""policy diff: different settings of two policies folders, with the outcomes changed by each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli import dates
from gateway.cli.console import JsonOption, fails_clearly, out, print_json, show
from gateway.policy.catalogue import load_catalogue
from gateway.policy.edits import WEIGHTS, edits
from gateway.policy.explain import diff as outcomes

FolderArgument = Annotated[Path, typer.Argument(file_okay=False, exists=True)]
_OF_SETTINGS = ("weight", "file", "entry", "does")
_OF_OUTCOMES = ("provider_kind", "data_type", "team")


@fails_clearly
def diff(
    old: FolderArgument,
    new: FolderArgument,
    on: Annotated[
        datetime | None,
        typer.Option(
            parser=dates.local_time, metavar="DAY|TIME", help="As of a day or a local time; now if not given."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the differences between two policies folders, and their effects.

    First the settings with less protection, then the changed outcomes by kind of provider, data type and
    team, then all else with the reason for having no effect.
    """
    if as_json:
        print_json(list(_rows(old, new, on)))
    else:
        show_differences(old, new, on)


def show_differences(old: Path, new: Path, on: datetime | None) -> None:
    """Print the differences between two folders, as of a day or a local time; now for None."""
    rows = list(_rows(old, new, on))
    if not rows:
        out.print("nothing differs")
    for title, columns, some in _sections(rows):
        if some:
            out.print(f"\n{title}:", soft_wrap=True)
            show(some, (*columns, "before", "after"), as_json=False, empty="")


def _rows(old: Path, new: Path, on: datetime | None) -> Iterator[dict[str, Any]]:
    """Yield every difference, all with the same keys; keys of other kinds are None."""
    before, after = load_catalogue(old), load_catalogue(new)
    empty = dict.fromkeys((*_OF_SETTINGS, *_OF_OUTCOMES))
    found = edits(old, new)
    settings = [
        empty
        | {"weight": one.weight, "file": one.file, "entry": one.entry, "does": one.does}
        | {"before": one.before, "after": one.after}
        for one in found
    ]
    yield from (row for row in settings if row["weight"] == WEIGHTS[0])
    for one in outcomes(before, after, dates.moment(on, after)):
        row = {"provider_kind": one.provider_kind, "data_type": one.data_type, "team": one.team or None}
        yield empty | {"weight": "outcome"} | row | {"before": one.before, "after": one.after}
    yield from (row for row in settings if row["weight"] != WEIGHTS[0])


def _sections(
    rows: list[dict[str, Any]],
) -> Iterator[tuple[str, tuple[str, ...], list[dict[str, Any]]]]:
    def of(weight: str) -> list[dict[str, Any]]:
        return [row for row in rows if row["weight"] == weight]

    yield "Loses protection", _OF_SETTINGS[1:], of("loses protection")
    yield "Outcomes that change", _OF_OUTCOMES, of("outcome")
    yield "Changes besides", _OF_SETTINGS[1:], of("changes")
    yield "Without effect on any outcome", _OF_SETTINGS[1:], of("no effect")
