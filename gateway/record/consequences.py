"""Record the consequences of decisions: rolls, discrepancies, copies for providers, counts for teams.

A file's roll counts once the file is accepted; until then the roll is stored with the held file. New
discrepancies are recorded, and each provider concerned is told of the provider's own records.

A copy for a recipient who has not ratified the agreement, or is suspended, is recorded. It waits until the
recipient has ratified or is no longer suspended.

Teams without pupil records get counts of one file for each school, data type and period: the first. Counts of
a file that landed later replace the counts of the first only while nobody in the team has opened the first
counts: a reader of two tables could subtract one from the other, and learn about single pupils.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache, lru_cache, partial

from sqlmodel import Session

from gateway.examiner.persons import unpacked
from gateway.log.leaf import Kind
from gateway.model import (
    Accepted,
    Classified,
    Decision,
    Folder,
    Held,
    Provider,
    RatificationsThatCount,
    Reason,
    Released,
    RollEntry,
    Transfer,
)
from gateway.policy import schools
from gateway.policy.catalogue import Catalogue
from gateway.policy.discrepancies import Discrepancy, discrepancies, notices
from gateway.policy.items import counts_period, counts_teams, is_whole_roll
from gateway.reasons import sentence_and_step
from gateway.receipts.notices import render_notice
from gateway.record.registrar import Registrar
from gateway.registry import copies, locks, log, markers, receipts, rolls, transfers
from gateway.registry import discrepancies as recorded
from gateway.registry.locks import WriterLock
from gateway.registry.log import Entry
from gateway.registry.register import SendersRegister
from gateway.registry.rolls import Earlier, Roll, accepted_files
from gateway.registry.tables import FullRollRow, PupilRow, StagedRollRow
from gateway.registry.tables.row import drop, rows, values

_ESTABLISHMENT, _DFE_NUMBER = 4, 7
_COMPARED_BYTES = 4 * 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """A decision to be put in force on one transfer.
    - `roll`: the packed roll found by the examination; None without a roll. `kind`: the kind of log entry.
    - `actor` and `note`: the person deciding and the reason; None if no person decided.
    - `held_for`: the reasons for which the file was held before.
    - `counted`: True if teams without pupil records get counts; False where a person named the teams.
    - `arrives`: True if the log has no entry about the file yet.
    """

    reference: str
    decision: Decision
    folder: Folder = "in"
    roll: bytes | None = None
    kind: Kind = "decided"
    actor: str | None = None
    note: str | None = None
    counted: bool = True
    held_for: tuple[Reason, ...] = ()
    arrives: bool = False


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The enrolled providers by id. `schools`: for each school number, the id of the provider that has it.
    `own_kinds` are the kinds of provider with pupils of their own.
    """

    providers: Mapping[str, Provider]
    schools: Mapping[str, str]
    own_kinds: frozenset[str]

    @classmethod
    def of(cls, enrolled: Iterable[Provider], own_kinds: frozenset[str]) -> Enrolled:
        """Return providers by id, and ids by school number; a number of several schools is left out."""
        providers = {provider.id: provider for provider in enrolled}
        numbers = [
            (number, one.id)
            for one in providers.values()
            if one.kind in own_kinds and one.closed_on is None
            for number in (one.dfe_number, one.urn)
            if number
        ]
        claims = Counter(number for number, _ in numbers)
        return cls(providers, {number: one for number, one in numbers if claims[number] == 1}, own_kinds)

    def owner(self, sender: Provider, number: str) -> str | None:
        """Return the id of the provider to whose roll a pupil in a file of `sender` belongs; None if not
        enrolled. `number`: the school number in the pupil's record, or "".
        """
        if sender.kind not in self.own_kinds:
            return None
        own = schools.speaks_for(sender)
        number = _in_full(number, own) if len(number) == _ESTABLISHMENT else number
        if number in {sender.dfe_number, sender.urn}:
            return sender.id
        if number in sender.schools:
            return self.schools.get(number)
        length = _DFE_NUMBER if len(number) == _ESTABLISHMENT else len(number)
        comparable = number and any(len(one) == length for one in own)
        if sender.schools or comparable or number in self.schools:
            return None
        return sender.id

    def named(self, sender: Provider, content: object) -> tuple[tuple[str, str, str], ...]:
        """Return the schools named in a file: number, provider id and name of each.
        Only for a sender that sends for several schools, else (). Id and name are "" where no enrolled school
        has the number.
        """
        if not sender.schools or not isinstance(content, Classified):
            return ()
        own = schools.speaks_for(sender)
        found = {schools.number_of(one) for one in content.schools} or {schools.named_school(content) or ""}
        full = (_in_full(one, own) if len(one) == _ESTABLISHMENT else one for one in found)
        numbers = sorted(own.intersection(full))
        each = [(number, self.providers.get(self.owner(sender, number) or "")) for number in numbers]
        return tuple((number, one.id if one else "", one.name if one else "") for number, one in each)


