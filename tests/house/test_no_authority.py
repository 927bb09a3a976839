"""The program belongs to no authority: what is one county's stands in its policies, not in code."""

import re
from pathlib import Path

from web_page import libraries

_GATEWAY = Path(__file__).parents[2] / "gateway"
_THEIRS = re.compile(r"somerset|933|egress|capita|12\.[0-9]+", re.IGNORECASE)
# The words of BIP 39, and what others have written.
_OF_OTHERS = {"read_aloud.txt", "words.js", *(library["as"] for library in libraries())}
_HELP = re.compile(r'help="[^"]*"')


def test_no_code_names_an_authority_its_clauses_or_its_suppliers() -> None:
    """But samples, which are files of real programs, and the help texts of options, which give examples."""
    found = [
        f"{path.relative_to(_GATEWAY)}:{number}"
        for path in sorted(_GATEWAY.rglob("*"))
        if path.is_file()
        and path.suffix != ".pyc"
        and path.name not in _OF_OTHERS
        and "samples" not in path.relative_to(_GATEWAY).parts
        for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1)
        if _THEIRS.search(_HELP.sub("", line))
    ]
    assert found == []
