"""Nouns are told of without being loaded, and loading one loads no more than it needs."""

from __future__ import annotations

import ast
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.testing import CliRunner

import gateway
from gateway.cli.app import COMMAND, NOUNS, app
from tests.commands import Commands
from tests.content import core_data

ROOT = Path(gateway.__file__).parents[1]
REGISTRY = {"sqlalchemy", "sqlmodel"}
POSTGRESQL = "sqlalchemy.dialects.postgresql"
HEAVY = {"alembic", "asyncssh", "lxml", "olefile", "openpyxl", "pgpy", "python_calamine", "uvloop"}
# These load what is slow only once they run, or for no command that lists.
QUICK = (
    "process", "status", "install", "classify", "serve", "providers", "keys", "staff", "transfers", "held",
    "notices", "flows", "penalties", "programs", "hooks", "hosts", "policy", "discrepancies", "sensitive",
    "retention",
)  # fmt: skip
WITHOUT = ("process", "serve", "install", "classify")
# How many modules of ours a command loads when it runs on a home, how many of all, and what it may load of
# what takes long.
RUNS = {
    "--version": (7, 210, set()),
    "--help": (7, 335, set()),
    "transfers list": (73, 584, REGISTRY),
    "held list": (74, 585, REGISTRY),
    "staff list": (75, 586, REGISTRY),
    "keys list": (73, 584, REGISTRY),
    "providers list": (92, 615, REGISTRY),
    "flows status": (88, 660, REGISTRY),
    "status": (80, 603, REGISTRY),
    "classify": (50, 609, {"lxml", "olefile", "openpyxl", "python_calamine"}),
}
MORE = 1.1
# Commands that ask the policies in force, which take a tenth of a second to read.
READ_POLICIES = {"providers list", "flows status"}


def test_the_help_that_is_told_without_loading_is_that_of_the_commands() -> None:
    told = CliRunner().invoke(app, ["--help"], prog_name="gateway")
    commands = {name: COMMAND.commands[name] for name in NOUNS}
    loaded = TyperGroup(name="gateway", help=COMMAND.help, params=COMMAND.params, commands=commands)
    context = loaded.make_context("gateway", [], resilient_parsing=True, help_option_names=["-h", "--help"])
    with context, redirect_stdout(io.StringIO()) as shown:
        loaded.format_help(context, context.make_formatter())
    assert told.exit_code == 0
    assert told.output.rstrip() == shown.getvalue().rstrip()


@pytest.mark.parametrize("noun", NOUNS)
def test_each_noun_is_called_as_it_is_listed(noun: str) -> None:
    shown = CliRunner().invoke(app, [noun, "--help"], prog_name="gateway")
    assert shown.exit_code == 0
    assert f"Usage: gateway {noun} " in shown.output
    assert COMMAND.commands[noun].name == noun


def test_scripts_may_declare_by_the_former_name_which_the_help_does_not_tell() -> None:
    told = CliRunner().invoke(app, ["declare", "--help"])
    assert (told.exit_code, "Declare a transfer by another method" in told.output) == (0, True), told.output
    assert " declare " not in CliRunner().invoke(app, ["--help"]).output


