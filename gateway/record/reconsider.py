"""Decide held files again, after a date, a ratification or a change of rules.

If the rules of recognition have changed, a held file is read again before a decision: the stored content,
judged by other rules, is not used.

A portion of files is decided in one transaction, and between two portions the processor takes in new files.
Of several hosts any may decide the next portion, one at a time. A file with a passed date stays due until
decided, even if a host ends meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import ColumnElement
from sqlmodel import Session, col

from gateway.errors import Fault
from gateway.examiner.parent import persons_of, roll_of
from gateway.examiner.protocol import Read
from gateway.model import (
    Accepted,
    Classified,
    ContentRefused,
    Decision,
    Held,
    Provider,
    RatificationsThatCount,
    Refused,
    Released,
    Transfer,
)
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import local_day, reference_period
from gateway.policy.decide import decide
from gateway.policy.items import sensitive_reasons
from gateway.policy.ratification import years_at
from gateway.policy.schools import copies_for, has_to_wait
from gateway.publish.projection import Issued
from gateway.reasons import UNKNOWN_LOGIN, WITHDRAWN
from gateway.record.conclude import SIGNED_LATE, came_by_login, distrust, held_for_login, with_reason
from gateway.record.consequences import Ruling, copy_entry, enrolled_in, record_rolls
from gateway.record.drops import settle_later
from gateway.record.policy_proposals import last_loaded
from gateway.record.registrar import Registrar
from gateway.record.rulings import Batch, put_in_force, put_on_record, subjects
from gateway.registry import copies, locks, register, transfers, waits
from gateway.registry import persons as index
from gateway.registry.locks import WriterLock
from gateway.registry.log import Entry
from gateway.registry.providers import get_provider
from gateway.registry.tables import CopyRow, ProviderRow, StagedRollRow, TransferRow
from gateway.registry.tables.row import values
from gateway.zones.failpoints import passing

A_PORTION = 32
"""Most held files decided in one transaction."""
Judged = tuple[int, str, RatificationsThatCount, tuple[int, int, int]]
"""What waiting copies were judged by: the register's version, the policies, the day, copies and reasons."""
_Which = Callable[[Registrar, Session, datetime], ColumnElement[bool]]


@dataclass(slots=True)
class Portions:
    """Held files to decide again, a portion at a time.
    `which`: a function that returns the SQL condition for the files. `after`: the sequence of the last file
    decided; 0 at the start. `changed`: how many decisions have changed so far.
    """

    which: _Which
    after: int = 0
    changed: int = 0

    def next(self, registrar: Registrar, *, waits_its_turn: bool = False) -> bool:
        """Decide the next portion of held files again; return True if further files are left.
        While another host decides a portion, return False. `waits_its_turn`: True to wait for the other host
        instead. After a Fault nothing is decided: the next call tries the same portion.
        """
        registry, now = registrar.registry, registrar.clock()
        with registry.read() as session:
            later = self.which(registrar, session, now), col(TransferRow.sequence) > self.after
            if not values(session, TransferRow.sequence, where=later, limit=1):
                self.after = 0
                return False
        with registry.write_on(()) as session:
            if waits_its_turn:
                locks.take_lock(session, WriterLock.HELD)
            elif not locks.try_lock(session, WriterLock.HELD):
                return False
            found = waits.portion(session, self.which(registrar, session, now), self.after, A_PORTION)
            kinds = [subjects(one.upload.reference, one.content) for one in found]
            locks.lock_writers(session, {subject for some in kinds for subject in some})
            rulings = []
            for transfer in found:
                # Files judged by other rules are read again first.
                if transfer.content is not None and transfer.rules == registrar.catalogue.rules:
                    decision = _decide_anew(registrar, session, transfer, transfer.content, now)
                    if not _is_unchanged(decision, transfer):
                        rulings.append(_ruling(transfer, decision))
            issued = put_in_force(registrar, Batch(session), rulings, now)
        registrar.bring_out(issued)
        self.changed += len(rulings)
        has_more = len(found) == A_PORTION
        self.after = found[-1].sequence if has_more else 0
        return has_more

    def all(self, registrar: Registrar) -> int:
        """Decide every portion; return the number of changed decisions."""
        while self.next(registrar, waits_its_turn=True):
            pass
        return self.changed


def reconsider(registrar: Registrar) -> int:
    """Decide again all held files whose date or ratification has come; return how many decisions changed.
    Decide also on uploaded keys approved or refused since, and let copies be made for providers that
    ratified.
    """
    found = Portions(due).all(registrar) + reconsider_approved(registrar)
    give_copies(registrar)
    return found


