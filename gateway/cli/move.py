"""move: a home's registry to PostgreSQL, its sealed files to an S3 store."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.console import DEFAULT_HOME, HomeOption, fails_clearly, now, out
from gateway.cli.progress import progress
from gateway.errors import ConfigurationError
from gateway.home import Home
from gateway.home.settings import checked
from gateway.home.store_settings import StoreSettings
from gateway.model import counted


@fails_clearly
def move(
    database_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="An empty database: postgresql+psycopg://USER@/DATABASE?host=…"),
    ] = None,
    store: Annotated[
        str | None, typer.Option("--store", metavar="URL", help="An empty place: s3://BUCKET/FOLDER")
    ] = None,
    endpoint: Annotated[
        str | None, typer.Option(metavar="URL", help="Where the store answers, if it is not Amazon's.")
    ] = None,
    region: Annotated[str, typer.Option(help="The region of the bucket.")] = "us-east-1",
    credentials: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="access_key_id and secret_access_key, for the services alone."),
    ] = None,
    ca: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A certificate authority of your own.")
    ] = None,
    remove_old: Annotated[
        bool, typer.Option("--remove-old", help="After a move: remove what it left, once it is found there.")
    ] = False,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Move the registry to PostgreSQL, the sealed files to an S3 store, or both. Stop the services first.

    A move that was cut off is begun again, with the same options; it goes on where it was.
    """
    if remove_old:
        if database_url or store:
            raise ConfigurationError("--remove-old stands alone, after a move")
        _remove_old(Home(home))
        return
    from gateway.homes.move import move as work  # noqa: PLC0415 - loads the OpenPGP libraries

    place = None if store is None else _store(store, endpoint, region, credentials, ca)
    with progress("moving") as told:
        moved = work(Home(home), database_url, place, now, lambda _, done, of: told(done, of))
    out.print(
        f"moved {counted(moved.files, 'sealed file')}; everything fits: {moved.entries} entries of the log",
        soft_wrap=True,
    )
    out.print("next: start the services; when all is well: gateway move --remove-old", soft_wrap=True)


def _store(
    url: str, endpoint: str | None, region: str, credentials: Path | None, ca: Path | None
) -> StoreSettings:
    files = {"credentials_file": credentials, "ca_file": ca}
    absolute = {name: None if file is None else file.absolute() for name, file in files.items()}
    asked = {"url": url, "endpoint": endpoint, "region": region, **absolute}
    return checked(StoreSettings, asked, "--store")


def _remove_old(home: Home) -> None:
    from gateway.homes.left_behind import remove_old  # noqa: PLC0415 - loads the OpenPGP libraries

    files, registry = remove_old(home)
    out.print(f"removed {counted(files, 'sealed file')}{' and the former registry' if registry else ''}")
