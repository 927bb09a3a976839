"""What was recorded by others is brought into this home's published/, by a cursor over the log.

Receipts have a cursor of their own. What commands and other hosts do to keys, providers, policies and files
stands in the log: where something of that is new, what follows from it is made again from the registry.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from sqlmodel import Session, col, select

from gateway.errors import Fault
from gateway.home import Published, provider_of
from gateway.keys import rotation
from gateway.publish.everything import publish_all
from gateway.publish.projection import publish_access, replace_published
from gateway.publish.provider_copies import take_back_copies
from gateway.record.registrar import Registrar
from gateway.registry import log
from gateway.registry.tables import EventRow
from gateway.store.of_home import copies_of

_CURSOR = ".followed"
_PAGE = 2_000
# What these change outside follows from their receipts, or nothing does.
_OF_FILES = frozenset(
    {"landed", "decided", "delivered", "collected", "dealt-with", "released", "refused", "recorded", "opened"}
)
_TAKE_BACK = frozenset({"withdrawn", "deleted"})
_OF_ACCESS = ("provider-", "key-")
"""How kinds of entries begin that may change who gets in: whoever writes them may not reach published/."""
_GIVEN_OUT = frozenset({"receipts", "notices", "declarations"})


class _New(NamedTuple):
    """An entry of the log that others wrote."""

    number: int
    kind: str
    subject: str
    leaf: bytes


class Follow:
    """Follows the log of one registry for one home, from where it was when it last did."""

    def __init__(self, registrar: Registrar) -> None:
        self._shares = registrar.settings.host.shares
        self._read_to: int | None
        if self._shares:
            self._read_to = _read_to(registrar.home.published)
        else:  # Of what others change, nothing else follows here: all of published/ is made at the start.
            with registrar.registry.read() as session:
                self._read_to = log.size(session)

    def tend(self, registrar: Registrar) -> None:
        """Do what follows from new entries. Fault where published/ cannot be written; it is tried again."""
        if self._read_to is None:
            with registrar.registry.read() as session:
                size = log.size(session)
            self._show_all(registrar)
            self._note(registrar.home.published, size)
        while True:
            with registrar.registry.read() as session:
                size = log.size(session)
                news = _news(session, self._read_to or 0)
            if not news:
                break
            self._follow(registrar, news)
            self._note(registrar.home.published, news[-1].number + 1)
        self._read_to = max(size, self._read_to or 0)

    def _note(self, published: Published, read_to: int) -> None:
        if self._shares:
            with _published_is_written():
                replace_published(published.root / _CURSOR, str(read_to))
        self._read_to = read_to

    def _follow(self, registrar: Registrar, news: Collection[_New]) -> None:
        kinds = {one.kind for one in news}
        if self._shares and kinds - _TAKE_BACK:
            self._show_all(registrar)
        elif kinds & _TAKE_BACK:
            take_back_copies(registrar.home, registrar.registry)
        if not self._shares:
            if any(kind.startswith(_OF_ACCESS) for kind in kinds):
                _show_access(registrar)
            return
        kept = copies_of(registrar.home, registrar.settings)
        try:
            for one in news:
                if one.kind == "withdrawn" and kept is not None:
                    kept.remove(one.subject)
                if one.kind == "deleted" and json.loads(one.leaf)["fields"]["what"] in _GIVEN_OUT:
                    _remove(registrar.home.published, one.subject)
        except OSError as error:
            raise Fault(f"what was taken back cannot be removed: {os.strerror(error.errno or 0)}") from None

    def _show_all(self, registrar: Registrar) -> None:
        with _published_is_written():
            rotation.finish(registrar.home, registrar.registry)
            publish_all(registrar.home, registrar.clock())


def _show_access(registrar: Registrar) -> None:
    with _published_is_written():
        publish_access(registrar.registry, registrar.home.published, registrar.clock())


@contextmanager
def _published_is_written() -> Iterator[None]:
    """Fault where it cannot be."""
    try:
        yield
    except OSError as error:
        raise Fault(f"published/ cannot be written: {os.strerror(error.errno or 0)}") from None


def _news(session: Session, first: int) -> list[_New]:
    """The next entries, from number `first` on, from which something may follow outside."""
    query = (
        select(EventRow.number, EventRow.kind, EventRow.subject, EventRow.leaf)
        .where(EventRow.number >= first, col(EventRow.kind).not_in(_OF_FILES))
        .order_by(col(EventRow.number))
        .limit(_PAGE)
    )
    return [_New(*row) for row in session.exec(query)]


def _remove(published: Published, reference: str) -> None:
    """Remove what was given out of a file, a notice or a declaration that was deleted."""
    folder = published.provider(provider_of(reference)) / "receipts"
    for path in folder.glob(f"*.{reference}.*"):
        path.unlink(missing_ok=True)


def _read_to(published: Published) -> int | None:
    try:
        return int((published.root / _CURSOR).read_text("ascii"))
    except (FileNotFoundError, ValueError):
        return None
