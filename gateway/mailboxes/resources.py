"""Resources shared by all sessions of the mailboxes, opened together and closed in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime

from gateway.examiner.parent import Examiners
from gateway.examiner.pupil_index import counting_seed
from gateway.home import Home
from gateway.home.settings import load_limits, load_settings
from gateway.mailboxes.contents import Contents, FileOrder, Given
from gateway.mailboxes.fetching import fetched, in_force
from gateway.mailboxes.mailbox_access import MailboxAccess
from gateway.mailboxes.showing import Showing
from gateway.mailboxes.tree import SharedResources
from gateway.registry import log
from gateway.registry.database import Registry
from gateway.secrets import secret_files

_READERS = 8
_WRITERS = 4


@contextmanager
def open_resources(home: Home, clock: Callable[[], datetime]) -> Iterator[SharedResources]:
    """Open the resources that all sessions share, and close them in order. ConfigurationError."""
    settings, limits = load_settings(home), load_limits(home)
    log_key = secret_files.CurrentLogKey(home)
    registry = Registry(settings.database_url(home))
    registry.check_version()
    with registry.read() as session:
        log.check_is_ours(session, log_key.vkey(settings.log_origin))
    catalogue = in_force(home, registry)
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
