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

from gateway.errors import GatewayError
from gateway.observe import logs

PROVIDERS = frozenset({"classify", "receipts", "samples", "send", "verify-release"})
"""The nouns that need no package of the authority; of receipts that is only `verify`."""
NOUNS = {
    "init": (
        "Create a home: settings, policies, keys, an empty registry. Never overwrites.",
        "cli.home:init",
    ),
    "run": (
        "Run intake, processor, mailboxes, console and, where set, the web door until SIGTERM or Ctrl-C.",
        "cli.home:run",
    ),
    "process": ("Open, classify, decide and route what landed, until SIGTERM.", "cli.services:process"),
    "doctor": (
        "Say what is missing or weak in a home, and how to mend it. Exit 1 where files cannot pass.",
        "cli.doctor:doctor",
    ),
    "status": (
        "Say whether the services are reached, what waits, and what runs out. Exit 1 where all is not well.",
        "cli.status:status",
    ),
    "backup": (
        "Copy a whole home, consistent while the services run. Guard the copy as you guard the home's keys.",
        "cli.backup:backup",
    ),
    "restore": (
        "Make a new home from a backup. Never overwrites. Then run: gateway doctor --deep.",
        "cli.backup:restore",
    ),
    "upgrade": (
        "Bring a home of an earlier version up to this one. Without an option, say what that takes.",
        "cli.upgrade:upgrade",
    ),
    "move": (
        "Move the registry to PostgreSQL, the sealed files to an S3 store, or both. Stop the services first.",
        "cli.backup:move",
    ),
    "install": (
        "Lay out units, users, folders, alert rules and a sample of the settings for systemd.",
        "cli.install:install",
    ),
    "classify": (
        "Say what plain files are, why, what they hold and what is wrong with them. Nothing is sent.",
        "cli.classify:classify_files",
    ),
    "samples": (
        "Write synthetic files of every flow, with invented pupils and UPNs that no pupil can have.",
        "cli.samples:samples",
    ),
    "verify-release": (
        "Check that a file is of a release and unchanged, by the release's signed statement. Works offline.",
        "cli.verify_release:verify_release",
    ),
    "demo": (
        "Show the gateway at work: real services and files in a temporary home, which is cleaned up.",
        "cli.sandbox:demo",
    ),
    "sandbox": (
        "Run a whole gateway on loopback with a throw-away home, until Ctrl-C. Give it no real pupil data.",
        "cli.sandbox:sandbox",
    ),
    "serve": ("Run one of the services in the foreground.", "cli.services"),
    "send": (
        (
            "The provider's side: gateway send FILE... checks, signs, encrypts and sends files, and waits "
            "for their verified receipts. Exit 0: all accepted; 3: some held; 1: some refused, or not sent."
        ),
        "cli.send:app",
    ),
    "providers": ("Enrol providers and look at them.", "acts.providers acts.provider_lists"),
    "keys": ("Keys of providers and staff, and the gateway's own.", "acts.keys acts.key_changes cli.keys"),
    "staff": ("Enrol the authority's staff and look at them.", "acts.staff"),
    "roles": ("Who may do what, by name.", "acts.staff"),
    "agreement": ("The yearly data sharing agreement.", "acts.agreement"),
    "year": ("The school year: opened each summer, and what it lacks.", "cli.year"),
    "transfers": ("What landed and what became of it.", "acts.transfers acts.recalls cli.transfers"),
    "held": ("Files that wait for a person or a date.", "acts.held_files acts.held_decisions"),
    "notices": ("Notices to the authority's data protection officers.", "acts.notices"),
    "receipts": ("Signed receipts.", "cli.receipts"),
    "letters": ("Letters to schools and staff: who is written to, and when.", "acts.letters"),
    "handon": (
        "Files of teams handed on to other systems of the authority (docs/hand-on.md).",
        "acts.handon",
    ),
    "flows": ("What the agreement lists, row by row, and when it came.", "acts.agreement_flows"),
    "log": ("The append-only log.", "cli.log"),
    "penalties": ("Addresses that failed to log in too often and have to wait.", "acts.penalties"),
    "programs": ("Programs of the authority that use the API (docs/api.md).", "acts.programs"),
    "hooks": ("Web hooks: systems of the authority that are told of events (docs/api.md).", "acts.hooks"),
    "filters": ("Filters of lists that you saved for yourself.", "acts.filters"),
    "hosts": ("Hosts that share the work on one registry (docs/cluster.md).", "acts.hosts cli.hosts"),
    "policy": ("The policies: checked, explained, tried and compared.", "acts.policy_explain cli.policy"),
    "discrepancies": ("Pupils on two rolls, other dates of birth, old numbers.", "acts.discrepancies"),
    "headings": ("What providers say that their headings mean.", "acts.headings"),
    "sensitive": ("Sensitive headings that came, without their values.", "acts.sensitive"),
    "pupils": ("Which files hold a child. Every question is logged.", "acts.pupils cli.pupils"),
    "declarations": ("Transfers that were declared to go another way.", "acts.declarations"),
    "report": ("Reports for people.", "acts.reports"),
    "retention": ("How long things are kept (policies/retention.toml).", "acts.retention cli.retention"),
    "breach": ("Records of breaches of personal data (agreement, section 10).", "acts.breaches"),
    "legal-holds": ("Legal holds: nothing on hold is ever deleted.", "acts.legal_holds"),
}
"""The commands and groups of commands in the order of the help, each with its help and place below `gateway`.

The place of a single command, or of a group with options, is MODULE:NAME. Other places are the modules with
the verbs, separated by spaces, those quick to load first: a verb is looked for in one after the other. The
verbs of `acts` are derived; other modules have an `app`.
"""
# Scripts still use this name, which the help does not list.
FORMER = {"declare": ("The former name of declarations add.", "acts.declarations:Declare")}

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
