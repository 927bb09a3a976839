"""A reference is reserved before it is given: two uploads that share one would be one."""

from __future__ import annotations

import itertools
import secrets
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.errors import GatewayError
from gateway.home import Spool
from gateway.zones.spool import reserve_reference, take_over


def test_a_reference_that_is_drawn_again_is_not_given_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a draw of eight references only, until each is taken."""
    draws = itertools.cycle([0, 0, 1, 1, 0, 2, 3, 4, 0, 5, 6, 7])
    monkeypatch.setattr(secrets, "token_bytes", lambda _: bytes([next(draws)] * 5))
    spool = Spool(tmp_path)
    spool.landed.mkdir()
    given = [reserve_reference(spool, "oak", datetime.now(UTC)) for _ in range(8)]
    assert len(set(given)) == 8


def test_nor_is_one_whose_record_alone_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draws = iter([0, 1])
    monkeypatch.setattr(secrets, "token_bytes", lambda _: bytes([next(draws)] * 5))
    spool = Spool(tmp_path)
    spool.landed.mkdir()
    now = datetime.now(UTC)
    (spool.landed / f"{now:%y%m%d}-oak-00000.json").symlink_to("nowhere")
    assert reserve_reference(spool, "oak", now) == f"{now:%y%m%d}-oak-11111"


def test_an_upload_of_a_dead_host_takes_the_place_of_no_other(tmp_path: Path) -> None:
    dead, ours, name = Spool(tmp_path / "dead"), Spool(tmp_path / "ours"), "261124-oak-00000.landed"
    for spool, content in ((dead, b"of the dead host"), (ours, b"of this one")):
        spool.landed.mkdir(parents=True)
        (spool.landed / name).write_bytes(content)
    with pytest.raises(GatewayError, match="another upload waits"):
        take_over(dead.root, ours)
    assert [path.read_bytes() for path in ours.landed.iterdir()] == [b"of this one"]
    (ours.landed / name).write_bytes(b"of the dead host")  # As after an attempt that was interrupted.
    assert take_over(dead.root, ours) == 1
    assert [*dead.landed.iterdir()] == []
