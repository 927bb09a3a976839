"""The account of a child for answering a subject access request."""

from collections.abc import Iterator
from datetime import timedelta

from sqlmodel import Session

from gateway.model import Classified, Transfer
from gateway.policy.catalogue import Catalogue
from gateway.record.children import FoundChild, FoundFile
from gateway.record.registrar import Registrar
from gateway.registry import providers, retention
from gateway.registry.recalls import FileOpening
from gateway.reports.retention import Retention, load_retention
from gateway.reports.subject_access import ChildAccount, FileOfChild

_OUTCOMES = {
    "landed": "not decided yet",
    "accepted": "passed on",
    "held": "waits: nobody was given it",
    "refused": "not taken",
}


def account(registrar: Registrar, found: FoundChild, *, names: bool) -> ChildAccount:
    """Return the account of a child; with the `names` of staff, or of the teams alone."""
    rules = load_retention(registrar.home)
    with registrar.registry.read() as session:
        files = tuple(_file(registrar, session, rules, one, names=names) for one in found.files)
    return ChildAccount(
        organisation=registrar.settings.organisation,
        files=files,
        rolls=tuple(_rolls(found)),
        limits=tuple(_limits(found)),
        questions=tuple(
            f"{one.at:%Y-%m-%d %H:%M} UTC, {one.who if names else 'staff of the authority'}: {one.what}"
            + (f", {one.why}" if one.why else "")
            for one in found.questions
        ),
        unindexed=found.unindexed,
    )


def _file(
    registrar: Registrar, session: Session, rules: Retention, one: FoundFile, *, names: bool
) -> FileOfChild:
    transfer = one.transfer
    flow = registrar.catalogue.flow(transfer.flow) if transfer.flow else None
    content = transfer.content if isinstance(transfer.content, Classified) else None
    return FileOfChild(
        reference=transfer.upload.reference,
        provider_name=providers.provider_row(session, transfer.upload.provider).name,
        data_type=transfer.data_type or "not recognised",
        purpose=flow.document.purpose if flow else "",
        arrived=transfer.upload.landed_at,
        outcome=_OUTCOMES[transfer.state],
        items=content.items if content else (),
        teams=tuple(_team(team, registrar.catalogue) for team in transfer.teams),
        opened=tuple(
            (each.at, ", ".join(filter(None, (each.who if names else None, _opened_for(each, registrar)))))
            for each in one.openings
        ),
        kept=_kept(session, rules, one),
    )


def _opened_for(opening: FileOpening, registrar: Registrar) -> str:
    return "data protection" if opening.team is None else _team(opening.team, registrar.catalogue)


def _team(team: str, catalogue: Catalogue) -> str:
    """Name a team, marked where the team gets counts instead of records."""
    found = catalogue.team(team)
    return f"{team} (counts alone)" if found is not None and not found.pupil_level else team


def _kept(session: Session, rules: Retention, one: FoundFile) -> str:
    if one.deleted_at is not None:
        return f"deleted on {one.deleted_at:%Y-%m-%d}; its digest, receipts and the log's entries are left"
    said = _until(session, rules, one.transfer)
    copies = f"; copies for {', '.join(one.copies)}" if one.copies else ""
    return f"{said}{', and on legal hold' if one.on_hold else ''}{copies}"


def _until(session: Session, rules: Retention, transfer: Transfer) -> str:
    (row,) = retention.kept(session, [transfer.upload.reference])
    days, _ = rules.sealed.of(row)
    if transfer.decided_at is None or transfer.state in {"landed", "held"}:
        return "kept until it is decided"
    if days == "for ever":
        return "kept for ever"
    return f"kept until {transfer.decided_at + timedelta(days=days):%Y-%m-%d}"


def _rolls(found: FoundChild) -> Iterator[str]:
    for one in found.rolls:
        said = "on the roll" if one.on_roll else "no longer, or not mainly, on the roll"
        yield f"{said} of {one.provider}, by record {one.record} of {one.reference} ({one.at:%Y-%m-%d})"


def _limits(found: FoundChild) -> Iterator[str]:
    for marker in found.markers:
        kind = "only named people may see it" if marker.kind == "named" else "restricted (Article 18)"
        yield f"marker {marker.number} since {marker.placed_at:%Y-%m-%d}: {kind}"
    for hold in found.holds:
        yield f"legal hold {hold.number} since {hold.placed_at:%Y-%m-%d}"