@lru_cache(4)  # Each decision needs it, and it stays the same until the register changes or a day ends.
def enrolled_in(
    known: SendersRegister, counting: RatificationsThatCount, own_kinds: frozenset[str]
) -> Enrolled:
    """Return all enrolled providers; each is `ratified` if any of the ratifications meets `counting`."""
    return Enrolled.of(known.enrolled(counting), own_kinds)


def _in_full(number: str, known: Iterable[str]) -> str:
    """Return the only DfE number in `known` that ends in `number`; for none or several, `number`."""
    fitting = [one for one in known if len(one) == _DFE_NUMBER and one.endswith(number)]
    return fitting[0] if len(fitting) == 1 else number


def record_rolls(
    registrar: Registrar, session: Session, decided: Sequence[tuple[Transfer, Ruling]], enrolled: Enrolled,
    now: datetime,
) -> Sequence[Entry]:  # fmt: skip
    """Record the rolls in decided files, and discrepancies with other providers' rolls.
    Returns the log entries on discrepancies. All files are compared together: a difference made by one file
    and mended by another is no discrepancy.
    """
    rules = registrar.catalogue.agreement.discrepancies
    concerned = [(transfer, ruling) for transfer, ruling in decided if transfer.data_type in rules.rolls]
    for transfer, ruling in concerned:
        if isinstance(ruling.decision, Held) and ruling.roll is not None:
            session.merge(StagedRollRow(transfer=transfer.sequence, roll=ruling.roll))
    final = [(transfer, ruling) for transfer, ruling in concerned if not isinstance(ruling.decision, Held)]
    waited = [transfer.sequence for transfer, ruling in final if not ruling.arrives]
    staged = rolls.take_staged(session, waited) if waited else {}
    taken = [
        (transfer, roll)
        for transfer, ruling in final
        # The pupils in another school's file are on the sender's roll only where a person says so.
        if (
            isinstance(ruling.decision, Accepted)
            or (isinstance(ruling.decision, Released) and ruling.decision.on_roll)
        )
        and (roll := ruling.roll if ruling.roll is not None else staged.get(transfer.sequence)) is not None
    ]
    if not taken:
        return ()
    last: dict[str, datetime] = {}
    # Groups small enough to compare in little memory.
    groups: list[list[tuple[Transfer, bytes]]] = [[]]
    for one in taken:
        if groups[-1] and sum(len(roll) for _, roll in (*groups[-1], one)) > _COMPARED_BYTES:
            groups.append([])
        groups[-1].append(one)
    # Every file's statements go in before the lock: whoever has it next sees those of all before.
    for some in groups:
        entered = list(_rolls(enrolled, some))
        rolls.enter(session, entered)
        complete = {transfer.sequence for transfer, _ in some if transfer.data_type in rules.whole_rolls}
        for entry in entered:
            if entry.transfer in complete:
                last[entry.provider] = max(entry.at, last.get(entry.provider, entry.at))
    locks.take_lock(session, WriterLock.ROLLS)
    if last:
        rolls.note_full_rolls(session, last)
    again = (list(_rolls(enrolled, some)) for some in groups)
    return [
        entry
        for one in ([entered] if len(groups) == 1 else again)
        for entry in _compare(registrar, session, one, now)
    ]


