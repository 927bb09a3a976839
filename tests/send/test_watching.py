"""A watched folder: what is put there ends where it belongs, its receipt beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.send.watching import Stillness
from tests.content import core_data
from tests.send.office import Office, with_another_column
from tests.site import Site


@pytest.fixture(scope="module")
def oak(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    site = Site(tmp_path_factory.mktemp("site"))
    with site.running() as services:
        yield Office(site, "oak", services.intake, site.root / "oak")


def test_each_file_ends_where_it_belongs(oak: Office) -> None:
    folder = oak.root / "out"
    folder.mkdir()
    (folder / "core.xml").write_bytes(core_data(seed=11))
    (folder / "the same.xml").write_bytes(core_data(seed=11))
    (folder / "shoes.csv").write_bytes(with_another_column(12))
    (folder / "empty.csv").touch()
    (folder / ".hidden").write_text("x")
    oak.done("watch", str(folder), "--once", "--still", "0")
    sent = {path.name for path in (folder / "sent").iterdir()}
    assert {"core.xml", "the same.xml"} <= sent
    (one,) = oak.transfers()
    assert {f"core.xml.{one['reference']}.{form}" for form in ("txt", "json")} <= sent
    assert (folder / "sent" / f"the same.xml.{one['reference']}.json").exists()
    refused = {path.name for path in (folder / "refused").iterdir()}
    assert refused == {"shoes.csv", "shoes.csv.why.txt", "empty.csv", "empty.csv.why.txt"}
    assert "NOT sent" in (folder / "refused" / "shoes.csv.why.txt").read_text()
    assert [path.name for path in folder.iterdir() if path.is_file()] == [".hidden"]


def test_what_was_held_moves_on_when_it_is_decided(oak: Office) -> None:
    folder = oak.root / "letters"
    folder.mkdir()
    (folder / "letter.txt").write_text("Dear all, no data here.\n")
    watch = ("watch", str(folder), "--once", "--still", "0", "--anyway", "--why", "a trial")
    oak.done(*watch)
    assert (folder / "held" / "letter.txt").exists()
    (held,) = [one for one in oak.transfers() if one["state"] == "held"]
    oak.site.gateway("held", "refuse", held["reference"], "--why", "no data")
    (folder / "other.txt").write_text("Dear all, none here either.\n")
    oak.done(*watch)
    assert (folder / "refused" / "letter.txt").exists()
    assert "REFUSED" in (folder / "refused" / f"letter.txt.{held['reference']}.txt").read_text()


def test_a_file_that_is_still_being_written_is_not_taken(tmp_path: Path) -> None:
    seconds = [0.0]
    stillness = Stillness(5, lambda: seconds[0])
    file = tmp_path / "growing.csv"
    file.write_text("a")
    assert stillness.still([file]) == []
    seconds[0] = 4
    file.write_text("ab")
    assert stillness.still([file]) == []
    seconds[0] = 8
    assert stillness.still([file]) == []
    seconds[0] = 9
    assert stillness.still([file]) == [file]
