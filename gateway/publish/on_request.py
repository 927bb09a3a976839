"""Among several hosts, each brings out the receipts of those providers who look for them at its own door.

A provider who lists or opens receipts leaves a mark in the spool. The folder of receipts appears whole, is
kept up to date as that of a host alone, and goes a day after the provider last looked.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from sqlalchemy import text
from sqlmodel import Session, col, or_, select

from gateway.errors import GatewayError
from gateway.home import Home, Published, checked_provider
from gateway.publish.events import add_events
from gateway.publish.projection import (
    MARKS,
    pages_after,
    published_is_written,
    put_published,
    receipt_files,
    receipt_folders,
    taken_back_up_to,
)
from gateway.registry.database import Registry
from gateway.registry.tables import ReceiptRow

KEPT_SECONDS = 86_400
_MARK, _MOST = ".asked", 5_000  # Files, so that the hour's work stays short.
# Spelled as in the index of these: a bound parameter would miss the index.
_NAMES_SCHOOLS = text("""receipt.json_text LIKE '%"schools":%'""")


def choose(published: Published, *, on_request: bool) -> None:
    """Bring receipts out on request from now on, or all of them. Raises Fault where that cannot be noted."""
    with published_is_written():
        if on_request:
            published.on_request.touch()
        elif published.on_request.exists():
            for folder in _folders(published):
                shutil.rmtree(folder)
            for mark in MARKS:
                (published.root / mark).unlink(missing_ok=True)
            published.on_request.unlink()


class OnRequest:
    """The providers whose receipts are brought out at one host."""

    def __init__(self, home: Home) -> None:
        self._home, self._looked_at = home, -1

    def tend(self, registry: Registry) -> None:
        """Bring out the receipts of providers who asked since the last call. Raises Fault as for receipts."""
        with published_is_written():
            try:
                newest = self._home.spool.asked.stat().st_mtime_ns
            except FileNotFoundError:
                return
            if newest == self._looked_at:
                return
            for provider in _asked(self._home):
                if not _folder(self._home.published, provider).is_dir():
                    _bring_out(registry, self._home.published, provider)
            self._looked_at = newest


def let_go(home: Home) -> None:
    """Remove the receipts of providers who have not looked for a day, some now and the rest at the next call.

    Raises Fault where removing fails.
    """
    wanted, removed = _asked(home), 0
    with published_is_written():
        for folder in _folders(home.published):
            if folder.parent.name not in wanted and removed < _MOST:
                removed += sum(1 for _ in folder.iterdir())
                shutil.rmtree(_aside(folder), ignore_errors=True)
                folder.rename(_aside(folder))  # At once: who looks now has all of them brought out anew.
                shutil.rmtree(_aside(folder))


def _asked(home: Home) -> set[str]:
    """Return the enrolled providers who looked within a day; any other name may lie in intake's spool."""
    found, since = set(), time.time() - KEPT_SECONDS
    for mark in home.spool.asked.glob(f"*{_MARK}"):
        try:
            provider = checked_provider(mark.name.removesuffix(_MARK))
            if mark.lstat().st_mtime > since and home.published.provider(provider).is_dir():
                found.add(provider)
        except (GatewayError, ValueError, FileNotFoundError):
            continue
    return found


def _folders(published: Published) -> list[Path]:
    return list((published.root / "providers").glob("*/receipts"))


def _folder(published: Published, provider: str) -> Path:
    return published.provider(provider) / "receipts"


def _aside(folder: Path) -> Path:
    return folder.with_name(".receipts")


def _bring_out(registry: Registry, published: Published, provider: str) -> None:
    folder = _folder(published, provider)
    aside = _aside(folder)
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    with registry.read() as session:
        last = _fill(aside, session, published, provider, 0)
    aside.rename(folder)
    # Whoever published meanwhile found no folder, and left these receipts out.
    with registry.read() as session:
        _fill(folder, session, published, provider, last)


def _fill(there: Path, session: Session, published: Published, provider: str, last: int) -> int:
    """Write a provider's receipts and events after a number, as a host alone does; return the last number."""
    folder, gone = _folder(published, provider), taken_back_up_to(published)
    query = select(ReceiptRow).where(or_(ReceiptRow.provider == provider, _NAMES_SCHOOLS))
    for page in pages_after(session, last, query):
        query_kept = select(ReceiptRow.reference).where(
            col(ReceiptRow.reference).in_({one.reference for one in page}), col(ReceiptRow.sequence) > gone
        )
        kept = set(session.exec(query_kept))
        for one in page:
            out = one.reference in kept or not one.json_text
            if out and folder in receipt_folders(published, one):
                for name, content in receipt_files(one).items():
                    put_published(there / name, content)
        add_events(there, [one for one in page if one.provider == provider])
        last = page[-1].sequence or last
    return last
