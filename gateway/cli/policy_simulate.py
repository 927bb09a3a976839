"""policy simulate: the effect of other policies on the files of the last months."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    existing,
    fails_clearly,
    now,
    out,
    print_json,
    registry,
    show,
)
from gateway.model import counted
from gateway.policy.catalogue import load_catalogue

if TYPE_CHECKING:
    from gateway.record.policy_check import Simulated


@fails_clearly
def simulate(
    folder: Annotated[
        Path | None, typer.Argument(file_okay=False, exists=True, help="The other policies.")
    ] = None,
    pack: Annotated[
        Path | None, typer.Option(dir_okay=False, exists=True, help="Those in force, with this law pack.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=3660, help="The files of so many days.")] = 180,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Decide the files of the last months by other policies: changed outcomes, frequency and files.

    Nothing is opened, sent or changed. Recognition of files is not simulated: see policy test.
    """
    from gateway.record.policy_check import simulate as simulated  # noqa: PLC0415 - the same
    from gateway.record.policy_drafts import check_name, policies_with  # noqa: PLC0415 - loads the registry's libraries

    if (folder is None) == (pack is None):
        raise typer.BadParameter("give either a folder of policies, or --pack")
    in_force = existing(home).policies_in_force
    before = load_catalogue(in_force)
    if pack is not None:
        check_name(pack)
        with policies_with(in_force, pack.name, pack.read_bytes()) as other:
            after = load_catalogue(other)
    elif folder is not None:
        after = load_catalogue(folder)
    with registry(home) as opened, opened.read() as session:
        found = simulated(session, before, after, now() - timedelta(days=days))
    rows = simulated_rows(found)
    if as_json:
        print_json({"files": found.files, "same": found.same, "changes": rows})
        return
    show_simulated(found, rows, days)


def simulated_rows(found: Simulated) -> list[dict[str, Any]]:
    """Return each pair of different outcomes, with the frequency and some files."""
    return [
        {
            "files": count,
            "before": was.told,
            "after": becomes.told,
            "until": becomes.until,
            "such_as": list(some),
        }
        for was, becomes, count, some in found.changes
    ]


def show_simulated(found: Simulated, rows: list[dict[str, Any]], days: int) -> None:
    """Print the number of files, and their outcomes."""
    out.print(f"{counted(found.files, 'file')} of {days} days, {found.same} as before", soft_wrap=True)
    if rows:
        show(rows, ("files", "before", "after", "until", "such_as"), as_json=False, empty="")
