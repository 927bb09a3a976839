"""The place of a file among those of its kind, school and period, from the accepted ones."""

from collections.abc import Iterable

from sqlmodel import Session

from gateway.model import Alike, Provider, Transfer
from gateway.policy.catalogue import Catalogue
from gateway.policy.schools import Superseding, is_comparable, standing, tells_by_content
from gateway.registry.counts import Earlier, Wanted, accepted_files
from gateway.registry.transfers import CONTENT


def standing_of(
    session: Session, transfer: Transfer, provider: Provider, catalogue: Catalogue
) -> Superseding:
    """Return the files replaced by, and replacing, a file on record; none for kinds without succession."""
    if not is_comparable(transfer, catalogue):
        return Superseding()
    by_content = tells_by_content(provider, catalogue.bodies)
    kind = ({provider.id}, {transfer.data_type or ""}, {transfer.period or ""})
    files = accepted_files(session, Wanted(*kind, with_content=by_content))
    return standing_among(files, transfer, provider, catalogue)


def standing_among(
    files: Iterable[Earlier], transfer: Transfer, provider: Provider, catalogue: Catalogue
) -> Superseding:
    """Return the place of an accepted file among accepted files in the order of landing."""
    if not is_comparable(transfer, catalogue):
        return Superseding()
    kind = (transfer.upload.provider, transfer.data_type, transfer.period)
    alike: dict[int, Alike] = {}
    for one in files:
        if (one.provider, one.data_type, one.period) == kind and one.sequence not in alike:
            content = CONTENT.validate_json(one.content) if one.content else None
            alike[one.sequence] = Alike(one.sequence, one.reference, content)
    return standing(transfer, list(alike.values()), provider, catalogue.bodies)


def told(found: Superseding, transfer: Transfer) -> tuple[str, ...]:
    """Return a receipt's sentences about replaced and replacing files."""
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