def restore_full_roll(
    registrar: Registrar, session: Session, provider: str, now: datetime, *, but: int | None = None
) -> None:
    """Find out again when a provider sent its last complete roll, and record that. `but`: a file that does
    not count.
    """
    whole = registrar.catalogue.agreement.discrepancies.whole_rolls
    found = rolls.accepted_rolls(session, provider, whole, but=but)
    last = (one.landed_at for one in found if _was_roll(registrar, session, provider, one.reference, now))
    drop(session, *rows(session, FullRollRow, provider=provider))
    if (at := next(last, None)) is not None:
        rolls.note_full_rolls(session, {provider: at})


def read_rolls_again(
    registrar: Registrar, session: Session, provider: str, now: datetime, *, but: int
) -> None:
    """Record a provider's files since the last complete roll as to be read again, all except the file `but`.
    Roll entries of that file had replaced earlier ones of the same pupils; the earlier ones are needed again.
    """
    since = rolls.full_rolls(session, [provider]).get(provider)
    types = registrar.catalogue.agreement.discrepancies.rolls
    for one in rolls.accepted_rolls(session, provider, types, but=but):
        is_later = since is None or one.landed_at >= since
        if is_later and _was_roll(registrar, session, provider, one.reference, now):
            session.merge(StagedRollRow(transfer=one.sequence or 0, roll=b""))


def _was_roll(registrar: Registrar, session: Session, provider: str, reference: str, now: datetime) -> bool:
    """Return True if the pupils in an accepted file were entered on a provider's roll.
    That is so for a file that the gateway accepted, or that was held for other reasons than its schools. For
    a file that was held, or withdrawn since, one more thing must be true: a pupil's roll entry still comes
    from the file, or all schools in the file are the provider's now. In doubt return False: a few leavers on
    the roll are better than all others off it.
    """
    catalogue = registrar.catalogue
    decided = log.events(session, reference, kind="decided")
    judged: dict[str, str] = decided[-1].fields if decided else {}
    was_accepted = judged.get("state") == "accepted"
    was_roll = was_accepted or (
        judged.get("data_type") in catalogue.agreement.discrepancies.rolls
        and schools.OF_OTHERS.isdisjoint(judged["reasons"].split(","))
    )
    if not was_roll or (was_accepted and not log.events(session, reference, kind="withdrawn")):
        return was_roll
    transfer = transfers.get(session, reference)
    sender, content = registrar.provider(session, transfer.upload.provider, now), transfer.content
    entered = values(session, PupilRow.record, limit=1, provider=provider, transfer=transfer.sequence)
    return bool(entered) or (
        isinstance(content, Classified) and schools.has_own_pupils_only(content, sender, catalogue.bodies)
    )


def _rolls(enrolled: Enrolled, taken: Iterable[tuple[Transfer, bytes]]) -> Iterator[Roll]:
    """Yield the roll of each school in accepted files; `taken` holds transfers with packed rolls.
    A record without a school number belongs to the school named for the whole file, or else to the sender.
    """
    for transfer, packed in taken:
        sender, content = enrolled.providers[transfer.upload.provider], transfer.content
        only = schools.named_school(content) if isinstance(content, Classified) else None
        owner_of = cache(partial(enrolled.owner, sender))  # Of many pupils and few schools.
        by_owner: defaultdict[str, list[RollEntry]] = defaultdict(list)
        for entry in unpacked(packed):
            owner = owner_of(entry.school or only or "")
            if owner is not None:
                by_owner[owner].append(entry)
        for owner, entries in by_owner.items():
            at, number = transfer.upload.landed_at, transfer.sequence
            yield Roll(provider=owner, at=at, transfer=number, entries=entries)


def _compare(
    registrar: Registrar, session: Session, entered: Sequence[Roll], now: datetime
) -> Sequence[Entry]:
    """Compare rolls just stored with other providers' rolls: record new discrepancies, and settle former ones
    that are gone. Return the log entries.
    """
    rows, full_rolls, lasts = rolls.comparable(session, entered)
    if not rows and not lasts:
        return ()
    found = {recorded.key_of(each): each for each in discrepancies(rows, full_rolls)}
    known = recorded.lasting_keys(session, found) if found else set()
    new = [each for key, each in found.items() if key not in known]
    lasting = recorded.of_providers(session, {roll.provider for roll in entered}) if lasts else ()
    settled = [each for each in lasting if each.key not in found]
    fits = [each.number or 0 for each in settled if each.state == "open"]
    for each in settled:
        each.state, each.ended_at = "settled", each.ended_at or now
    return [
        *(_opened(registrar, session, new, now) if new else ()),
        *(_entry("discrepancy-resolved", n, "settled") for n in fits),
    ]


