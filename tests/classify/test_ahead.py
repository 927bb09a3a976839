"""What is said of a content that is read while it arrives is what is said of it once it is whole."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any, BinaryIO, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.classify import Rules, classify, classify_ahead
from gateway.classify.content import CHUNK
from gateway.home.settings import ClassifyLimits
from gateway.model import Classified, ContentRefused
from tests.bench import bench_classify as bench
from tests.classify import made
from tests.classify.arriving import arriving, cut
from tests.corpus.corpus import files

SIZE = 300 * 1024
LIMITS = ClassifyLimits()


def table(*ends: list[str], before: str = "") -> bytes:
    """A large table of core data, with these rows at its end."""
    header, row = made.core_rows(1)
    many = [[made.Child(n).upn, *row[1:]] for n in range(3000)]
    return (before + made.as_csv([header, *many, *ends])).replace("\xeb", "e").encode()


def last(first: str) -> list[str]:
    """A row of such a table that begins with this cell."""
    return [first, *made.core_rows(1)[1][1:]]


# Large contents whose start suggests one thing; where the end proves that wrong, they are read anew.
AS_THEY_BEGIN: dict[str, Callable[[], bytes]] = {
    "a table": table,
    "a wide table": lambda: b"".join(bench.csv_wide(SIZE)),
    "marks": lambda: b"".join(bench.csv_marks(SIZE)),
    "a CTF": lambda: b"".join(bench.ctf_core(SIZE)),
    "a census": lambda: b"".join(bench.census(SIZE)),
    "with a byte order mark": lambda: b"\xef\xbb\xbf" + table(),
    "in UTF-16": lambda: table().decode().encode("utf-16"),
    "a title above": lambda: table(before="Core data of all pupils\n\n"),
    "a formula at the end": lambda: table(last("=1+1")),
    "semicolons": lambda: table().replace(b",", b";"),
}
OTHERWISE: dict[str, Callable[[], bytes]] = {
    "Windows-1252, seen at the end": lambda: table(last("Zo?")).replace(b"Zo?", b"Zo\xeb"),
    "an archive hidden behind": lambda: table() + b"PK\x05\x06" + bytes(18),
    "a quotation mark that is never closed": lambda: table() + b'"open,',
    "bytes that are not text, at the end": lambda: table() + b"\0\1\2\n",
    "a line under the table": lambda: table() + b"nobody reads this line,,\n,\nnor this one\n",
    "a CTF that breaks off": lambda: b"".join(bench.ctf_core(SIZE))[:-100],
    "bytes of no encoding behind a CTF": lambda: b"".join(bench.ctf_core(SIZE)) + b"<!-- \xff -->",
    "a PDF": lambda: b"%PDF-1.7\n" + table(),
    "a PDF behind other content": lambda: b"\n\n%PDF-1.7\n" + table(),
    "nothing known": lambda: b"a,b\n1,2\n" * 50_000,
    "nothing": lambda: b"",
    "one octet": lambda: b"x",
    "an encoding that there is not": lambda: (
        b'<?xml version="1.0" encoding="klingon"?><a>' + table() + b"</a>"
    ),
}


class Told:
    """All that the callbacks of a reading are told."""

    def __init__(self) -> None:
        self.pupils: list[Any] = []
        self.persons: list[Any] = []

    def some_pupils(self, told: Any, right: Any) -> None:
        self.pupils += [*told, right]

    def some_persons(self, upns: Any, columns: Any, right: Any) -> None:
        self.persons.append((upns, dict(columns), right))


def whole(data: bytes, rules: Rules) -> tuple[Classified | ContentRefused, Told]:
    told = Told()
    found = classify(
        BytesIO(data), "x", LIMITS, rules, on_pupils=told.some_pupils, on_persons=told.some_persons
    )
    return found, told


def ahead(data: bytes, rules: Rules, size: int = 10_000) -> tuple[Classified | None, Told]:
    told = Told()
    with arriving(cut(data, size)) as growing:
        found = classify_ahead(
            cast(BinaryIO, growing), "x", LIMITS, rules,
            on_pupils=told.some_pupils, on_persons=told.some_persons, clock=growing.clock,
        )  # fmt: skip
    return found, told


def same(data: bytes, rules: Rules, size: int = 10_000) -> bool:
    """Whether it could be told ahead; then it is the same, in all that is told."""
    found, told = ahead(data, rules, size)
    if found is None:
        return False
    expected, all_told = whole(data, rules)
    assert found == expected
    assert (told.pupils, told.persons) == (all_told.pupils, all_told.persons)
    return True


@pytest.mark.parametrize("name", AS_THEY_BEGIN)
def test_what_is_as_its_start_suggests_is_told_ahead(rules: Rules, name: str) -> None:
    data = AS_THEY_BEGIN[name]()
    assert len(data) > 4 * CHUNK
    assert same(data, rules)


@pytest.mark.parametrize("name", OTHERWISE)
def test_what_the_rest_proves_wrong_is_not_told_ahead(rules: Rules, name: str) -> None:
    assert not same(OTHERWISE[name](), rules)


@pytest.mark.parametrize("name", files("formats"))
def test_every_format_is_told_the_same_or_not_at_all(rules: Rules, name: str) -> None:
    same(files("formats")[name](), rules)


@given(
    st.integers(1, 400_000), st.integers(0, 300_000), st.sampled_from([b"\xe9", b"\0", b'"', b"\n\n", b"="])
)
@settings(max_examples=25, deadline=None)
def test_nor_does_it_matter_how_it_arrives_or_what_stands_where(
    rules: Rules, size: int, place: int, odd: bytes
) -> None:
    data = table()
    same(data[:place] + odd + data[place:], rules, max(size, 500))


def test_waiting_does_not_count_as_reading(rules: Rules) -> None:
    data = table()
    with arriving(cut(data, CHUNK)) as growing:
        growing.wait()
        assert growing.read() == data
        assert growing.seek(0) == 0
        assert growing.read(5) == data[:5]
        assert growing.read(0) == b""


def test_where_the_word_does_not_come_it_ends(rules: Rules) -> None:
    for said in (b"", b"other"):
        with arriving([table()], said) as growing, pytest.raises(SystemExit):
            classify_ahead(cast(BinaryIO, growing), "x", LIMITS, rules)
