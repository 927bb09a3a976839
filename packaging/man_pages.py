"""Write a manual page of every command into a folder: `make man`, at each release.

    python packaging/man_pages.py build/man

Pages are laid out by click-man. What they tell is what each command's `--help` tells: click-man's own walk
over a command knows the classes of click, and typer has classes of its own.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib.metadata import version
from inspect import cleandoc
from pathlib import Path
from typing import Any

from click_man.man import ManPage

from gateway.cli.app import COMMAND

Context = Any  # typer exports no class of it that carries types.
_CONTROL = re.compile(r"^(?=[.'])", re.MULTILINE)
_SHORT = 400


def pages(context: Context, release: str) -> Iterator[tuple[str, str]]:
    """Yield the page of a command and of each visible command below, by file name."""
    command = context.command
    page = ManPage(context.command_path)
    page.version = release
    page.short_help = _roff(command.get_short_help_str(_SHORT))
    page.synopsis = " ".join(command.collect_usage_pieces(context))
    page.description = _roff(cleandoc(command.help or ""))
    told = (parameter.get_help_record(context) for parameter in command.params)
    page.options = [(names, _roff(does)) for names, does in filter(None, told)]
    below = {name: each for name, each in getattr(command, "commands", {}).items() if not each.hidden}
    page.commands = [(name, _roff(each.get_short_help_str(_SHORT))) for name, each in below.items()]
    yield f"{context.command_path.replace(' ', '-')}.1", str(page)
    for name, each in below.items():
        yield from pages(type(context)(each, info_name=name, parent=context), release)


def _roff(text: str) -> str:
    """Words as roff prints them: no backslash, and no line that it takes for a request."""
    return _CONTROL.sub(r"\&", text.replace("\\", r"\e"))


def main(folder: Path) -> None:
    """Write them all."""
    folder.mkdir(parents=True, exist_ok=True)
    context = COMMAND.make_context("gateway", [], resilient_parsing=True)
    for name, text in pages(context, version("gateway")):
        (folder / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
