"""The `gateway` command: every noun and verb, each module loaded on first use."""

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Annotated, Any, Literal, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from gateway.cli.nouns import FORMER, NOUNS, PROVIDERS
from gateway.errors import GatewayError
from gateway.observe import logs

_SERVICES = {"run", "serve", "process"}
_SERVERS = ("alembic", "asyncssh", "sqlmodel", "starlette")
"""Some packages of the extra `server`: the provider's side is installed without them."""


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
        Literal["auto", "json", "text"],
        typer.Option(envvar=logs.FORMAT, help="auto: JSON under systemd, text elsewhere."),
    ] = "auto",
) -> None:
    """Set up logging for every command."""
    # A person's command logs problems only, a service all events.
    is_service = context.invoked_subcommand in _SERVICES or "JOURNAL_STREAM" in os.environ
    usual = "INFO" if is_service else "WARNING"
    level = logging.DEBUG if verbose else os.environ.get("GATEWAY_LOG", usual).upper()
    os.environ[logs.FORMAT] = log_format  # Child processes log alike.
    logs.configure(level)


class LazyCommands(Mapping[str, Any]):
    """A mapping of command names to commands, each fetched only when asked for."""

    def __init__(self, names: Callable[[], Iterable[str]], find: Callable[[str], Any]) -> None:
        """Store `names`, which lists the names in the help's order, and `find`, which returns a command."""
        self._names, self._find = names, find

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - typer does not export what it builds commands from
        """Return the command called `name`. KeyError for an unknown name."""
        return self._find(name)

    def __iter__(self) -> Iterator[str]:
        """Yield the names of the commands, in the order of the help."""
        return iter(self._names())

    def __len__(self) -> int:
        """Return the number of commands."""
        return sum(1 for _ in self)


def _verbs(noun: str) -> LazyCommands:
    """Return the commands of `noun` by verb. Modules are imported one by one, until a verb is found."""
    waiting, known = NOUNS[noun][1].split(), dict[str, Any]()

    def load(until: str = "") -> dict[str, Any]:
        while until not in known and waiting:
            module = waiting.pop(0)
            if module.startswith("acts."):
                found = import_module("gateway.cli.derived").commands_of(noun, f"gateway.{module}")
            else:
                found = import_module(f"gateway.{module}").app
            for name, command in typer.main.get_group(found).commands.items():
                known.setdefault(name, command)
        return known

    return LazyCommands(load, lambda name: load(name)[name])


class Nouns(TyperGroup):
    """The top-level group, with a command for each noun; its list and its help import no noun's module."""

    def __init__(self, **attributes: Any) -> None:  # noqa: ANN401 - typer's own
        """Make the group with typer's `attributes` and with all nouns as commands."""
        super().__init__(**{**attributes, "commands": LazyCommands(lambda: NOUNS, _loaded)})

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002 - as above
        """Return the nouns, in the order of the help."""
        return list(NOUNS)

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - as above
        """Write the help of `gateway`, with all nouns and their descriptions, to `formatter`."""
        self._stand_ins().format_help(ctx, formatter)

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:  # noqa: ANN401, ARG002 - as above
        """Return a shell's completions of `incomplete`: nouns with their help, importing no noun's module."""
        told = self._stand_ins()
        context = told.make_context(self.name, [], resilient_parsing=True)
        return told.shell_complete(context, incomplete)

    def _stand_ins(self) -> TyperGroup:
        """Return a group of stand-in commands, with names and descriptions only, for help and completion."""
        return TyperGroup(
            name=self.name,
            help=self.help,
            params=self.params,
            commands={name: TyperCommand(name, help=does) for name, (does, _) in NOUNS.items()},
            rich_markup_mode=self.rich_markup_mode,
            context_settings=self.context_settings,
        )


def check_server(what: str) -> None:
    """Raise GatewayError unless the authority's packages, needed by the command `what`, are installed."""
    if not all(find_spec(package) is not None for package in _SERVERS):
        raise GatewayError(
            f"{what} is the authority's side, which is not installed here: "
            "pip install 'FILE[server]', with the wheel of the release for FILE"
        )


@cache
def _loaded(name: str) -> Any:  # noqa: ANN401 - as above
    does, place = NOUNS[name] if name in NOUNS else FORMER[name]
    try:
        if name not in PROVIDERS:
            check_server(f"gateway {name}")
    except GatewayError as error:
        words = f"gateway: {error}"

        def say() -> NoReturn:
            typer.echo(words, err=True)
            raise typer.Exit(1)

        anything = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}
        return TyperCommand(name, callback=say, context_settings=anything)
    alone = typer.Typer()
    module, _, attribute = place.partition(":")
    if not attribute:
        alone.add_typer(typer.Typer(no_args_is_help=True, help=does), name=name)
        group: Any = typer.main.get_group(alone).commands[name]
        group.commands = _verbs(name)
        return group
    found = getattr(import_module(f"gateway.{module}"), attribute)
    if isinstance(found, typer.Typer):
        alone.add_typer(found, name=name, help=does)
    else:
        if isinstance(found, type):  # An act.
            found = import_module("gateway.cli.derived").command_of(found)
        alone.command(name)(found)
    return typer.main.get_group(alone).commands[name]


app = typer.Typer(
    cls=Nouns,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="An SFTP drop box through which schools hand pupil data to their local authority, "
    "as their data sharing agreement allows.",
)
app.callback()(settings)
COMMAND = typer.main.get_group(app)
"""The `gateway` command with all its subcommands."""
