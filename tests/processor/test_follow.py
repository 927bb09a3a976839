"""What is recorded by somebody who does not reach published/ is brought out by the processor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.processor.service import open_processor
from gateway.registry import log, providers
from gateway.registry.log import Entry
from tests.workshop import Desk


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
        with desk.registry.write() as session:
            providers.set_suspended(session, "oak", suspended=True)
            entry = Entry(
                kind="provider-suspended", subject="oak", fields={}, actor="ann", note="it asked for it"
            )
            log.append(session, [entry], desk.now)
        assert processor.drain() == 0
    assert not shown.exists() or not shown.read_text()
