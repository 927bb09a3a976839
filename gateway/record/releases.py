"""Persons' decisions on a held file: release, return with advice, or refuse."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from sqlmodel import Session

from gateway.errors import GatewayError
from gateway.model import Classified, Refused, Released, Transfer
from gateway.policy.reference import reference_period
from gateway.policy.release import Release, ReleaseImpossibleError, judge_release
from gateway.policy.timescale import period_on
from gateway.publish.projection import Issued
from gateway.reasons import RETURNED, WITHDRAWN, to_officer
from gateway.record import dual_control
from gateway.record.dual_control import Proposal, check_release, check_two
from gateway.record.outcome import put_on_record
from gateway.record.registrar import Registrar, Rulebook
from gateway.record.rulings import Batch, Ruling, put_in_force
from gateway.registry import log, transfers
from gateway.registry.log import Entry
from gateway.registry.transfer_lists import PROPOSAL_ENDS

ADVICE_LENGTH = 400


def release(
    registrar: Registrar,
    reference: str,
    *,
    by: str,
    why: str,
    data_type: str | None = None,
    teams: tuple[str, ...] = (),
    override: bool = False,
    about: date | None = None,
) -> Release:
    """Release a held file in one person's name; with `override` propose the release to a second person.

    `about` is a day of the contents' period, for a file without a stated one. A result with anything
    `forbidden` is only proposed. GatewayError where the policy forbids the release without `override`, or
    where nobody can allow the release.
    """
    now = registrar.clock()
    with registrar.registry.write() as session:
        transfer = held(session, reference)
        asked = wished(registrar, session, transfer, now, data_type=data_type, teams=teams, override=override)
        if asked.forbidden and about is not None:
            raise GatewayError("a release that needs a second person takes no day: leave it out")
        if asked.forbidden:
            head: Issued | None = _propose(registrar, session, reference, asked, now, by=by, why=why)
        else:
            check_release(session, transfer, by, now)
            released = _released(
                registrar, asked, "person:released", _period(registrar, session, transfer, asked, about)
            )
            ruling = Ruling(
                reference=reference,
                decision=released,
                kind="released",
                actor=by,
                note=why,
                held_for=transfer.reasons,
                counted=not teams,
            )
            head = put_in_force(registrar, Batch(session), [ruling], now)
    registrar.bring_out(head)
    return asked


def wished(
    rulebook: Rulebook,
    session: Session,
    transfer: Transfer,
    now: datetime,
    *,
    data_type: str | None = None,
    teams: tuple[str, ...] = (),
    override: bool = False,
) -> Release:
    """Return the release of a held file that a person asks for. GatewayError as `release`."""
    asked = _judged(rulebook, session, transfer, now, data_type=data_type, teams=teams)
    if asked.forbidden and not override:
        said = "; ".join(f"{to_officer(why)} ({why.clause})" for why in asked.forbidden)
        raise GatewayError(
            f"the agreement speaks against this release: {said}. "
            "It can be proposed to a second person instead"
        )
    return asked


def confirm(registrar: Registrar, reference: str, *, by: str, why: str) -> Release:
    """Confirm a proposed release as a second person; release the file.

    GatewayError where nothing is proposed, or where the proposer may be the same person.
    """
    now = registrar.clock()
    with registrar.registry.write() as session:
        transfer, asked_for = held(session, reference), proposed(session, reference)
        said = f"{asked_for.by} proposed to release {reference}: somebody else must confirm it, by name"
        check_two(session, asked_for.by, by, since=asked_for.at, at=now, said=said)
        check_release(session, transfer, by, now)
        asked = _judged(
            registrar, session, transfer, now, data_type=asked_for.data_type, teams=asked_for.teams
        )
        code = "person:released-against-policy" if asked.forbidden else "person:released"
        ruling = Ruling(
            reference=reference,
            decision=_released(registrar, asked, code, _period(registrar, session, transfer, asked, None)),
            kind="released",
            actor=by,
            note=f"{why} (proposed by {asked_for.by}: {asked_for.why})",
            held_for=transfer.reasons,
            counted=False,
        )
        head = put_in_force(registrar, Batch(session), [ruling], now)
    registrar.bring_out(head)
    return asked


def proposed(session: Session, reference: str) -> Proposal:
    """Return the release proposed for a held file. GatewayError if there is none."""
    asked_for = proposal(session, reference)
    if asked_for is None:
        raise GatewayError(f"nobody has proposed to release {reference} against the policy")
    return asked_for


def send_back(registrar: Registrar, reference: str, *, by: str, advice: str) -> None:
    """Refuse a held file with advice to the sender, which stands on the receipt."""
    told = " ".join(advice.split())
    if not told or len(told) > ADVICE_LENGTH or not told.isprintable():
        raise GatewayError(f"advice is one to {ADVICE_LENGTH} characters, and names no child")
    _refuse(registrar, reference, RETURNED, by=by, why=told, detail={"advice": told})


def refuse(registrar: Registrar, reference: str, *, by: str, why: str) -> None:
    """Refuse a held file for good."""
    _refuse(registrar, reference, "person:refused", by=by, why=why, detail={})


def held(session: Session, reference: str) -> Transfer:
    """Return a held transfer on which a person may decide. GatewayError in any other state."""
    transfer = transfers.get(session, reference)
    if transfer.state != "held":
        raise GatewayError(f"{reference} is not held; it is {transfer.state}")
    if any(why.code in WITHDRAWN for why in transfer.reasons):
        raise GatewayError(
            f"{reference} was withdrawn: gateway transfers confirm or gateway transfers redeliver decides"
        )
    if transfer.waits_for == "approval":
        raise GatewayError(
            f"{reference} is a key that was dropped: gateway keys confirm or gateway keys revoke decides"
        )
    return transfer


def proposal(session: Session, reference: str) -> Proposal | None:
    """Return the open proposal to release a held file; None if declined, decided or never made."""
    return dual_control.proposed(session, reference, "release-proposed", PROPOSAL_ENDS)


def _judged(
    rulebook: Rulebook,
    session: Session,
    transfer: Transfer,
    now: datetime,
    *,
    data_type: str | None,
    teams: tuple[str, ...],
) -> Release:
    if transfer.content is None:
        raise GatewayError(
            f"{transfer.upload.reference} was never opened, so there is nothing to send on; refuse it instead"
        )
    if transfer.rules != rulebook.catalogue.rules:
        raise GatewayError(
            f"other rules are in force since {transfer.upload.reference} was held: the processor judges it "
            "anew, within minutes. Look at its reasons then"
        )
    try:
        return judge_release(
            transfer.content,
            transfer.reasons,
            rulebook.catalogue,
            rulebook.provider(session, transfer.upload.provider, now),
            now,
            data_type=data_type,
            teams=teams,
        )
    except ReleaseImpossibleError as error:
        raise GatewayError(str(error)) from None


def _period(
    registrar: Registrar, session: Session, transfer: Transfer, asked: Release, about: date | None
) -> str | None:
    """Return the period of a released file: by the day `about` a person names, or as stated in the file."""
    catalogue, upload = registrar.catalogue, transfer.upload
    if about is None:
        content = transfer.content
        if not isinstance(content, Classified):
            return None
        return reference_period(replace(content, data_type=asked.data_type), catalogue, upload.landed_at)
    provider = registrar.provider(session, upload.provider, registrar.clock())
    period = period_on(provider, asked.data_type, catalogue, about)
    if period is None:
        raise GatewayError(f"{asked.data_type} is due at no set time around {about}: leave that day out")
    return period.name


def _released(registrar: Registrar, asked: Release, code: str, period: str | None) -> Released:
    return Released(
        data_type=asked.data_type,
        period=period,
        flow=asked.flow,
        teams=asked.teams,
        reasons=(registrar.catalogue.reason(code), *asked.forbidden),
        on_roll=asked.on_roll,
    )


def _propose(
    registrar: Registrar,
    session: Session,
    reference: str,
    asked: Release,
    now: datetime,
    *,
    by: str,
    why: str,
) -> Issued:
    fields = {
        "data_type": asked.data_type,
        "teams": ",".join(asked.teams),
        "reasons": ",".join(dict.fromkeys(each.code for each in asked.forbidden)),
    }
    log.append(
        session, [Entry(kind="release-proposed", subject=reference, fields=fields, actor=by, note=why)], now
    )
    return put_on_record(registrar, session, (), (), now)


def _refuse(
    registrar: Registrar, reference: str, code: str, *, by: str, why: str, detail: dict[str, str | int]
) -> None:
    now = registrar.clock()
    with registrar.registry.write() as session:
        transfer = held(session, reference)
        refused = Refused(reasons=(registrar.catalogue.reason(code, **detail),), flow=transfer.flow)
        ruling = Ruling(reference=reference, decision=refused, kind="refused", actor=by, note=why)
        head = put_in_force(registrar, Batch(session), [ruling], now)
    registrar.bring_out(head)
