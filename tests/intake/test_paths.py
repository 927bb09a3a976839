"""No string of a client ever means a place outside the tree."""

from __future__ import annotations

import stat
import unicodedata
from pathlib import Path

import paramiko
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.intake.paths import (
    FOLDERS,
    IntakePlace,
    canonical,
    checked_name,
    components,
    is_temporary,
    place_of,
)
from gateway.ssh.answers import Declined
from tests.intake.running import Running


def _shown(place: IntakePlace) -> str:
    return "/" + "/".join(part for part in (place.folder, place.name) if part is not None)


PIECES = st.sampled_from(
    [
        "..",
        ".",
        "",
        "in",
        "out",
        "keys",
        "receipts",
        "x",
        "a b",
        "é",
        "e\u0301",
        "\u202e",
        "\\",
        "C:",
        "~",
        "%2e%2e",
    ]
)
PATHS = st.one_of(
    st.binary(max_size=300),
    st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.tuples(st.sampled_from(["", "/", "//"]), st.lists(PIECES, max_size=8)).map(
        lambda parts: (parts[0] + "/".join(parts[1])).encode()
    ),
    st.text(st.characters(), min_size=200, max_size=2000).map(lambda text: text.encode("utf-8", "replace")),
)


@given(PATHS)
def test_a_path_is_declined_or_a_place_in_the_tree(raw: bytes) -> None:
    try:
        place = place_of(raw)
    except Declined:
        return
    assert place.folder is None or place.folder in FOLDERS
    if place.name is not None:
        assert place.folder is not None
        assert not {"", ".", ".."} & set(place.name.split("/"))
        assert not set(place.name) & {"\0", "\n", "\r", "\x1b"}
        assert unicodedata.is_normalized("NFC", place.name)


@given(PATHS)
def test_the_canonical_path_is_canonical_and_means_the_same(raw: bytes) -> None:
    try:
        path = canonical(raw)
    except Declined:
        return
    assert path.startswith(b"/")
    assert canonical(path) == path
    assert components(path) == components(raw)
    assert not {b"..", b"."} & set(path.split(b"/"))


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (b"", "/"),
        (b"in", "/in"),
        (b"/x.gpg", "/in/x.gpg"),
        (b"in/../../x.gpg", "/in/x.gpg"),
        (b"/in/.", "/in"),
        (b"/out/../in/x/", "/in/x"),
        (b"/keys/gateway.asc", "/keys/gateway.asc"),
        ("/in/e\u0301".encode(), "/in/\u00e9"),
        (b"/etc", "/in/etc"),
        (b"/etc/passwd", "/in/etc/passwd"),
        (b"/in/a/../b//c", "/in/b/c"),
        (b"/out/a/b", "/out/a/b"),
        (b"/" + b"a/" * 16, "/in/" + "/".join(16 * "a")),
    ],
)
def test_places(raw: bytes, path: str) -> None:
    assert _shown(place_of(raw)) == path


@pytest.mark.parametrize(
    "raw",
    [b"/in/" + b"a/" * 16, b"/" + b"a/" * 17, b"/in/\xff", b"/in/a\0", b"/in/a\x1b[2J", b"/in/\xed\xa0\x80"],
)
def test_no_places(raw: bytes) -> None:
    with pytest.raises(Declined):
        place_of(raw)


@pytest.mark.parametrize(
    "name",
    [
        "x.filepart",
        "X.FILEPART",
        "x.part",
        "x.tmp",
        "x.partial",
        ".x",
        ".in.x.",
        "x.a1b2c3d4.partial",
        "a/.x",
        "a/x.part",
    ],
)
def test_temporary_names(name: str) -> None:
    assert is_temporary(name)


@pytest.mark.parametrize(
    ("path", "above"),
    [
        (b"/", "/"),
        (b"/in", "/"),
        (b"/in/a", "/in"),
        (b"/in/a/b", "/in/a"),
        (b"/in/a/b/c", "/in/a/b"),
    ],
)
def test_what_a_place_is_in(path: bytes, above: str) -> None:
    assert _shown(place_of(path).above) == above


@pytest.mark.parametrize(
    "name", ["x", "part", "x.gpg", "x.partition", "filepart.gpg", "x.part.gpg", ".git/x", "x.part/y"]
)
def test_final_names(name: str) -> None:
    assert not is_temporary(name)


def test_the_length_of_a_name_counts_bytes() -> None:
    assert checked_name("é" * 120, 240) == "é" * 120
    with pytest.raises(Declined):
        checked_name("é" * 121, 240)


def _everything_under(root: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path): (status.st_size, status.st_mtime_ns)
        for path in root.rglob("*")
        if not stat.S_ISDIR((status := path.lstat()).st_mode)
    }


def test_whatever_paths_a_client_uses_only_the_spool_changes(intake: Running, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("do not touch")
    with intake.paramiko() as client:
        before = _everything_under(tmp_path)

        @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
        @given(PATHS, st.sampled_from(["open", "write", "remove", "rename", "list", "mkdir", "symlink"]))
        def attack(raw: bytes, action: str) -> None:
            said = ""
            try:
                _do(client, action, raw)
            except OSError as error:
                said = str(error)
            assert str(outside) not in said
            assert str(intake.home.root) not in said

        attack()
    changed = {path for path, state in _everything_under(tmp_path).items() if before.get(path) != state} | (
        before.keys() - _everything_under(tmp_path).keys()
    )
    assert all(path.startswith(str(intake.home.spool.root)) for path in changed)


def _do(client: paramiko.SFTPClient, action: str, raw: bytes) -> None:
    if action == "open":
        client.open(raw).read(10)
    elif action == "write":
        client.open(raw, "wb").close()
    elif action == "remove":
        client.remove(raw)
    elif action == "rename":
        client.rename(raw, raw + b"x")
    elif action == "list":
        client.listdir(raw)
    elif action == "mkdir":
        client.mkdir(raw)
    else:
        client.symlink(b"/etc/passwd", raw)