def test_it_names_itself_as_it_is_typed_also_where_the_interpreter_starts_it() -> None:
    """As on Windows, where gateway.cmd does so."""
    command = [sys.executable, "-m", "gateway", "send", "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert shown.split()[:3] == ["Usage:", "gateway", "send"]


def test_what_is_mistyped_is_guessed_without_loading_what_is_meant() -> None:
    shown = CliRunner().invoke(app, ["transfer"], prog_name="gateway")
    assert shown.exit_code == 2
    assert "Did you mean 'transfers'?" in shown.output


@pytest.mark.parametrize("noun", QUICK)
def test_the_first_module_of_a_noun_loads_nothing_heavy(noun: str) -> None:
    loaded = _loaded_with(f"gateway.{NOUNS[noun][1].split()[0].partition(':')[0]}")
    others = {name.partition(".")[0] for name in loaded}
    assert others & HEAVY == set()
    assert noun not in WITHOUT or others & REGISTRY == set()
    assert len([name for name in loaded if name.startswith("gateway.")]) <= 80


def test_a_command_is_found_without_loading_what_stands_behind_it() -> None:
    code = """
import sys
from gateway.cli.app import COMMAND
assert COMMAND.commands["keys"].commands["list"].name == "list"
print(*{"gateway.acts.keys", "gateway.acts.key_changes", "gateway.cli.keys"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["gateway.acts.keys"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What each command has loaded when it is done."""
    root = tmp_path_factory.mktemp("runs")
    home = Commands(root).home
    (root / "core.xml").write_bytes(core_data())
    code = f"""
import io, json, os, sys
from contextlib import redirect_stderr, redirect_stdout
from gateway.cli.app import COMMAND
told = {{}}
for asked in {list(RUNS)!r}:
    reading, writing = os.pipe()
    if os.fork() == 0:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            arguments = [*asked.split(), {str(root / "core.xml")!r}] if asked == "classify" else asked.split()
            COMMAND.main(arguments, prog_name="gateway", standalone_mode=False)
        os.write(writing, json.dumps(sorted(sys.modules)).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as said:
        told[asked] = json.load(said)
    os.wait()
json.dump(told, sys.stdout)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True,
        env={**os.environ, "GATEWAY_HOME": str(home)},
    )  # fmt: skip
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


@pytest.mark.long
@pytest.mark.parametrize("asked", RUNS)
def test_a_command_loads_what_it_needs_and_no_more(asked: str, runs: dict[str, list[str]]) -> None:
    most, all_of_them, may = RUNS[asked]
    ours = [name for name in runs[asked] if name.startswith("gateway.")]
    assert len(ours) <= most * MORE, f"it was {most}: {ours}"
    assert len(runs[asked]) <= all_of_them * MORE, f"it was {all_of_them}: {runs[asked]}"
    assert {name.partition(".")[0] for name in runs[asked]} & (HEAVY | REGISTRY) == may
    assert POSTGRESQL not in runs[asked]  # The home is on SQLite.
    assert ("gateway.policy.catalogue" in runs[asked]) == (asked in READ_POLICIES)


def _loaded_with(module: str) -> set[str]:
    """All that is imported with a module, short of what its functions import."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        parents = {name.rsplit(".", number)[0] for number in range(1, name.count(".") + 1)}
        for each in {name, *parents} - found:
            found.add(each)
            if each.partition(".")[0] == "gateway":
                waiting.extend(_imported(each))
    return found


@cache
def _imported(module: str) -> list[str]:
    file = _file(module)
    return [] if file is None else list(_at_its_top(ast.parse(file.read_text("utf-8")).body))


def _at_its_top(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (name for name in names if node.module.startswith("gateway") and _file(name))
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from _at_its_top(node.orelse)
        elif isinstance(node, ast.If | ast.Try | ast.With):
            yield from _at_its_top(node.body)


def _file(module: str) -> Path | None:
    place = ROOT.joinpath(*module.split("."))
    for file in (place / "__init__.py", place.with_suffix(".py")):
        if file.is_file():
            return file
    return None


@pytest.mark.parametrize(
    ("typed", "completed"),
    [("gateway tr", ["transfers"]), ("gateway re", ["restore", "receipts", "report", "retention"])],
)
def test_a_shell_completes_nouns_without_loading_them(typed: str, completed: list[str]) -> None:
    asked = {"_GATEWAY_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": "1"}
    code = "import sys; sys.argv = ['gateway']; from gateway.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code], check=False, capture_output=True, text=True,
        env={**os.environ, **asked},
    )  # fmt: skip
    assert done.stdout.split() == completed
    assert "sqlalchemy" not in done.stderr