def _opened(registrar: Registrar, session: Session, new: Sequence[Discrepancy], now: datetime) -> list[Entry]:
    references = transfers.references(session, {int(row.reference) for each in new for row in each.rows})
    # The rows compared name each file by its sequence.
    named = [
        replace(each, rows=tuple(replace(row, reference=references[int(row.reference)]) for row in each.rows))
        for each in new
    ]
    sequences = {reference: sequence for sequence, reference in references.items()}
    numbers = recorded.open_discrepancies(session, named, sequences, now)
    told: defaultdict[str, list[tuple[int, Reason]]] = defaultdict(list)
    marked = markers.kept_from(session, None)
    for number, each in zip(numbers, named, strict=True):
        if not marked.isdisjoint(bytes.fromhex(row.pupil) for row in each.rows):
            continue  # A protected child's former school would learn that the child is in the county.
        for provider, notice in notices(each, registrar.catalogue):
            told[provider].append((number, notice))
    for provider, points in told.items():
        # Leave a signed notice for a provider, about the provider's own records only.
        locks.take_lock(session, WriterLock.RECEIPTS)
        text_of = partial(
            render_notice, organisation=registrar.settings.organisation, made_at=now, points=points,
            wording=registrar.catalogue.wording,
        )  # fmt: skip
        receipts.leave_notice(session, registrar.signing, receipts.DISCREPANCY_NOTICE, provider, now, text_of)
    pairs = zip(numbers, named, strict=True)
    return [_entry("discrepancy-opened", number, each.kind) for number, each in pairs]


def _entry(kind: Kind, number: int, cause: str) -> Entry:
    return Entry(kind=kind, subject="discrepancies", fields={"number": number, "cause": cause})


def owe_copies(
    session: Session, transfer: Transfer, decision: Decision, catalogue: Catalogue, enrolled: Enrolled
) -> tuple[Sequence[Entry], Sequence[str]]:
    """Record the copies of an accepted file that other providers get, now or later (`schools.copies_for`).
    Return log entries on the copies due now, and sentences about the recipients for the sender's receipt.
    """
    content, at = transfer.content, transfer.decided_at
    if at is None or not (isinstance(decision, Accepted | Released) and isinstance(content, Classified)):
        return (), ()
    found = schools.copies_for(decision, content, catalogue, enrolled.providers.values())
    for provider, part, waits, _ in found:
        copies.owe(session, transfer.sequence, provider.id, at, part=part, waits=waits)
    ready, waiting = ([each for each in found if each.waits is waits] for waits in (False, True))
    entries = [copy_entry(transfer.upload.reference, each.provider.id, decision.flow) for each in ready]
    # Who gets a copy, and who has signed, is told to a sender only of the partners of a flow, never of single
    # schools.
    sent = dict.fromkeys(each.partner for each in ready if each.partner)
    later = dict.fromkeys(each.partner for each in waiting if each.partner and not each.provider.suspended)
    notes = [sentence_and_step("policy:copy-sent", recipient=name) for name in sent]
    notes += [sentence_and_step("policy:copy-waits", recipient=name) for name in later if name not in sent]
    return entries, [f"{sentence} {next_step}" for sentence, next_step in notes]


def copy_entry(reference: str, provider: str, flow: str) -> Entry:
    """Return the log entry which says that a provider gets a copy of a file, under a flow of Appendix B."""
    return Entry(kind="delivered", subject=reference, fields={"provider": provider, "flow": flow})


