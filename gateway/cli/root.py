"""The root of the `gateway` command: settings for every noun."""

from __future__ import annotations

import logging
import os
from enum import StrEnum
from typing import Annotated

import typer
from typer.core import TyperGroup

from gateway.observe import logs

_SERVICES = {"run", "serve", "process"}


class LogFormat(StrEnum):
    """How log lines look."""

    AUTO = "auto"
    JSON = "json"
    TEXT = "text"


def root(nouns: type[TyperGroup]) -> typer.Typer:
    """Return the command, with nouns of the class given."""
    app = typer.Typer(
        cls=nouns,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        help="An SFTP drop box through which schools hand pupil data to their local authority, "
        "as their data sharing agreement allows.",
    )
    app.callback()(settings)
    return app


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version  # noqa: PLC0415 - reads much for what is seldom asked

        typer.echo(f"gateway {version('gateway')}")
        raise typer.Exit


def settings(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log more to stderr.")] = False,
    log_format: Annotated[
        LogFormat, typer.Option(envvar=logs.FORMAT, help="auto: JSON under systemd, text elsewhere.")
    ] = LogFormat.AUTO,
) -> None:
    """Set up logging for every command."""
    level = logging.DEBUG if verbose else os.environ.get("GATEWAY_LOG", _usual(context)).upper()
    os.environ[logs.FORMAT] = log_format.value  # Child processes log alike.
    logs.configure(level)


def _usual(context: typer.Context) -> str:
    """Return the default log level: all events for services, problems only for a person's command."""
    is_service = context.invoked_subcommand in _SERVICES or "JOURNAL_STREAM" in os.environ
    return "INFO" if is_service else "WARNING"
