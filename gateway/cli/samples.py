"""samples: write synthetic files of every flow, in real formats."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.commands import fails_clearly
from gateway.cli.console import out
from gateway.samples import write_samples


@fails_clearly
def samples(
    folder: Annotated[Path, "DIR", "Where to write them."],
    seed: Annotated[int, "The same seed gives the same files."] = 1,
    pupils: Annotated[int, typer.Option(min=1, max=5000, help="How many pupils each school has.")] = 30,
    errors: Annotated[bool, "Plant every kind of quality fault."] = False,
) -> None:
    """Write synthetic files of every flow, with invented pupils and UPNs that no pupil can have."""
    written = write_samples(folder, seed=seed, pupils=pupils, errors=errors)
    out.print(f"wrote {len(written)} synthetic files into {folder}")
