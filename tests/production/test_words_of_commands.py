"""Every command of ours that a page names, in its text or in a block, is one that there is, with its options.

What is kept under a former name (hidden in the help) still works, and no page should teach it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.core import TyperGroup

from tests.commands import COMMAND
from tests.production.guide import REPOSITORY

PAGES = sorted(
    page.relative_to(REPOSITORY)
    for page in [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md"), *REPOSITORY.glob("keys/*.md")]
    if page.name != "CHANGELOG.md"  # It tells of commands that there were.
)
_COMMAND = r"^(?:sudo -u gateway |runuser -u gateway -- )?(gateway (?!gateway)[a-z].*)"


def spoken(text: str) -> Iterator[str]:
    """The commands of a page, each on one line, without the comment behind it."""
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for line in re.sub(r"\\\n\s*", "", block).splitlines():
            yield from re.findall(_COMMAND, re.sub(r"(^|\s+)#.*", "", line).strip())
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    for span in re.findall(r"`([^`]+)`", prose):
        yield from re.findall(_COMMAND, " ".join(span.split()))


def fault(command: str) -> str | None:
    """What is wrong with the names in a command; None where nothing is."""
    words = re.split(r" (?:[|>&;]|&&) ", command)[0].split()[1:]
    at, depth = COMMAND, 0
    while isinstance(at, TyperGroup) and depth < len(words) and re.match(r"[a-z]", words[depth]):
        shown = {name: one for name, one in at.commands.items() if not one.hidden}
        if not set(words[depth].split("|")) <= shown.keys():
            return f"there is no {words[depth]}"
        at, depth = shown[words[depth].partition("|")[0]], depth + 1
    of_group = []
    if isinstance(at, TyperGroup):
        # gateway send FILE: what it is without a command.
        of_group, at = at.params, at.commands.get("files", at)
    shown_options = [one for one in (*at.params, *of_group) if not getattr(one, "hidden", False)]
    known = {name for one in shown_options for name in (*one.opts, *one.secondary_opts)} | {"--help"}
    asked = [
        re.split(r"[=\]]", word.strip("[]"))[0] for word in words[depth:] if re.match(r"\[?--[a-z]", word)
    ]
    return next((f"there is no {name}" for name in asked if name not in known), None)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_the_commands_of_a_page_are_there(page: Path) -> None:
    faults = {one: why for one in spoken((REPOSITORY / page).read_text("utf-8")) if (why := fault(one))}
    assert not faults


def said(path: Path) -> Iterator[str]:
    """The commands that sentences of a source name: in brackets, or behind a colon."""
    text = path.read_text("utf-8")
    if path.suffix == ".py":  # Of a string over several lines, one.
        text = re.sub(r'"\s*\n\s*f?"', "", text)
    joined = re.sub(r"\s*\n[#\s]*", " ", text)
    yield from re.findall(r"(?:\(|: )(gateway(?: [a-z]+[a-z-]*)+(?: [A-Z]+)?(?: --[a-z-]+)?)", joined)


def test_the_commands_that_sentences_of_the_program_name_are_there() -> None:
    sources = [
        *REPOSITORY.glob("gateway/**/*.py"), *REPOSITORY.glob("gateway/**/*.html"),
        *REPOSITORY.glob("gateway/**/*.toml"), *REPOSITORY.glob("policies/**/*.toml"),
        *REPOSITORY.glob("systemd/gateway*"),
    ]  # fmt: skip
    named = [
        (str(path.relative_to(REPOSITORY)), one)
        for path in sources
        if path.is_file()
        for one in said(path)
        if one.split()[1] in COMMAND.commands
    ]
    assert len(named) > 40
    assert [(place, one, why) for place, one in named if (why := fault(one))] == []


def test_what_is_not_there_is_found() -> None:
    text = "`gateway keys approve oak`, `gateway keys revoke x FPR --because x`, `gateway keys add|list oak`"
    assert [fault(one) for one in spoken(text)] == ["there is no approve", "there is no --because", None]
    assert len(list(spoken((REPOSITORY / "docs/admins.md").read_text("utf-8")))) > 40
