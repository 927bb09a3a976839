"""What is kept in the repository lies in it: links, and what the page for those who change the code names."""

from __future__ import annotations

import re
import subprocess

from tests.house.test_imports import REPOSITORY


def test_no_link_leads_out_of_the_repository() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--stage"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout
    files = [line.partition("\t") for line in listed.split("\0") if line]
    links = [REPOSITORY / name for mode, _, name in files if mode.startswith("120000")]
    assert links, "policies/somerset is made of links"
    assert [link for link in links if not link.resolve().is_relative_to(REPOSITORY.resolve())] == []
    assert all(link.exists() for link in links)


_QUOTED = re.compile(r"`([^`\n]+)`")
_PYTHON, _CONSTANT = re.compile(r"[\w/.]+\.py"), re.compile(r"_?[A-Z][A-Z_]{3,}")


def test_every_file_and_constant_that_contributing_names_exists() -> None:
    page = REPOSITORY.joinpath("CONTRIBUTING.md").read_text("utf-8")
    sources = [path for room in ("gateway", "tests") for path in REPOSITORY.joinpath(room).rglob("*.py")]
    paths = [f"/{path.relative_to(REPOSITORY).as_posix()}" for path in sources]
    texts = [path.read_text("utf-8") for path in (*sources, REPOSITORY / "Makefile")]
    words = {word for text in texts for word in re.findall(r"\w+", text)}
    quoted = set(_QUOTED.findall(page))
    files = {one for one in quoted if _PYTHON.fullmatch(one) and "NOUN" not in one}
    constants = {one for one in quoted if _CONSTANT.fullmatch(one)}
    assert len(files) > 30
    assert [one for one in sorted(files) if not any(path.endswith(f"/{one}") for path in paths)] == []
    assert [one for one in sorted(constants) if one not in words] == []
