"""Follow the log: publish in this home the changes recorded by commands and other hosts.

Of several hosts each keeps in published/ the number of the next log entry to read. After a new entry about
keys, providers, policies or files, the dependent parts of published/ are made again from the registry.
Receipts are published elsewhere, in the order of their own numbers.
"""

import json
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress

from sqlmodel import col, select

from gateway.errors import as_fault
from gateway.home import Published
from gateway.keys import rotation
from gateway.publish import projection
from gateway.publish.everything import publish_all, take_back_copies
from gateway.publish.penalties import lift
from gateway.publish.projection import publish_access, published_is_written, replace_published
from gateway.record.registrar import Registrar
from gateway.registry import log
from gateway.registry.tables import EventRow
from gateway.store.of_home import shared_store

_CURSOR = ".followed"
_PAGE = 2_000
_OF_FILES = "landed decided delivered collected dealt-with released refused recorded opened noted assigned"
_WITHOUT_EFFECT = frozenset(
    {*_OF_FILES.split(), "notice-read", "pupils-asked", "discrepancy-opened", "discrepancy-resolved"}
)
"""Kinds of frequent entries that change nothing in published/ but receipts."""
_TAKE_BACK = frozenset({"withdrawn", "deleted", "pupil-marked"})
_RENUMBERED = "provider-changed"
_OF_ACCESS = ("provider-", "key-")
"""Beginnings of kinds of entries that may change access: not every writer of them writes published/."""
_LIFTED = "penalty-lifted"
_GIVEN_OUT = frozenset({"receipts", "notices", "declarations"})


class Follow:
    """Reads each new entry of the log once, for one home, and publishes the effects."""

    def __init__(self, registrar: Registrar) -> None:
        self._shares = registrar.settings.host.shares
        self._read_to: int | None = None
        if self._shares:
            with suppress(FileNotFoundError, ValueError):
                self._read_to = int((registrar.home.published.root / _CURSOR).read_text("ascii"))
        else:  # Alone, only take-backs and access follow: published/ is made anew at the start.
            with registrar.registry.read() as session:
                self._read_to = log.size(session)

    def tend(self, registrar: Registrar) -> None:
        """Publish in this home the effects of new log entries.
        Raises Fault where published/ cannot be written: the next call reads the same entries.
        """
        while True:
            with registrar.registry.read() as session:
                size = log.size(session)
                # The next entries that may have an effect in published/.
                query = (
                    select(EventRow)
                    .where(EventRow.number >= (self._read_to or 0), ~col(EventRow.kind).in_(_WITHOUT_EFFECT))
                    .order_by(col(EventRow.number))
                    .limit(_PAGE)
                )
                news = session.exec(query).all()
            if self._read_to is None or size < self._read_to:
                if self._read_to is not None:  # The registry is back at an earlier moment.
                    projection.publish_receipts(registrar.registry, registrar.home.published, redo=True)
                self._show_all(registrar)
                self._note(registrar.home.published, size)
                continue
            if not news:
                break
            self._follow(registrar, news)
            self._note(registrar.home.published, news[-1].number + 1)
        self._read_to = size

    def _note(self, published: Published, read_to: int) -> None:
        if self._shares:
            with published_is_written():
                replace_published(published.root / _CURSOR, str(read_to))
        self._read_to = read_to

    def _follow(self, registrar: Registrar, news: Sequence[EventRow]) -> None:
        kinds: set[str] = {one.kind for one in news}
        for one in news:
            if one.kind == _LIFTED and one.note:
                lift(registrar.home, one.note, one.at)
        if self._shares and kinds - _TAKE_BACK - {_LIFTED}:
            self._show_all(registrar)
        elif kinds & {*_TAKE_BACK, _RENUMBERED}:
            take_back_copies(registrar.home, registrar.registry)
        if not self._shares:
            if any(kind.startswith(_OF_ACCESS) for kind in kinds):
                with published_is_written():
                    publish_access(registrar.registry, registrar.home.published, registrar.clock())
            return
        kept = shared_store(registrar.home, registrar.settings)
        with as_fault("what was taken back cannot be removed"):
            for one in news:
                if one.kind == "withdrawn" and kept is not None:
                    kept.remove_copies(one.subject)
            gone = {
                one.subject
                for one in news
                if one.kind == "deleted" and json.loads(one.leaf)["fields"]["what"] in _GIVEN_OUT
            }
            if gone:
                _remove(registrar.home.published, gone)

    def _show_all(self, registrar: Registrar) -> None:
        with published_is_written():
            rotation.finish(registrar.home, registrar.registry)
            publish_all(registrar.home, registrar.clock())


def _remove(published: Published, references: AbstractSet[str]) -> None:
    """Remove from every provider's /receipts the files about deleted uploads, notices or declarations.
    All providers' folders are searched, because a trust's receipt is also in the folder of each school of
    the trust, and the registry may no longer say of which schools.
    """
    for path in (published.root / "providers").glob("*/receipts/*"):
        if not references.isdisjoint(path.name.split(".")[1:-1]):
            path.unlink(missing_ok=True)
