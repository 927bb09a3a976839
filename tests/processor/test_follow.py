"""What is recorded by somebody who does not reach published/ is brought out by the processor."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.errors import Fault
from gateway.home.settings import HostSettings
from gateway.homes.backup import copy_registry
from gateway.processor.rounds import Follow
from gateway.processor.service import open_processor
from gateway.publish import projection
from gateway.registry import log, providers
from gateway.registry.log import Entry
from tests.workshop import ON_POSTGRESQL, Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with closing(Desk(tmp_path)) as found:
        yield found


def test_who_is_suspended_gets_in_no_more(desk: Desk) -> None:
    desk.provider("oak")
    with open_processor(desk.home, desk.clock, examiners=desk.children.lent) as processor:
        assert processor.drain() == 0
        shown = desk.home.published.provider("oak") / "authorized_keys"
        assert shown.read_text()
        suspend(desk, "oak")
        assert processor.drain() == 0
    assert not shown.exists() or not shown.read_text()


def test_who_was_removed_at_another_host_gets_in_no_more(desk: Desk) -> None:
    desk.provider("oak")
    projection.publish_access(desk.registry, desk.home.published, desk.now)
    shown = desk.home.published.provider("oak") / "authorized_keys"
    assert shown.read_text()
    with desk.registry.write() as session:
        providers.remove(session, "oak")
    projection.publish_access(desk.registry, desk.home.published, desk.now)
    assert shown.read_text() == ""


def test_who_read_before_a_change_shows_nothing_after_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is suspended would get in again, until the processor looks once more."""
    desk.provider("oak")
    published, put_published = desk.home.published, projection.put_published

    def change() -> None:
        suspend(desk, "oak")
        projection.publish_access(desk.registry, published, desk.now)

    changing = threading.Thread(target=change)

    def slowly(path: Path, content: str) -> bool:
        if changing.ident is None:
            changing.start()
            changing.join(2)  # As far as it gets meanwhile.
        return put_published(path, content)

    monkeypatch.setattr(projection, "put_published", slowly)
    projection.publish_access(desk.registry, published, desk.now)
    changing.join(60)
    assert (published.provider("oak") / "authorized_keys").read_text() == ""


def test_a_receipt_that_was_deleted_at_another_host_goes_here_too(desk: Desk) -> None:
    oak = desk.provider("oak")
    gone, stays = (desk.sent(oak, data).upload.reference for data in (b"a", b"b"))
    with desk.registrar() as alone:
        settings = alone.settings.model_copy(update={"host": HostSettings(name="one")})
        registrar = replace(alone, settings=settings)
        follow = Follow(registrar)
        follow.tend(registrar)
        assert len(desk.receipts("oak")) == 2
        with desk.registry.write() as session:
            deleted = Entry(kind="deleted", subject=gone, fields={"what": "receipts"}, actor="two")
            log.append(session, [deleted], desk.now)
        follow.tend(registrar)
    assert {stays} == {path.name.split(".")[-2] for path in desk.receipts("oak")}


@pytest.mark.skipif(ON_POSTGRESQL, reason="it restores the files of SQLite")
@pytest.mark.parametrize("name", [None, "one"])
def test_a_registry_back_at_an_earlier_moment_is_followed_from_there(desk: Desk, name: str | None) -> None:
    """As after a restore of PostgreSQL, or with a standby that lacks the last moments."""
    oak, published, earlier = desk.provider("oak"), desk.home.published, desk.home.root / "earlier.db"
    desk.sent(oak, b"a")
    with desk.registrar() as alone:
        settings = alone.settings.model_copy(update={"host": HostSettings(name=name)})
        registrar = replace(alone, settings=settings)
        follow = Follow(registrar)
        follow.tend(registrar)
        copy_registry(desk.home.registry, earlier)
        for data in (b"b", b"c", b"d", b"e"):
            desk.sent(oak, data)
        follow.tend(registrar)
        receipt = projection.number_in(published.root / projection.UP_TO)
        with closing(sqlite3.connect(earlier)) as source, closing(sqlite3.connect(desk.home.registry)) as now:
            source.backup(now)
        suspend(desk, "oak")
        follow.tend(registrar)
    assert (published.provider("oak") / "authorized_keys").read_text() == ""
    assert projection.number_in(published.root / projection.UP_TO) < receipt


def suspend(desk: Desk, provider: str) -> None:
    with desk.registry.write() as session:
        providers.provider_row(session, provider).suspended = True
        entry = Entry(
            kind="provider-suspended", subject=provider, fields={}, actor="ann", note="it asked for it"
        )
        log.append(session, [entry], desk.now)


def test_a_host_that_cannot_take_over_policies_lets_no_held_file_go_by_those_before(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def gone(_version: int) -> None:
        raise Fault("the policies in force do not come")

    with open_processor(desk.home, desk.clock, examiners=desk.children.lent) as processor:
        settings = processor._registrar.settings.model_copy(update={"host": HostSettings(name="one")})
        processor._registrar = replace(processor._registrar, settings=settings)
        monkeypatch.setattr(processor._rounds, "held", lambda *_, **__: asked.append("held"))
        with processor._working():
            monkeypatch.setattr(processor, "_renew", gone)
            assert processor._round(at_once=True) is not None
            assert not asked
            monkeypatch.setattr(processor, "_renew", lambda _version: None)
            processor._round(at_once=True)
    assert asked == ["held"]
