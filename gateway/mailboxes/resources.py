"""Resources shared by all sessions of the mailboxes, and files opened by isolated processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from gateway.examiner.parent import Examiner, Examiners
from gateway.examiner.protocol import Reopen
from gateway.examiner.pupil_index import counting_seed
from gateway.home import Home
from gateway.home.settings import load_limits, load_settings
from gateway.mailboxes.contents import Contents, FileOrder, Given
from gateway.mailboxes.mailbox_access import MailboxAccess
from gateway.mailboxes.showing import Showing
from gateway.mailboxes.tree import SharedResources
from gateway.model import Basis
from gateway.policy.catalogue import Catalogue, load_catalogue
from gateway.record.policies_in_force import check_on_record
from gateway.registry import log
from gateway.registry.database import Registry
from gateway.secrets import secret_files
from gateway.ssh.answers import Declined, denied

_READERS = 8
_WRITERS = 4
_NOT_WITHOUT = denied(
    "This file holds a record that few people may see and that cannot be left out of it; ask data protection."
)


@contextmanager
def open_resources(home: Home, clock: Callable[[], datetime]) -> Iterator[SharedResources]:
    """Yield the resources shared by all sessions, closed at the end. ConfigurationError if impossible."""
    settings, limits = load_settings(home), load_limits(home)
    log_key = secret_files.CurrentLogKey(home)
    registry = Registry(settings.database_url(home))
    registry.check_version()
    with registry.read() as session:
        log.check_is_ours(session, log_key.vkey(settings.log_origin))
    catalogue = _in_force(home, registry)
    catalogue()  # Refuse to start with none that can be read.
    examiners = Examiners(home)
    readers = ThreadPoolExecutor(_READERS, "read")
    writers = ThreadPoolExecutor(_WRITERS, "write")
    openers = ThreadPoolExecutor(limits.mailboxes.openers, "open")

    def fetch(order: FileOrder) -> Given:
        return fetched(examiners.mine(), order)

    showing = Showing(catalogue, lambda sha256: counting_seed(home, sha256))
    try:
        yield SharedResources(
            mailboxes=MailboxAccess(registry, showing, log_key, settings.log_origin, clock),
            contents=Contents(fetch, limits.mailboxes, openers),
            readers=readers,
            writers=writers,
            limits=limits.mailboxes,
        )
    finally:
        for threads in (readers, writers, openers):
            threads.shutdown(wait=False, cancel_futures=True)
        examiners.close()
        registry.close()


def fetched(examiner: Examiner, order: FileOrder) -> Given:
    """Return the ordered content in anonymous memory, for the caller to close. Fault if it cannot be made.

    Declined if the records to be left out cannot be distinguished from the others.
    """
    delivery = order.delivery
    request = Reopen(reference=delivery.reference, sha256=delivery.content_sha256)
    if order.basis is None:
        descriptor, size = examiner.reopen(request)
        return Given(descriptor, size, delivery.content_sha256)
    if isinstance(order.basis, Basis):
        found = examiner.view_apart(request, order.basis, order.apart)
        if found is None:
            raise Declined(_NOT_WITHOUT)
        descriptor, view = found
    else:
        descriptor, view = examiner.view(request, order.basis)
    if view.whole:
        return Given(descriptor, delivery.content_size, delivery.content_sha256)
    return Given(descriptor, view.size, view.sha256, view.left_out)


def _in_force(home: Home, registry: Registry) -> Callable[[], Catalogue]:
    """Return a function that gives the policies in force in `home`, read again after each change.

    ConfigurationError if they differ from those on record.
    """

    @lru_cache(maxsize=1)
    def read(folder: Path) -> Catalogue:
        with registry.read() as session:
            check_on_record(session, home)
        return load_catalogue(folder)

    return lambda: read(home.policies_in_force)
