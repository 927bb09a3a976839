"""How a file stands among those of its kind, school and period: asked of the registry."""

from __future__ import annotations

from sqlmodel import Session

from gateway.model import Provider, Transfer
from gateway.policy.catalogue import Catalogue
from gateway.policy.superseding import Superseding, is_comparable, standing
from gateway.registry import transfers


def standing_of(
    session: Session, transfer: Transfer, provider: Provider, catalogue: Catalogue
) -> Superseding:
    """Which file it replaces and which one replaces it; none of both where its kind knows no such thing."""
    if not is_comparable(transfer, catalogue):
        return Superseding()
    return standing(transfer, transfers.alike(session, transfer), provider, catalogue.bodies)


def told(found: Superseding, transfer: Transfer) -> tuple[str, ...]:
    """What a receipt says of it, each a sentence."""
    sentences = []
    if found.replaces is not None:
        sentences.append(
            f"This file replaces {found.replaces}, of the same kind and period ({transfer.period}). That one "
            "stays on record."
        )
    if found.superseded_by is not None:
        sentences.append(
            f"A later file of the same kind and period ({transfer.period}) stands instead of this one: "
            f"{found.superseded_by}."
        )
    return tuple(sentences)
