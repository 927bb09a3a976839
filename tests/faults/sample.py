"""The short forms of the fault suite and of the long tests, drawn by a seed.

Of each kind of fault one case: a kind is a test function, or, of the one that kills at named steps, each part
of the work, such as the hand-over. Of the files with long tests a sixth, and those in `ALWAYS`, which try
what a team must not get.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

# Their short forms are in `make test-all`: tests/courier/test_letters.py and tests/send/test_writers.py.
LEFT_OUT = ("test_letters_of_a_term.py", "test_watched_folder.py")
ALWAYS = ("end_to_end/test_remarks_reach_nobody.py", "attacks/test_access_matrix.py")
_OF_FILES = 6


def kind(test: str) -> str:
    """The kind of a test, by the identifier that pytest gives it."""
    name, _, case = test.partition("[")
    return f"{name} {case.partition('.')[0]}" if name.endswith("::test_killed_at_a_named_step") else name


def drawn(tests: Iterable[str], seed: str) -> set[str]:
    """One test of each kind; the same for the same seed, whatever other tests there are."""
    kinds: dict[str, list[str]] = {}
    for test in tests:
        if not test.partition("::")[0].endswith(LEFT_OUT):
            kinds.setdefault(kind(test), []).append(test)
    return {
        min(cases, key=lambda one: hashlib.sha256(f"{seed} {one}".encode()).digest())
        for cases in kinds.values()
    }


def drawn_files(files: Iterable[str], seed: str) -> set[str]:
    """A sixth of these files and those of `ALWAYS`; the same for the same seed and files."""
    turns = sorted(set(files), key=lambda one: hashlib.sha256(f"{seed} {one}".encode()).digest())
    return {*turns[: -(-len(turns) // _OF_FILES)], *(one for one in turns if one.endswith(ALWAYS))}
