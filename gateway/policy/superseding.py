"""Choose the file in force for a school and period: the latest; earlier files are kept.

Applies where the policy says each file replaces the one before (`each_replaces`), and the file states its
period. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.model import Alike, Classified, ContentRefused, Provider, Transfer
from gateway.policy.bodies_schema import BodiesFile
from gateway.policy.catalogue import Catalogue
from gateway.policy.schools import number_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Superseding:
    """The references of the file replaced by this one, and of the file replacing this one; None without."""

    replaces: str | None = None
    superseded_by: str | None = None


def is_comparable(transfer: Transfer, catalogue: Catalogue) -> bool:
    """Return True for an accepted file of a kind and period in which the latest file replaces others."""
    if transfer.state != "accepted" or transfer.period is None or transfer.data_type is None:
        return False
    flow = catalogue.flow_of(transfer.data_type)
    return flow is not None and flow.of(transfer.data_type).each_replaces


def standing(
    transfer: Transfer, others: Sequence[Alike], provider: Provider, bodies: BodiesFile
) -> Superseding:
    """Return the standing of a file among a provider's accepted ones of one kind and period, in order.

    A file about fewer schools than an earlier one does not replace the earlier one.
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
    """Return True if the provider sends for others, so that only a file's content names its schools."""
    return bool(provider.schools) or not bodies.of(provider.kind).own_pupils


def _about(
    content: Classified | ContentRefused | None, provider: Provider, bodies: BodiesFile
) -> frozenset[str]:
    """Return the schools a file is about: the sender alone, unless sending for others."""
    if not tells_by_content(provider, bodies):
        return frozenset({provider.id})
    if not isinstance(content, Classified):
        return frozenset()
    return frozenset(filter(None, (number_of(school) for school in content.schools)))
