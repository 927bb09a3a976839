"""Names of a folder as they go over the wire: the same as asyncssh would send them."""

from __future__ import annotations

import asyncio
import stat
import time
from collections.abc import AsyncIterator, Sequence

import asyncssh
import pytest

from gateway.ssh.answers import Listing, Names, _quarter, encoded

_FILE = stat.S_IFREG | 0o440
_NOW = 1_795_000_000.0


class Formatting(asyncssh.SFTPServer):
    def __init__(self) -> None:
        pass

    def format_user(self, uid: int | None) -> str:
        return "gateway"

    format_group = format_user


@pytest.mark.parametrize("zone", ["UTC", "Europe/London", "Asia/Kathmandu"])
@pytest.mark.parametrize("size", [None, 0, 5, 2**33, 10**12])
@pytest.mark.parametrize("name", ["a", "2026-11-28_oak_student-core_261128-oak-7K2MX.csv", "Zoë.txt"])
def test_a_name_is_encoded_as_asyncssh_does(
    zone: str, size: int | None, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    _quarter.cache_clear()  # Of the zone before.
    monkeypatch.setattr("time.time", lambda: _NOW)
    for ago in (-3600, 0, 59, 86_399, 86_400 * 17 + 61, 86_400 * 182, 86_400 * 183, 86_400 * 900):
        modified = int(_NOW) - ago
        attrs = asyncssh.SFTPAttrs(
            size=size, uid=0, gid=0, permissions=_FILE, atime=modified, mtime=modified, nlink=1
        )
        theirs = asyncssh.SFTPName(name.encode(), attrs=attrs)
        Formatting().format_longname(theirs)
        assert encoded(name, _FILE, size, modified, _NOW) == theirs.encode(3)
    monkeypatch.undo()
    time.tzset()
    _quarter.cache_clear()


def test_a_folder_is_given_piece_by_piece_and_let_go_of() -> None:
    ended = []

    async def pages() -> AsyncIterator[Sequence[bytes]]:
        try:
            yield [b"a", b"b", b"c"]
            yield []
            yield [b"d"]
        finally:
            ended.append(True)

    async def read() -> list[tuple[int, bytes]]:
        listing = Listing(pages())
        return [
            (len(names), b"".join(one.encode(3) for one in names))
            for names in [await listing.more(2) for _ in range(5)]
        ]

    assert asyncio.run(read()) == [(2, b"ab"), (1, b"c"), (1, b"d"), (0, b""), (0, b"")]

    async def leave() -> None:
        listing = Listing(pages())
        await listing.more(1)
        await listing.end()

    ended.clear()
    asyncio.run(leave())
    assert ended, "what a listing holds is given back when its client goes"
    assert not Names(())
