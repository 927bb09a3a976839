"""Shared parts of all commands: home, tables, JSON and one-line errors."""

from __future__ import annotations

import json
import os
import re
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import islice, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from gateway.cli import terminal
from gateway.cli.identity import PROVED, account_of, sight_here
from gateway.errors import GatewayError
from gateway.home import Home
from gateway.home.settings import load_settings
from gateway.home.settings_file import read_at_most
from gateway.reasons.languages import Language, translate_line

if TYPE_CHECKING:
    from gateway.record.registrar import Registrar
    from gateway.registry.database import Registry


NOTHING = "-"
_GAP = "  "
_PART = 500  # Rows laid out together, in columns of the same widths.


def fits(headings: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> bool:
    """Return True if a table fits into the width without breaking words."""
    columns = zip(headings, *rows, strict=True)
    least = [max(cell_len(word) for cell in column for word in cell.split() or [""]) for column in columns]
    return sum(least) + len(_GAP) * (len(least) - 1) <= width


def laid_out(headings: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> list[str]:
    """Return the lines of a table, at most `width` wide (None: any width), without broken words.
    A table too wide becomes records: a line for each value of a row, and an empty line between rows.
    """
    if width is not None and not fits(headings, rows, width):
        label, lines = max(map(len, headings)), list[str]()
        for row in rows:
            for heading, cell in zip(headings, row, strict=True):
                if cell != NOTHING:
                    first, *others = _wrapped(cell, width - label - len(_GAP))
                    lines.append(f"{heading:<{label}}{_GAP}{first}")
                    lines += [f"{'':<{label}}{_GAP}{part}" for part in others]
            lines.append("")
        return lines[:-1]
    columns = [list(column) for column in zip(headings, *rows, strict=True)]
    least = [max(cell_len(word) for cell in column for word in cell.split() or [""]) for column in columns]
    widths = [max(map(cell_len, column)) for column in columns]
    while width is not None and sum(widths) + len(_GAP) * (len(widths) - 1) > width:
        may = (place for place in range(len(widths)) if widths[place] > least[place])
        widths[max(may, key=widths.__getitem__)] -= 1  # The widest column gives way first.
    wrapped = (map(_wrapped, row, widths) for row in (headings, *rows))
    # ljust counts characters; some are two columns wide.
    return [
        _GAP.join(
            part + " " * (wide - cell_len(part)) for part, wide in zip(parts, widths, strict=True)
        ).rstrip()
        for cells in wrapped
        for parts in zip_longest(*cells, fillvalue="")
    ]


def _wrapped(cell: str, width: int) -> list[str]:
    if len(cell) <= width and cell.isascii():
        return [cell]
    parts = textwrap.wrap(cell, max(width, 1), break_long_words=False, break_on_hyphens=False)
    return parts or [""]


_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_KEY_FILE_BYTES = 1024**2
_PERSON = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")

out = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, markup=False, emoji=False)


def now() -> datetime:
    """Return the time in UTC."""
    return datetime.now(UTC)


def who() -> str:
    """Return the name under which the person at the keyboard is put on record.
    With roles in force: the proven person's name. Otherwise: the account that runs the command or, behind
    sudo, the account that called sudo. Where people share an account, the variable GATEWAY_ADMIN names one of
    them: "NAME (as ACCOUNT)".
    """
    if (person := PROVED.get()) is not None:
        return person
    # getpass would trust LOGNAME before the owner of the process.
    account = os.environ.get("SUDO_USER") or account_of(os.getuid())
    named = os.environ.get("GATEWAY_ADMIN", "")
    if not named or named == account:
        return account
    if not _PERSON.fullmatch(named):
        raise GatewayError("GATEWAY_ADMIN: a name is 1 to 32 of a-z, 0-9, dot, hyphen and underscore")
    return f"{named} (as {account})"


def confirm(question: str, *, yes: bool) -> None:
    """Ask a question unless `yes`. GatewayError for another answer than yes, or where nobody can type."""
    try:
        agreed = yes or typer.confirm(question, default=False, err=True)
    except typer.Abort:
        agreed = False
    if not agreed:
        raise GatewayError(
            "nobody said yes, so nothing was changed; --yes is for those who have looked at it"
        )


def plain(value: object) -> str:
    """Return a value as text for a terminal: control and direction characters are made visible."""
    text = str(value)
    return "".join(one if one.isprintable() else f"\\x{ord(one):02x}" for one in text)


def existing(home: Path) -> Home:
    """Return the home at a path. ConfigurationError if no home is there, or its settings are wrong."""
    place = Home(home)
    load_settings(place)
    return place


def read_key_file(file: Path) -> bytes:
    """Read a key file. GatewayError if unreadable or far too large for a key."""
    return read_at_most(file, _KEY_FILE_BYTES, "a key")


@contextmanager
def registry(home: Path, *, whole: bool = False) -> Iterator[Registry]:
    """Yield the registry of an existing home. ConfigurationError without a home or a registry.
    `whole`: True to show all files; False to show only files of which the person at the keyboard may know.
    """
    place = Home(home)
    settings = load_settings(place)
    from gateway.registry.database import Registry  # noqa: PLC0415 - takes a while, and some need none

    with closing(Registry(settings.database_url(place))) as opened:
        opened.check_version(current=True)
        yield opened if whole else opened.within(partial(sight_here, home=home))


@contextmanager
def registrar_of(home: Path) -> Iterator[Registrar]:
    """Yield the registrar of an existing home, to decide or sign. ConfigurationError if there is no home."""
    from gateway.processor.service import open_registrar  # noqa: PLC0415 - loads the OpenPGP libraries

    with open_registrar(Home(home), now) as registrar:
        yield registrar


def show(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool, empty: str) -> None:
    """Print rows: as JSON with all their values, or as a table of the `columns`, by `print_rows`."""
    if as_json:
        print_json(rows)
    else:
        print_rows(rows, columns, empty)


def print_rows(
    rows: Iterable[Mapping[str, Any]], columns: Sequence[str], empty: str, narrow: Sequence[str] = ()
) -> int:
    """Print rows as a table, some at a time; return their number. Without rows, print the text `empty`.
    On a terminal too narrow for the `columns`, print only the columns `narrow`; if even those are too wide,
    print a line for each value. If a column has times, a last line names their time zone.
    """
    shown, timed, coming = 0, False, iter(rows)
    # Output piped into another program has one line a row.
    width = out.width if out.is_terminal or "COLUMNS" in os.environ else None
    while some := [*islice(coming, _PART)]:
        headings, cells = _table(some, columns)
        if width is not None and narrow and not fits(headings, cells, width):
            headings, cells = _table(some, narrow)
        lines = laid_out(headings, cells, width)[1 if shown else 0 :]
        sys.stdout.write("\n".join(lines) + "\n")  # Directly: rich takes ten times as long.
        sys.stdout.flush()
        timed = timed or any(moment_in(row.get(column)) for row in some for column in columns)
        shown += len(some)
    if not shown:
        out.print(empty)
    elif timed:
        out.print(Text(f"\ntimes are local ({'/'.join(dict.fromkeys(time.tzname))})"))
    return shown


def _table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    headings = [column.replace("_", " ") for column in columns]
    return headings, [[cell(row.get(column)) for column in columns] for row in rows]


def print_json(value: object) -> None:
    """Print a value as JSON, with times in RFC 3339, UTC."""
    escaped = not terminal.shows_all()
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=escaped, default=_jsonable) + "\n")
    sys.stdout.flush()