def due(registrar: Registrar, session: Session, now: datetime) -> ColumnElement[bool]:
    """Return the SQL condition for held files whose date has come, or whose provider has ratified."""
    known, counting = register.of(session), years_at(now, registrar.catalogue)
    return waits.due(session, now, lambda provider: known.provider(provider, counting).ratified)


def reconsider_approved(registrar: Registrar) -> int:
    """Decide on the held uploads of keys approved or refused since; return the number of uploads."""
    with registrar.registry.read() as session:
        if not _settled(registrar, session):
            return 0
    with registrar.registry.write() as session:
        rulings = _settled(registrar, session)
        issued = put_in_force(registrar, Batch(session), rulings, registrar.clock())
    registrar.bring_out(issued)
    return len(rulings)


def _settled(registrar: Registrar, session: Session) -> list[Ruling]:
    return [
        Ruling(reference=reference, decision=settled, folder="keys")
        for reference in values(session, TransferRow.reference, "sequence", waits_for="approval")
        if (settled := settle_later(session, reference, registrar.catalogue)) is not None
    ]


def reconsider_held_for(registrar: Registrar, *codes: str, provider: str | None = None) -> int:
    """Decide again the files held for a reason with one of the `codes`, of all providers or one.
    Returns the number of changed decisions.
    """
    return Portions(lambda *_: waits.for_reasons(*codes, provider=provider)).all(registrar)


def judge_anew(registrar: Registrar, reference: str, read: Read) -> None:
    """Decide a held file again by a new reading of the content (`read`), and record this in the log.
    The provider gets a receipt only if the decision changes. A file no longer held, or withdrawn, is left
    alone. Raises Fault if other policies have come into force since `registrar` was made.
    """
    now, catalogue = registrar.clock(), registrar.catalogue
    with registrar.registry.write() as session:
        if last_loaded(session) != catalogue.digest:
            raise Fault("other policies came into force meanwhile")
        transfer, issued = transfers.get(session, reference), None
        if transfer.state == "accepted":
            issued = _enter_again(registrar, session, transfer, read, now)
        elif (
            transfer.state == "held"
            and transfer.rules != catalogue.rules
            and WITHDRAWN.isdisjoint(why.code for why in transfer.reasons)
        ):
            issued = _judge_held(registrar, session, transfer, read, now)
        passing("anew.written")
    registrar.bring_out(issued)


def _judge_held(
    registrar: Registrar, session: Session, transfer: Transfer, read: Read, now: datetime
) -> Issued | None:
    """Record the new reading of a held file, and the decision by that reading."""
    reference, content, catalogue = transfer.upload.reference, read.content, registrar.catalogue
    if isinstance(content, Classified):
        sender = registrar.provider(session, transfer.upload.provider, now)
        content = replace(content, stated=sender.stated)
    period = reference_period(content, catalogue, transfer.upload.landed_at)
    transfers.record_content(session, reference, None, content, period, rules=catalogue.rules)
    decision = _decide_anew(registrar, session, transfer, content, now)
    persons, roll = persons_of(read, registrar.home), roll_of(read, registrar.home)
    if not _is_unchanged(decision, transfer):
        ruling = replace(_ruling(transfer, decision), roll=roll)
        batch = Batch(session, persons={} if persons is None else {reference: persons})
        return put_in_force(registrar, batch, [ruling], now)
    if persons is not None:
        index.note(session, {transfer.sequence: persons})
    if roll is not None:
        session.merge(StagedRollRow(transfer=transfer.sequence, roll=roll))
    reasons = ",".join(why.code for why in transfer.reasons)
    fields = {"provider": transfer.upload.provider, "reasons": reasons, "policies": catalogue.digest}
    entry = Entry(kind="judged-anew", subject=reference, fields=fields)
    return put_on_record(registrar, session, [entry], (), now)


def _enter_again(
    registrar: Registrar, session: Session, transfer: Transfer, read: Read, now: datetime
) -> Issued | None:
    """Enter the pupils in an accepted file on the rolls again; entries made by later files stay."""
    catalogue, roll, known = registrar.catalogue, roll_of(read, registrar.home), register.of(session)
    asked = session.get(StagedRollRow, transfer.sequence)
    if asked is None:
        return None
    session.delete(asked)
    if roll is None or transfer.flow is None:
        return None
    decision = Accepted(flow=transfer.flow, teams=transfer.teams, reasons=transfer.reasons)
    ruling = Ruling(reference=transfer.upload.reference, decision=decision, roll=roll, arrives=True)
    enrolled = enrolled_in(known, years_at(now, catalogue), catalogue.bodies.with_own_pupils)
    entries = record_rolls(registrar, session, [(transfer, ruling)], enrolled, now)
    return put_on_record(registrar, session, entries, (), now)


