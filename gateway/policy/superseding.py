"""Which file stands for a school and a period where several came: the latest; none of the others is lost.

It is so where the policy says that each file of a kind replaces the one before it (`each_replaces`), and
where a file says what it is about. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.model import Alike, Classified, ContentRefused, Provider, Transfer
from gateway.policy.bodies_schema import BodiesFile
from gateway.policy.catalogue import Catalogue
from gateway.policy.schools import number_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Superseding:
    """Which file one replaces, and which one replaces it; None where there is none. By reference."""

    replaces: str | None = None
    superseded_by: str | None = None


def is_comparable(transfer: Transfer, catalogue: Catalogue) -> bool:
    """Whether a file is accepted and of a kind and a period for which the latest one stands."""
    if transfer.state != "accepted" or transfer.period is None or transfer.data_type is None:
        return False
    flow = catalogue.flow_of(transfer.data_type)
    return flow is not None and flow.of(transfer.data_type).each_replaces


def standing(
    transfer: Transfer, others: Sequence[Alike], provider: Provider, bodies: BodiesFile
) -> Superseding:
    """How a file stands among the accepted ones of the same kind and period of its `provider`, in order.

    One that holds fewer schools than another leaves that one as it is.
    """
    schools = _about(transfer.content, provider, bodies)
    replaces = superseded_by = None
    for other in reversed(others):  # The latest first: of many, few are looked at.
        theirs = _about(other.content, provider, bodies)
        if other.sequence < transfer.sequence and theirs and theirs <= schools:
            replaces = other.reference
            break
        if other.sequence > transfer.sequence and schools and schools <= theirs:
            superseded_by = superseded_by or other.reference
    return Superseding(replaces=replaces, superseded_by=superseded_by)


def tells_by_content(provider: Provider, bodies: BodiesFile) -> bool:
    """Whether the content of a provider's file tells which schools it is about: it sends for others."""
    return bool(provider.schools) or not bodies.of(provider.kind).own_pupils


def _about(
    content: Classified | ContentRefused | None, provider: Provider, bodies: BodiesFile
) -> frozenset[str]:
    """The schools that a file is about: its sender, where it sends for none but itself."""
    if not tells_by_content(provider, bodies):
        return frozenset({provider.id})
    if not isinstance(content, Classified):
        return frozenset()
    return frozenset(filter(None, (number_of(school) for school in content.schools)))
