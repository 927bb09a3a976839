"""Have isolated child processes open a delivery, or make a team's view."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from gateway.examiner.parent import Examiner
from gateway.examiner.protocol import Reopen
from gateway.home import Home
from gateway.mailboxes.contents import FileOrder, Given
from gateway.model import Basis
from gateway.policy.catalogue import Catalogue, load_catalogue
from gateway.record.policies_in_force import check_on_record
from gateway.registry.database import Registry
from gateway.ssh.answers import Declined, denied

NOT_WITHOUT = denied(
    "This file holds a record that few people may see and that cannot be left out of it; ask data protection."
)


def fetched(examiner: Examiner, order: FileOrder) -> Given:
    """Open an ordered content in anonymous memory, for the caller to close. Fault if impossible.

    Declined if the records to be left out cannot be told from the others.
    """
    delivery = order.delivery
    request = Reopen(reference=delivery.reference, sha256=delivery.content_sha256)
    if order.basis is None:
        descriptor, size = examiner.reopen(request)
        return Given(descriptor, size, delivery.content_sha256)
    if isinstance(order.basis, Basis):
        found = examiner.view_apart(request, order.basis, order.apart)
        if found is None:
            raise Declined(NOT_WITHOUT)
        descriptor, view = found
    else:
        descriptor, view = examiner.view(request, order.basis)
    if view.whole:
        return Given(descriptor, delivery.content_size, delivery.content_sha256)
    return Given(descriptor, view.size, view.sha256, view.left_out)


def in_force(home: Home, registry: Registry) -> Callable[[], Catalogue]:
    """Make a function that returns the policies in force in `home`, read again after each change.

    ConfigurationError if they differ from those on record.
    """

    @lru_cache(maxsize=1)
    def read(folder: Path) -> Catalogue:
        with registry.read() as session:
            check_on_record(session, home)
        return load_catalogue(folder)

    return lambda: read(home.policies_in_force)