def _ruling(transfer: Transfer, decision: Decision) -> Ruling:
    held_for = () if isinstance(decision, Held) else transfer.reasons
    return Ruling(reference=transfer.upload.reference, decision=decision, held_for=held_for)


def _decide_anew(
    registrar: Registrar,
    session: Session,
    transfer: Transfer,
    content: Classified | ContentRefused,
    now: datetime,
) -> Decision:
    """Return the decision on a held file by the `content`. A file held for a key, a login or a fault stays
    held for each of them. But a file held for an unknown login may be refused because of the content. No file
    is accepted that was signed by a suspended or stolen key, or that came by a login with one.
    """
    catalogue, codes = registrar.catalogue, {why.code for why in transfer.reasons}
    upload = transfer.upload
    sender = registrar.provider(session, upload.provider, now, sent_at=upload.landed_at)
    decision = decide(content, catalogue, sender, now, landed_at=upload.landed_at)
    accepted, apart = isinstance(decision, Accepted), {*SIGNED_LATE, UNKNOWN_LOGIN}
    by_unknown_login = UNKNOWN_LOGIN in codes or (accepted and not came_by_login(session, upload))
    others = tuple(
        why
        for why in transfer.reasons
        if why.code.startswith(("open:", "key:", "internal:")) and why.code not in apart
    )
    if others and not (by_unknown_login and isinstance(decision, Refused)):
        found = sensitive_reasons(content, catalogue)
        decision = Held(reasons=tuple(dict.fromkeys((*others, *found))))
    if by_unknown_login:
        return held_for_login(decision, catalogue)
    if others:
        return decision
    if accepted and (distrusted := distrust(session, transfer, catalogue, now)):
        return Held(reasons=distrusted)
    late = next((code for code in codes if code in SIGNED_LATE), None)
    return decision if late is None else with_reason(decision, late, catalogue)


def _is_unchanged(decision: Decision, transfer: Transfer) -> bool:
    """Return True if a decision holds a transfer for the reasons, and until the event, that are on record."""
    return (
        isinstance(decision, Held)
        and decision.until == transfer.held_until
        and transfers.waits_for(decision) == transfer.waits_for
        and decision.reasons == transfer.reasons
    )


def give_copies(registrar: Registrar, judged: Judged | None = None) -> Judged:
    """Let the copies be made that waited until the recipient ratified.
    Return the facts by which the copies were judged. `judged`: the facts that the last call returned: while
    register, policies, day, waiting copies and reasons of their files are the same, nothing is judged again.
    """
    catalogue = registrar.catalogue
    with registrar.registry.read() as session:
        known = register.version(session), catalogue.digest, years_at(registrar.clock(), catalogue)
        found = (*known, copies.last_waiting(session))
        if found == judged or not _copies_ready(registrar, session):
            return found
    now = registrar.clock()
    with registrar.registry.write() as session:
        entries = []
        for row, transfer in _copies_ready(registrar, session):
            row.waits, row.decided_at = None, now
            session.add(row)
            entries.append(copy_entry(transfer.upload.reference, row.provider, transfer.flow or "none"))
        session.flush()
        issued = put_on_record(registrar, session, entries, (), now)
    registrar.bring_out(issued)
    return found


def _copies_ready(registrar: Registrar, session: Session) -> Sequence[tuple[CopyRow, Transfer]]:
    """Return the waiting copies that the recipients may have now, each with the transfer that is copied.
    If the key of a file is not trusted any more, its copies go on waiting; but not if two people passed the
    file on in spite of the key.
    """
    now, catalogue = registrar.clock(), registrar.catalogue
    whose = [registrar.provider(session, one, now) for one in copies.count_waiting(session)]
    ready = {one.id: one for one in whose if one.closed_on is None and not has_to_wait(one, catalogue)}
    return [
        (row, transfer)
        for row, transfer in (copies.waiting(session, ready) if ready else ())
        if _is_for(
            copies.numbered(ready[row.provider], row.numbers), transfer, catalogue, part=bool(row.part)
        )
        and {why.code for why in distrust(session, transfer, catalogue, now)}.issubset(
            one.code for one in transfer.reasons
        )
    ]


