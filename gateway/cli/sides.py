"""Two sides in one package: the provider's, and the authority's with more packages installed."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import NoReturn

import typer
from typer.core import TyperCommand

from gateway.errors import GatewayError

_SERVERS = ("alembic", "asyncssh", "sqlmodel", "starlette")
"""Some packages of the extra `server`."""


@cache
def has_server() -> bool:
    """Return True if the packages of the authority's side are installed."""
    return all(find_spec(package) is not None for package in _SERVERS)


def check_server(what: str) -> None:
    """Raise GatewayError if a command needs the authority's packages, and they are missing."""
    if not has_server():
        raise GatewayError(_told(what))


def without_server(name: str) -> TyperCommand:
    """Make a stand-in for a command of the authority: it names the packages to install, and fails."""

    def say() -> NoReturn:
        typer.echo(f"gateway: {_told(f'gateway {name}')}", err=True)
        raise typer.Exit(1)

    anything = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}
    return TyperCommand(name, callback=say, context_settings=anything)


def _told(what: str) -> str:
    return (
        f"{what} is the authority's side, which is not installed here: "
        "pip install 'FILE[server]', with the wheel of the release for FILE"
    )
