"""Every command that docs/evidence.md shows is one that there is, with the options that it shows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from gateway.verify import verify_log, verify_receipts
from tests.commands import invoke
from tests.workshop import Desk

GUIDE = Path(__file__).parents[2] / "docs" / "evidence.md"
USAGE = 2


def commands() -> list[list[str]]:
    """The words of each command line of the guide."""
    blocks = re.findall(r"^```sh\n(.*?)^```", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [shlex.split(line.partition(" > ")[0], comments=True) for line in lines if line.strip()]


def test_the_commands_take_what_the_guide_gives_them(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may find nothing to do, or a file missing, but nothing wrong with how they are called."""
    monkeypatch.chdir(tmp_path)
    ours = [words for words in commands() if words[0] == "gateway"]
    assert len(ours) > 15
    for _, *words in ours:
        result = invoke(desk.home.root, *words)
        # A file that is missing is told apart from what does not fit.
        missing = result.exit_code == 2 and "cannot be read" in result.output
        assert result.exit_code in {0, 1} or missing, (words, result.output)


def test_a_breach_is_recorded_word_by_word(
    copy: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Jane's laptop, in a home in which she has opened a file."""
    monkeypatch.chdir(tmp_path)
    ours = [words[1:] for words in commands() if words[:2] == ["gateway", "breach"]]
    assert [words[1] for words in ours] == ["record", "record", "list", "show"]
    said = [copy.gateway(*words) for words in ours]
    assert "A laptop was stolen." in said[0]
    assert "The police were told." in said[1]
    assert "Personal data breach 1" in Path("breach-1.html").read_text()
    assert "everything fits" in copy.gateway("log", "verify")


def test_the_verifiers_take_what_the_guide_gives_them() -> None:
    ours = [one for one in commands() if one[0].endswith("/python")]
    assert len(ours) == 4
    for words in ours:
        main = verify_log.main if "gateway.verify.verify_log" in words else verify_receipts.main
        arguments = words[3 if words[1] == "-m" else 2 :]
        assert main(arguments) == 1  # Not 2: the files are missing, but nothing is wrong with the options.