def renumber_copies(
    registrar: Registrar, session: Session, before: Provider, now: datetime, *, same_school: bool = False
) -> list[Transfer]:
    """Put a provider's copies right after a change of its numbers; return the files of copies taken back.
    `before`: the provider as it was on record. A copy by a number of another school is held back until it is
    due by the present numbers (`give_copies`). No copy is held back if `same_school` is True or the DfE
    number is unchanged: a new URN, as an academy gets, does not show that the former was wrong. Copies of
    files that have only the new numbers are ordered, if the files were decided since the provider was
    enrolled. A file is not returned if its copy was never made.
    """
    catalogue, after = registrar.catalogue, get_provider(session, before.id)
    numbers = f"{before.dfe_number or ''} {before.urn or ''}"
    if numbers == f"{after.dfe_number or ''} {after.urn or ''}":
        return []
    was, known = (replace(one, suspended=False, ratified=True, closed_on=None) for one in (before, after))
    same_school |= after.dfe_number is not None and after.dfe_number == before.dfe_number
    own = {after.dfe_number, after.urn} - {None}
    lost = set() if same_school else {before.dfe_number, before.urn} - {*own, None}
    taken = []
    for row, transfer in copies.of_provider(session, after.id):
        by, part = copies.numbered(was, row.numbers), bool(row.part)
        had = _is_for(by, transfer, catalogue, part=part)
        if not lost.isdisjoint({by.dfe_number, by.urn}) and (
            (part and _names_other(transfer.content, lost, own))
            or (had and not _is_for(known, transfer, catalogue, part=part))
        ):
            if row.waits is None:
                taken.append((row, transfer))
            row.numbers = None
        elif row.numbers is None and had and (not part or _names(transfer.content, by)):
            row.numbers = numbers
    copies.hold_back(session, *(row for row, _ in taken))
    since = local_day(session.get_one(ProviderRow, after.id).added_at, catalogue.calendar.timezone)
    owe_missed(registrar, session, known, now, was=was, since=since)
    return [transfer for row, transfer in taken if row.certificates is not None]


def owe_missed(
    registrar: Registrar, session: Session, provider: Provider, now: datetime, *,
    since: date, was: Provider | None = None,
) -> None:  # fmt: skip
    """Order the copies that a provider missed while its record was wrong. Each waits until `give_copies`
    allows it. `since`: the day from which decided files count. `was`: the provider as it was on record; a
    copy that was due by that record was not missed.
    """
    catalogue = registrar.catalogue
    known = replace(provider, suspended=False, ratified=True, closed_on=None)
    # A file may name the authority and the establishment apart. Few of all files are to be read.
    numbers = {(provider.dfe_number or "")[3:], provider.urn or ""} - {""} if was is not None else ()
    for transfer in copies.without_copy(session, provider.id, catalogue.shared_flows, numbers):
        at = transfer.decided_at
        if at is None or local_day(at, catalogue.calendar.timezone) < since:
            continue
        for part in (False, True):
            had = was is not None and _is_for(was, transfer, catalogue, part=part)
            if not had and _is_for(known, transfer, catalogue, part=part):
                copies.owe(session, transfer.sequence, provider.id, now, part=part, waits=True)


def _names(content: Classified | ContentRefused | None, provider: Provider) -> bool:
    """Return True if a file names a school by a provider's numbers, and by no number of another school."""
    for one in content.schools if isinstance(content, Classified) else ():
        named = ((one.dfe_number, provider.dfe_number), (one.urn, provider.urn))
        if {given == known for given, known in named if given and known} == {True}:
            return True
    return False


def _names_other(
    content: Classified | ContentRefused | None, lost: set[str | None], own: set[str | None]
) -> bool:
    """Return True if a school in a file has one of the `lost` numbers, and none of the provider's `own`."""
    schools = content.schools if isinstance(content, Classified) else ()
    each = [{one.dfe_number, one.urn} for one in schools]
    return any(named & lost and not named & own for named in each)


def _is_for(provider: Provider, transfer: Transfer, catalogue: Catalogue, *, part: bool) -> bool:
    """Return True if a provider may have a copy of a file now. `part`: True to ask for a part of the file
    instead.
    """
    if not isinstance(transfer.content, Classified) or transfer.flow is None:
        return False
    passed = Released(flow=transfer.flow, teams=transfer.teams, reasons=transfer.reasons)
    found = copies_for(passed, transfer.content, catalogue, (provider,))
    return any(each.part == part and not each.waits for each in found)
