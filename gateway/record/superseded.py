"""How a file stands among those of its kind, school and period: asked of the registry."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.model import Provider, Transfer
from gateway.policy.catalogue import Catalogue
from gateway.policy.superseding import Superseding, is_comparable, standing, tells_by_content
from gateway.record.batch import Batch
from gateway.registry import transfers


def standing_of(batch: Batch, transfer: Transfer, provider: Provider, catalogue: Catalogue) -> Superseding:
    """Which file it replaces and which one replaces it; none of both where its kind knows no such thing.

    The decisions of the transaction have to be written.
    """
    if not is_comparable(transfer, catalogue):
        return Superseding()
    kind, by_content = transfers.kind_of(transfer), tells_by_content(provider, catalogue.bodies)
    others = batch.once(
        ("alike", *kind), lambda: transfers.alike(batch.session, [kind], with_content=by_content)[kind]
    )
    return standing(transfer, others, provider, catalogue.bodies)


def look_ahead(batch: Batch, files: Iterable[tuple[Transfer, Provider]], catalogue: Catalogue) -> None:
    """Ask at once what will be asked for each of these files. The decisions have to be written."""
    wanted: dict[bool, set[transfers.FileKind]] = {}
    for transfer, provider in files:
        if is_comparable(transfer, catalogue):
            by_content = tells_by_content(provider, catalogue.bodies)
            wanted.setdefault(by_content, set()).add(transfers.kind_of(transfer))
    for by_content, kinds in wanted.items():
        for kind, found in transfers.alike(batch.session, kinds, with_content=by_content).items():
            batch.know(("alike", *kind), found)


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
