"""Every command has a manual page, made of its help, and a shell completes what is typed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cli.app import NOUNS
from tests.production.guide import REPOSITORY

PAGES = REPOSITORY / "packaging/man_pages.py"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("man") / "man1"
    subprocess.run([sys.executable, str(PAGES), str(folder)], check=True, timeout=120)
    return folder


@pytest.mark.long
def test_every_noun_and_what_stands_below_it_has_a_page(pages: Path) -> None:
    names = {page.stem for page in pages.iterdir()}
    assert {f"gateway-{noun}" for noun in NOUNS} < names
    assert {"gateway", "gateway-transfers-list", "gateway-policy-check"} < names
    assert {"gateway-declare", "gateway-hold"}.isdisjoint(names)  # Former names are in no help.


def test_a_page_tells_of_each_option_what_the_help_tells(pages: Path) -> None:
    page = (pages / "gateway-transfers-list.1").read_text("utf-8")
    for told in (
        r"\fB\-\-provider\fP ID",
        "Only this provider's.",
        r"gateway\-transfers\-list \- List the latest",
    ):
        assert told in page


@pytest.mark.needs("groff")
def test_roff_finds_nothing_wrong_with_any_page(pages: Path) -> None:
    done = subprocess.run(
        ["groff", "-man", "-ww", "-z", "-K", "utf8", *sorted(map(str, pages.iterdir()))],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.long
@pytest.mark.needs("bash")
def test_bash_completes_verbs_and_options_by_the_script_that_the_guide_sources() -> None:
    asked = """
eval "$(_GATEWAY_COMPLETE=source_bash gateway)"
COMP_WORDS=(gateway transfers li); COMP_CWORD=2; _gateway_completion gateway; echo "${COMPREPLY[@]}"
COMP_WORDS=(gateway transfers list --st); COMP_CWORD=3; _gateway_completion gateway; echo "${COMPREPLY[@]}"
"""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", asked], capture_output=True, text=True, check=True, timeout=120,
        env={**os.environ, "PATH": path},
    )  # fmt: skip
    assert done.stdout.split("\n") == ["list", "--state", ""]
