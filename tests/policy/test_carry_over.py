"""What an authority has edited in its policies stays in those of another version, or is told of."""

from __future__ import annotations

import tomllib

import pytest

from gateway.policy.edits import carry_over

BASE = {
    "a.toml": 'kept = 1\nlist = ["x", "y"]\n',
    "letters.toml": "first = 1\nsecond = 1\n",
    "text.txt": "as printed\n",
}
NEW = {
    "a.toml": 'kept = 1\nlist = ["x", "y", "z"]\nmore = 2\n',
    "letters.toml": "first = 2\n",
    "text.txt": "as printed\n",
}


@pytest.mark.parametrize(
    ("own", "told", "file", "becomes"),
    [
        (
            {**BASE, "a.toml": 'kept = 3\nlist = ["y", "w"]\n'},
            {"a.toml: kept: kept", "a.toml: list: kept"},
            "a.toml",
            'kept = 3\nlist = ["y", "z", "w"]\nmore = 2\n',
        ),
        (
            {**BASE, "letters.toml": "first = 5\n"},
            {"letters.toml: first: kept, though this version changed the same"},
            "letters.toml",
            "first = 5\n",
        ),
        (
            {**BASE, "letters.toml": "first = 1\nsecond = 3\n"},
            {"letters.toml: second: dropped: this version has no such entry"},
            "letters.toml",
            "first = 2\n",
        ),
        (
            {**BASE, "a.toml": 'list = ["x", "y"]\n'},
            {"a.toml: kept: kept"},
            "a.toml",
            'list = ["x", "y", "z"]\nmore = 2\n',
        ),
        (
            {**BASE, "letters.toml": "second = 1\n"},
            {"letters.toml: first: taken out: not kept, because this version changed it"},
            "letters.toml",
            "first = 2\n",
        ),
        ({**BASE, "text.txt": "ours\n"}, {"text.txt: the text: kept"}, "text.txt", "ours\n"),
        (
            {"a.toml": BASE["a.toml"], "text.txt": BASE["text.txt"]},
            {"letters.toml: the file was taken out: kept"},
            "letters.toml",
            None,
        ),
        (
            {**BASE, "ours.toml": "x = 1\n"},
            {"ours.toml: the file: dropped: this version has no such entry"},
            "ours.toml",
            None,
        ),
    ],
)
def test_nothing_of_an_authoritys_own_goes_without_a_word(
    own: dict[str, str], told: set[str], file: str, becomes: str | None
) -> None:
    files, edits = carry_over({"2026-11-24": BASE}, own, NEW)
    assert set(edits) == told
    assert files.get(file) == becomes


@pytest.mark.parametrize("new", ['[[each]]\nname = "a"\n', 'each = [\n    { name = "a" },\n]\n'])
def test_an_entry_of_an_authoritys_own_is_written_as_those_around_it(new: str) -> None:
    own = '[[each]]\nname = "a"\n\n[[each]]\nname = "b"\nfor = 1\n'
    base = '[[each]]\nname = "a"\n'
    files, _ = carry_over({"2026-11-24": {"a.toml": base}}, {"a.toml": own}, {"a.toml": new})
    assert tomllib.loads(files["a.toml"]) == tomllib.loads(own)
