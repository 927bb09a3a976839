"""backup and restore: a whole copy of a home, and a home made from one."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.console import DEFAULT_HOME, HomeOption, fails_clearly, now, out
from gateway.cli.progress import progress
from gateway.errors import ConfigurationError
from gateway.home import Home
from gateway.homes import backup as backups
from gateway.homes import backup as copies
from gateway.model import counted


@fails_clearly
def backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is not there yet, or empty.")],
    home: HomeOption = DEFAULT_HOME,
    dated: Annotated[
        bool, typer.Option("--dated", help="Make a folder in DIR that is named after the time.")
    ] = False,
    keep: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="With --dated: remove all but so many backups in DIR, and those cut off before.",
        ),
    ] = None,
) -> None:
    """Copy a whole home, consistent while the services run. Guard the copy as you guard the home's keys."""
    if keep is not None and not dated:
        raise ConfigurationError("--keep is for --dated backups")
    at = now()
    place = backups.dated(folder, at) if dated else folder
    whole = backups.whole_backups(folder) if dated else []
    earlier = whole[-1] if whole else None
    with progress("copying the home") as told:
        manifest = copies.back_up(Home(home), place, at, earlier=earlier, progress=told)
    out.print(
        f"backed up the registry and {counted(manifest.sealed_files, 'sealed file')} to {place}",
        soft_wrap=True,
    )
    if keep is not None:
        for gone in backups.prune(folder, keep):
            out.print(f"removed the backup {gone}", soft_wrap=True)


@fails_clearly
def restore(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A backup.")],
    damaged: Annotated[
        bool, typer.Option("--damaged", help="Even where sealed files in it are missing or altered.")
    ] = False,
    in_folder: Annotated[
        bool,
        typer.Option(
            "--folder", help="Keep sealed files in the new home, not in the S3 store of its settings."
        ),
    ] = False,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Make a new home from a backup. Never overwrites. Then run: gateway doctor --deep."""
    from gateway.processor.service import open_processor  # noqa: PLC0415 - loads the OpenPGP libraries

    with progress("reading the backup") as told:
        manifest = copies.restore(folder, Home(home), damaged=damaged, in_folder=in_folder, progress=told)
    with open_processor(Home(home), now):
        pass  # Migrates the registry, and publishes.
    out.print(f"restored the gateway of {manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC to {home}", soft_wrap=True)
    out.print(
        "next: gateway doctor --deep; and compare with a head of the log kept elsewhere: "
        "gateway log verify --checkpoint FILE",
        soft_wrap=True,
    )
