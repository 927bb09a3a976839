"""Follow the log: publish in this home the changes recorded by commands and other hosts.

Of several hosts each keeps in published/ the number of the next log entry to read, and the root of the log
before that entry: another root shows that the registry was restored. After a new entry about keys, providers,
policies or files, the dependent parts of published/ are made again from the registry. Receipts are published
elsewhere, in the order of their own numbers.
"""

import json
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress

from sqlmodel import Session, col

from gateway.errors import as_fault
from gateway.home import Published
from gateway.keys import rotation
from gateway.publish.everything import publish_all, take_back_copies
from gateway.publish.on_request import start_again
from gateway.publish.penalties import lift
from gateway.publish.projection import publish_access, published_is_written, replace_published
from gateway.record.registrar import Registrar
from gateway.registry import log
from gateway.registry.tables import EventRow
from gateway.registry.tables.row import rows
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
        self._root = ""
        if self._shares:
            with suppress(FileNotFoundError, ValueError):
                noted = (registrar.home.published.root / _CURSOR).read_text("ascii")
                number, _, self._root = noted.partition(" ")  # An earlier build noted no root.
                self._read_to = int(number)
        else:  # Alone, only take-backs and access follow: published/ is made anew at the start.
            with registrar.registry.read() as session:
                self._read_to = log.size(session)

    def tend(self, registrar: Registrar) -> bool:
        """Publish in this home the effects of new log entries; return True if the registry was restored.
        Raises Fault where published/ cannot be written: the next call reads the same entries.
        """
        was_restored = False
        while True:
            with registrar.registry.read() as session:
                size = log.size(session)
                # The next entries that may have an effect in published/.
                telling = EventRow.number >= (self._read_to or 0), ~col(EventRow.kind).in_(_WITHOUT_EFFECT)
                news = rows(session, EventRow, "number", where=telling, limit=_PAGE)
                is_restored = self._is_restored(session, size)
                starts = is_restored or self._read_to is None
                read_to = news[-1].number + 1 if news and not starts else size
                root = log.root(session, read_to).hex() if self._shares else ""
            if is_restored:
                was_restored = True
                start_again(registrar.home, registrar.registry)
            if starts:
                self._show_all(registrar)
            elif news:
                self._follow(registrar, news)
            if self._shares and (starts or news):
                with published_is_written():
                    replace_published(registrar.home.published.root / _CURSOR, f"{read_to} {root}")
            self._read_to, self._root = read_to, root
            if not (starts or news):
                return was_restored

    def _is_restored(self, session: Session, size: int) -> bool:
        """Return True if the log lacks entries read before: the registry is back at an earlier moment."""
        if self._read_to is None or size < self._read_to:
            return self._read_to is not None
        return bool(self._root) and log.root(session, self._read_to).hex() != self._root

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