@dataclass(slots=True)
class CountsOwed:
    """The counts of pupils that one transaction gives to teams without pupil records.
    `earlier`: accepted files of the same providers, whose counts may be replaced. `on_roll`: the number of
    pupils on each provider's roll before the transaction.
    """

    session: Session
    catalogue: Catalogue
    at: datetime
    earlier: list[Earlier] = field(default_factory=list)
    on_roll: dict[str, int] = field(default_factory=dict)
    _taken_back: list[Earlier] = field(default_factory=list)
    _fresh: set[tuple[int, str]] = field(default_factory=set)
    _back: list[tuple[int, str]] = field(default_factory=list)

    def give(self, files: Sequence[tuple[Transfer, Decision, Provider, bool]]) -> list[Transfer]:
        """Deliver counts of newly accepted files; return the transfers, with the teams that got counts added.
        Each file comes with decision, sender, and True if teams may get counts of the file. The decisions
        must be stored before the call.
        """
        teams: dict[int, tuple[str, ...]] = {}
        alike, counted = [], []
        for transfer, decision, sender, counts_it in files:
            found = transfer.content, transfer.data_type
            if counts_it and (some := counts_teams(*found, decision, sender, self.catalogue)):
                teams[transfer.sequence] = some
                counted.append(transfer)
            if schools.is_comparable(transfer, self.catalogue):
                alike.append((transfer, sender))
        whole = self.catalogue.agreement.discrepancies.whole_rolls
        if asked := [*counted, *(transfer for transfer, _ in alike)]:
            self.earlier, self._taken_back = accepted_files(
                self.session,
                {one.upload.provider for one in asked},
                {one.data_type or "" for one in asked},
                {one.period or "" for one, _ in alike},
                teams={team for some in teams.values() for team in some},
                counted={one.sequence for one in counted},
                rolls={one.upload.provider for one in counted if one.data_type not in whole},
                with_content=any(
                    schools.tells_by_content(sender, self.catalogue.bodies) for _, sender in alike
                ),
            )
            self.on_roll = {one.provider: one.on_roll or 0 for one in self.earlier}
        given = [
            self._deliver(one, teams.get(one.sequence, ())) if counts_it else one
            for one, _, _, counts_it in files
        ]
        if self._back:
            rolls.take_back_counts(self.session, self._back)
        if self._fresh:
            rolls.deliver_counts(self.session, sorted(self._fresh), self.at)
        return given

    def _deliver(self, transfer: Transfer, teams: Sequence[str]) -> Transfer:
        """Deliver counts of a file to `teams`; return the transfer with the teams that got counts added.
        A team that may see no pupil records gets counts in place of a file routed to it, even if the file is
        unfit for counting.
        """
        content, upload = transfer.content, transfer.upload
        known = self.on_roll.get(upload.provider, 0)
        limited = {one for one in transfer.teams if self.catalogue.has_counts_alone(one, transfer.data_type)}
        given: set[str] = set()
        if teams and isinstance(content, Classified) and is_whole_roll(content, known, self.catalogue):
            given = {team for team in teams if self._make_room(transfer, team)}
        limited |= given.intersection(transfer.teams)
        if limited:
            rolls.limit_to_counts(self.session, transfer.sequence, limited)
        self._fresh |= {(transfer.sequence, team) for team in given.difference(transfer.teams)}
        # Further files of the transaction are compared with these.
        self.earlier += [
            Earlier(
                transfer.sequence, upload.provider, transfer.data_type or "", transfer.period,
                upload.reference, upload.landed_at, None, team, None,
            )
            for team in sorted(limited | given)
        ]  # fmt: skip
        return replace(transfer, teams=tuple(sorted({*transfer.teams, *given}))) if teams else transfer

    def _make_room(self, transfer: Transfer, team: str) -> bool:
        """Return True if a team may get counts of `transfer`, after withdrawing the team's older counts.
        Older counts are those of earlier files of the same school, data type and period. Return False, and
        withdraw nothing, if the team has opened older counts, even of a file withdrawn since, or has counts
        of a file that landed later.
        """
        data_type = transfer.data_type or ""
        wanted = counts_period(data_type, transfer.period, transfer.upload.landed_at, self.catalogue)
        same = [
            one
            for one in (*self.earlier, *self._taken_back)
            if (one.provider, one.data_type, one.team) == (transfer.upload.provider, data_type, team)
            and one.sequence != transfer.sequence
            and counts_period(data_type, one.period, one.landed_at, self.catalogue) == wanted
        ]
        landed = transfer.upload.landed_at, transfer.sequence
        if any(one.collected_at is not None or (one.landed_at, one.sequence) > landed for one in same):
            return False
        for one in same:
            self.earlier[self.earlier.index(one)] = one._replace(team=None)  # The file itself stays.
            if (one.sequence, team) in self._fresh:
                self._fresh.remove((one.sequence, team))
            else:
                self._back.append((one.sequence, team))
        return True