def print_json_list(rows: Iterable[object]) -> None:
    """Print a list as JSON, value by value, in the form of `print_json`."""
    escaped = not terminal.shows_all()
    before = "[\n"
    for row in rows:
        text = json.dumps(row, indent=2, ensure_ascii=escaped, default=_jsonable)
        sys.stdout.write(before + textwrap.indent(text, "  "))
        before = ",\n"
    sys.stdout.write("[]\n" if before == "[\n" else "\n]\n")
    sys.stdout.flush()


def print_exactly(document: str) -> None:
    """Print a document for comparison or verification, in UTF-8 whatever the terminal's encoding."""
    typer.echo(document.encode(), nl=False)


def rfc3339(moment: datetime | None) -> str | None:
    """Return a time as text in RFC 3339, in UTC; None for None."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def complain(what: str) -> None:
    """Print the error of a failed command on stderr, as one line."""
    err.print(Text(f"gateway: {plain(in_words(what))}"), soft_wrap=True)


_language: Language = "en"


def speak(language: Language) -> None:
    """Set the language of all later messages of the provider's commands."""
    global _language  # noqa: PLW0603 - one command, one language
    _language = language


def say(line: str, to: Console | None = None) -> None:
    """Print a line in the command's language, by default to standard output."""
    (to or out).print(Text(plain(in_words(line))), soft_wrap=True)


def in_words(text: str) -> str:
    """Return a message of the gateway in the command's language."""
    return translate_line(text, _language)


def cell(value: object) -> str:
    """Return a value for people: times in local time, NOTHING for None."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if (moment := moment_in(value)) is not None:
        return f"{moment.astimezone():%Y-%m-%d %H:%M}"
    if isinstance(value, list | tuple):
        return ", ".join(cell(item) for item in value) or NOTHING
    if isinstance(value, Mapping):
        return plain(value.get("code", value))
    return plain(value)


def exact_cell(value: object) -> str:
    """Return a value for a spreadsheet: times in RFC 3339 UTC, "" for None."""
    if value is None:
        return ""
    if (moment := moment_in(value)) is not None:
        return rfc3339(moment) or ""
    return cell(value)


def moment_in(value: object) -> datetime | None:
    """Convert a datetime, or a text in RFC 3339, to a datetime; return None for any other value."""
    if isinstance(value, str) and _RFC3339.fullmatch(value):
        return datetime.fromisoformat(value)
    return value if isinstance(value, datetime) else None


def _jsonable(value: object) -> object:
    return rfc3339(value) if isinstance(value, datetime) else str(value)


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a task's progress bar until the block ends; yield a function to call with (done, total)."""
    from rich.progress import (  # noqa: PLC0415 - few commands take long
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)
