"""Signed checkpoints of the log: publish, keep, send to witnesses.

published/log/checkpoint is the newest signed head. The last head of each hour, and every head cosigned by a
witness, is kept beside the newest as published/log/SIZE. All can be made again from the registry.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import datetime

from gateway.home import Published
from gateway.processor.witness import witnesses
from gateway.publish.projection import number_in, published_is_written, replace_published
from gateway.record.registrar import Registrar
from gateway.registry import log
from gateway.registry.log import SignedHead

HEADS_MARK = ".heads"


class Checkpoints:
    """Keep the checkpoints of one home; call `tend` repeatedly."""

    def __init__(self, registrar: Registrar) -> None:
        published = registrar.home.published
        self._witnesses = witnesses(registrar.settings.log, published.root, time.monotonic)
        self._hour: datetime | None = None

    def tend(self, registrar: Registrar, *, leads: bool = True) -> None:
        """Publish the heads due to be kept; where this host `leads`, sign a new head and tell witnesses.

        Raises Fault where published/ cannot be written.
        """
        now = registrar.clock()
        if self._hour != hour_of(now):
            if leads:
                # Sign a new head where the log has entries besides the entry of the newest head itself.
                with registrar.registry.read() as session:
                    newest = log.newest_head(session)
                    is_told = newest is None or log.is_told(session, newest)
                if not is_told:
                    with registrar.registry.write() as session:
                        registrar.sign_head(session, now)
            keep_checkpoints(registrar, now)
            self._hour = hour_of(now)
        if leads:
            self._tell(registrar.home.published)

    def close(self) -> None:
        """Stop every message to a witness under way."""
        for witness in self._witnesses:
            witness.close()

    def _tell(self, published: Published) -> None:
        size = number_in(published.root / HEADS_MARK)
        path = published.log / str(size)
        if not self._witnesses or not path.exists():
            return
        with published_is_written():
            for witness in self._witnesses:
                witness.tell(size, path.read_text("utf-8"))


def hour_of(moment: datetime) -> datetime:
    """Return the start of the hour of `moment`."""
    return moment.replace(minute=0, second=0, microsecond=0)


def to_keep(heads: Sequence[SignedHead], now: datetime) -> Iterator[SignedHead]:
    """Yield the heads to keep: the last of each finished hour and the cosigned ones.

    `heads` ascend by size.
    """
    next_at = [*(head.at for head in heads[1:]), now]
    for head, following in zip(heads, next_at, strict=False):  # A quiet hour has none.
        if head.cosigned or hour_of(head.at) != hour_of(following):
            yield head


def keep_checkpoints(registrar: Registrar, now: datetime) -> None:
    """Publish kept heads not yet in published/. Raises Fault where published/ cannot be written."""
    published = registrar.home.published
    with registrar.registry.read() as session:
        heads = log.heads_after(session, number_in(published.root / HEADS_MARK))
    with published_is_written():
        published.log.mkdir(parents=True, exist_ok=True)
        for head in to_keep(heads, now):
            replace_published(published.log / str(head.size), head.text)
            replace_published(published.root / HEADS_MARK, str(head.size))


def keep_cosigned(published: Published, head: SignedHead) -> None:
    """Publish a head just cosigned by a witness. Raises Fault where published/ cannot be written."""
    with published_is_written():
        replace_published(published.log / str(head.size), head.text)
