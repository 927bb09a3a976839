"""What is given of a delivery, fetched from the isolated children; and the policies by which it is."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from gateway.examiner.parent import Examiner
from gateway.examiner.protocol import Reopen
from gateway.home import Home
from gateway.mailboxes.contents import FileOrder, Given
from gateway.policy.catalogue import Catalogue, load_catalogue


def fetched(examiner: Examiner, order: FileOrder) -> Given:
    """What was ordered, in anonymous memory; whoever asked closes it. Fault where it cannot be made."""
    delivery = order.delivery
    request = Reopen(reference=delivery.reference, sha256=delivery.content_sha256)
    if order.basis is None:
        descriptor, size = examiner.reopen(request)
        return Given(descriptor, size, delivery.content_sha256)
    descriptor, view = examiner.view(request, order.basis)
    if view.whole:
        return Given(descriptor, delivery.content_size, delivery.content_sha256)
    return Given(descriptor, view.size, view.sha256, view.left_out)


def in_force(home: Home) -> Callable[[], Catalogue]:
    """The policies in force in `home`, read again where others have come into force."""
    read = lru_cache(maxsize=1)(load_catalogue)
    return lambda: read(home.policies_in_force)
