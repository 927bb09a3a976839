"""backup, restore and move: copy a home, make a home from a copy, move a home to a database or store."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.commands import HomeOption, fails_clearly
from gateway.cli.console import now, out, progress
from gateway.errors import ConfigurationError, Fault, GatewayError
from gateway.home import Home
from gateway.home.settings import checked
from gateway.home.store_settings import StoreSettings
from gateway.homes import backup as backups
from gateway.homes.move import move as work
from gateway.homes.move import remove_old as remove
from gateway.model import counted
from gateway.processor.service import open_processor


@fails_clearly
def backup(
    home: HomeOption,
    folder: Annotated[Path, "DIR", "A folder that is not there yet, or empty."],
    dated: Annotated[bool, "Make a folder in DIR that is named after the time."] = False,
    keep: Annotated[
        int | None,
        typer.Option(
            min=1, help="With --dated: keep only so many backups in DIR, and none that was interrupted."
        ),
    ] = None,
) -> None:
    """Copy a whole home, consistent while the services run. Guard the copy as you guard the home's keys."""
    if keep is not None and not dated:
        raise ConfigurationError("--keep is for --dated backups")
    at = now()
    place = backups.dated_folder(folder, at) if dated else folder
    whole = backups.whole_backups(folder, place) if dated else []
    earlier = whole[-1] if whole else None
    with progress("copying the home") as told:
        manifest = backups.back_up(Home(home), place, at, earlier=earlier, progress=told)
    out.print(f"backed up the registry and {counted(manifest.sealed_files, 'sealed file')} to {place}")
    if keep is not None:
        for gone in backups.prune(folder, keep, place):
            out.print(f"removed the backup {gone}")


@fails_clearly
def restore(
    home: HomeOption,
    folder: Annotated[Path, "DIR", "A backup."],
    damaged: Annotated[bool, "Restore it even if sealed files in it are missing or altered."] = False,
    in_folder: Annotated[
        bool, "--folder", "Keep sealed files in the new home, not in the S3 store of its settings."
    ] = False,
) -> None:
    """Make a new home from a backup. Never overwrites. Then run: gateway doctor --deep."""
    with progress("reading the backup") as told:
        manifest = backups.restore(folder, Home(home), damaged=damaged, in_folder=in_folder, progress=told)
    try:
        with open_processor(Home(home), now):
            pass  # Migrates the registry, and publishes.
    except GatewayError as error:
        raise Fault(
            f"the home is restored, but not ready: {error}. Then go on with: gateway process"
        ) from None
    out.print(f"restored the gateway of {manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC to {home}")
    out.print(
        "next: gateway doctor --deep; and compare with a head of the log kept elsewhere: "
        "gateway log verify --checkpoint FILE"
    )


@fails_clearly
def move(
    home: HomeOption,
    database_url: Annotated[
        str | None, "--database-url URL", "An empty database: postgresql+psycopg://USER@/DATABASE?host=…"
    ] = None,
    store: Annotated[str | None, "--store URL", "An empty place: s3://BUCKET/FOLDER"] = None,
    endpoint: Annotated[
        str | None, "--endpoint URL", "Where the store answers, if it is not Amazon's."
    ] = None,
    region: Annotated[str, "The region of the bucket."] = "us-east-1",
    credentials: Annotated[
        Path | None, "--credentials FILE", "access_key_id and secret_access_key, for the services alone."
    ] = None,
    ca: Annotated[Path | None, "--ca FILE", "A certificate authority of your own."] = None,
    remove_old: Annotated[bool, "After a move: remove the originals, if all are in the new place."] = False,
) -> None:
    """Move the registry to PostgreSQL, the sealed files to an S3 store, or both. Stop the services first.

    After an interruption run the command again with the same options, to resume.
    """
    if remove_old:
        if database_url or store:
            raise ConfigurationError("--remove-old stands alone, after a move")
        files, former = remove(Home(home))
        out.print(f"removed {counted(files, 'sealed file')}{' and the former registry' if former else ''}")
        return
    place = None
    if store is not None:
        asked: dict[str, object] = {"url": store, "endpoint": endpoint, "region": region}
        for name, file in (("credentials_file", credentials), ("ca_file", ca)):
            asked[name] = None if file is None else file.absolute()
        place = checked(StoreSettings, asked, "--store")
    with progress("moving") as told:
        files, entries = work(Home(home), database_url, place, now, told)
    out.print(f"moved {counted(files, 'sealed file')}; everything fits: {entries} entries of the log")
    out.print("next: start the services; when all is well: gateway move --remove-old")
