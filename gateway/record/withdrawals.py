"""Withdrawing a delivered file: by one person at once, and for good by a second one."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import Session

from gateway.errors import GatewayError
from gateway.examiner.persons import packed
from gateway.model import Held, Reason, Refused, Transfer
from gateway.policy.catalogue_schema import Catalogue
from gateway.policy.release import STAY
from gateway.publish.everything import take_back_copies
from gateway.reasons import WITHDRAWN_BY_ONE, waits_for_second
from gateway.receipts.authority import AuthorityFacts, render_authority_notice
from gateway.record.dual_control import check_two
from gateway.record.registrar import Registrar
from gateway.record.rulings import Batch, Ruling, put_in_force
from gateway.registry import copies, log, providers, recalls, rolls, transfers
from gateway.registry.recalls import FileOpening

_FOR_GOOD = "person:withdrawn-for-good"


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """The result of a withdrawal: earlier openings, and the providers with a copy."""

    openings: tuple[FileOpening, ...]
    copies: tuple[str, ...] = ()


def withdraw(registrar: Registrar, reference: str, *, by: str, why: str) -> Withdrawal:
    """Withdraw a file from every mailbox and every /out folder, at once and in one person's name.

    The provider and data protection are told. The file waits until a second person withdraws the file for
    good or delivers the file again. GatewayError for a file never passed on.
    """
    now = registrar.clock()
    with registrar.registry.write() as session:
        transfer = transfers.get(session, reference)
        _check_was_passed_on(transfer)
        done = Withdrawal(
            openings=tuple(recalls.openings(session, reference)),
            copies=copies.forget(session, transfer.sequence),
        )
        tell(registrar, session, transfer, done, by=by, why=why, headline=_TAKEN, next_step=_DECIDE)
        reasons = _reasons(registrar.catalogue, transfer, WITHDRAWN_BY_ONE, done.openings)
        decision = Held(reasons=reasons, flow=transfer.flow)
        ruling = Ruling(
            reference=reference,
            decision=decision,
            roll=_roll(registrar, session, transfer),
            kind="withdrawn",
            actor=by,
            note=why,
        )
        head = put_in_force(registrar, Batch(session), [ruling], now)
    if registrar.brings_out:
        take_back_copies(registrar.home, registrar.registry)
    registrar.bring_out(head)
    return done


def withdraw_for_good(registrar: Registrar, reference: str, *, by: str, why: str) -> Withdrawal:
    """Confirm a withdrawal as a second person. GatewayError where both may be the same person."""
    now = registrar.clock()
    with registrar.registry.write() as session:
        transfer = transfers.get(session, reference)
        check_second(session, transfer, by, now)
        done = Withdrawal(openings=tuple(recalls.openings(session, reference)))
        tell(registrar, session, transfer, done, by=by, why=why, headline=_OVER, next_step=_JUDGE)
        reasons = _reasons(registrar.catalogue, transfer, _FOR_GOOD, done.openings)
        decision = Refused(reasons=reasons, flow=transfer.flow)
        ruling = Ruling(reference=reference, decision=decision, kind="withdrawn", actor=by, note=why)
        head = put_in_force(registrar, Batch(session), [ruling], now)
    registrar.bring_out(head)
    return done


def check_second(session: Session, transfer: Transfer, by: str, at: datetime) -> None:
    """GatewayError unless a file was withdrawn by one person, and `by` is certainly another."""
    reference = transfer.upload.reference
    if not waits_for_second(transfer):
        raise GatewayError(f"{reference} is not withdrawn; it is {transfer.state}")
    first = next(one for one in reversed(log.events(session, reference)) if one.kind == "withdrawn")
    said = f"{first.actor} withdrew {reference}: somebody else must decide, by name"
    check_two(session, first.actor or "", by, since=first.at, at=at, said=said)


_TAKEN = "A file was TAKEN OUT of every mailbox."
_OVER = "A file is WITHDRAWN for good."
_DECIDE = (
    "Decide whether this is a breach of personal data (agreement, section 10), and record it with "
    "this reference if it is one. The file waits for a second person, who withdraws it for good or gives it "
    "back, or elsewhere."
)
_JUDGE = (
    "Whoever opened it may still have what they downloaded: ask them to delete it, and note that they have."
)


def tell(
    registrar: Registrar,
    session: Session,
    transfer: Transfer,
    done: Withdrawal,
    *,
    by: str,
    why: str,
    headline: str,
    next_step: str,
) -> None:
    """Leave a signed notice for data protection, in the caller's transaction."""
    now = registrar.clock()
    facts = AuthorityFacts(
        headline=headline,
        organisation=registrar.settings.organisation,
        reference=transfer.upload.reference,
        provider_name=providers.provider_row(session, transfer.upload.provider).name,
        data_type=transfer.data_type or "",
        made_at=now,
        by=by,
        why=why,
        openings=tuple((one.at, one.who, one.team or "") for one in done.openings),
        copies=done.copies,
        next_step=next_step,
    )
    text = registrar.signing.clearsign(render_authority_notice(facts))
    recalls.tell(session, transfer.upload.reference, headline, text, now)


def _check_was_passed_on(transfer: Transfer) -> None:
    reference = transfer.upload.reference
    if transfer.upload.folder != "in":
        raise GatewayError(f"{reference} is no file of data: it was passed to nobody")
    if transfer.state == "held":
        raise GatewayError(f"{reference} is held: refuse it with gateway held refuse, nobody was sent it")
    if transfer.state != "accepted":
        raise GatewayError(f"{reference} is in no mailbox; it is {transfer.state}")


def _reasons(
    catalogue: Catalogue, transfer: Transfer, code: str, openings: tuple[FileOpening, ...]
) -> tuple[Reason, ...]:
    kept = (why for why in transfer.reasons if why.code in STAY)
    return (catalogue.reason(code, opened=_opened(openings)), *kept)


def _opened(openings: tuple[FileOpening, ...]) -> str:
    """Say for the provider how often and for which teams a file was opened, without naming a person."""
    if not openings:
        return "Nobody had opened it."
    times = "once" if len(openings) == 1 else f"{len(openings)} times"
    teams = sorted({one.team or "data protection" for one in openings})
    return f"It had been opened {times} by then, for: {', '.join(teams)}."


def _roll(registrar: Registrar, session: Session, transfer: Transfer) -> bytes | None:
    """Remove the pupils on rolls by the file alone; return them packed, to be stored with the file."""
    now, entries = registrar.clock(), []
    for school, found in rolls.take_out(session, transfer.sequence).items():
        provider = registrar.provider(session, school, now)
        number = provider.dfe_number or provider.urn or ""
        entries += [replace(entry, school=number) for entry in found]
    return packed(entries) if entries else None
