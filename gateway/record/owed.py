"""Record the consequences of an accepted file: copies for providers, counts for teams without records.

A recipient that still has to ratify the agreement gets its copy once it has; until then the copy waits, on
record.

Of each school, kind of data and period the first file is counted. A later file replaces the first as long as
nobody has opened the first file's tables: a reader of two tables could subtract one from the other. "Later"
is by landing, in whatever order the files were decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlmodel import Session

from gateway.model import Accepted, Classified, Decision, Provider, Released, Transfer
from gateway.policy.catalogue import Catalogue
from gateway.policy.items import counts_period, counts_teams, is_whole_roll
from gateway.policy.schools import copies_for, is_comparable, partners, parts_for, tells_by_content
from gateway.reasons import told
from gateway.record.discrepancies import Enrolled
from gateway.record.outcome import put_on_record
from gateway.record.registrar import Registrar
from gateway.registry import copies, rolls
from gateway.registry.log import Entry
from gateway.registry.rolls import Earlier, Wanted, accepted_files
from gateway.registry.tables import CopyRow


def owe(
    session: Session,
    transfer: Transfer,
    decision: Decision,
    catalogue: Catalogue,
    enrolled: Enrolled,
) -> tuple[Sequence[Entry], Sequence[str]]:
    """Record the providers to get a copy of an accepted file of a shared flow, at once or once ratified.

    Returns log entries on the copies, and sentences on them for the receipt.
    """
    content, decided_at = transfer.content, transfer.decided_at
    if not isinstance(decision, Accepted | Released):
        return (), ()
    if not isinstance(content, Classified) or decided_at is None:
        return (), ()
    everybody = tuple(enrolled.providers.values())
    ready: list[Provider] = []
    waiting: list[Provider] = []
    for waits in (False, True):
        whole = copies_for(decision, content, catalogue, everybody, unratified=waits)
        parts = parts_for(decision, content, catalogue, everybody, unratified=waits)
        for provider in (*whole, *parts):
            part = provider in parts
            copies.owe(session, transfer.sequence, provider.id, decided_at, part=part, waits=waits)
            (waiting if waits else ready).append(provider)
    entries = [_delivered(transfer.upload.reference, each.id, decision.flow) for each in ready]
    # Who gets a copy, and who has signed, is told to a sender only of the partners of a flow, never of single
    # schools.
    sent = partners(decision, catalogue, ready)
    later = partners(decision, catalogue, waiting)
    notes = [told("policy:copy-sent", recipient=name) for name in sent]
    notes += [told("policy:copy-waits", recipient=name) for name in later if name not in sent]
    return entries, [f"{sentence} {next_step}" for sentence, next_step in notes]


def follow(registrar: Registrar) -> int:
    """Let waiting copies be made for recipients that have ratified; return the number of such copies."""
    with registrar.registry.read() as session:
        if not _ready(registrar, session):
            return 0
    now = registrar.clock()
    with registrar.registry.write() as session:
        entries = []
        for row, transfer in _ready(registrar, session):
            row.waits, row.decided_at = None, now
            session.add(row)
            entries.append(_delivered(transfer.upload.reference, row.provider, transfer.flow or "none"))
        session.flush()
        issued = put_on_record(registrar, session, entries, (), now)
    registrar.bring_out(issued)
    return len(entries)


def _ready(registrar: Registrar, session: Session) -> Sequence[tuple[CopyRow, Transfer]]:
    """Return waiting copies for recipients now entitled, each with the transfer."""
    now = registrar.clock()
    return [
        (row, transfer)
        for row, transfer in copies.waiting(session)
        if _may_have(
            transfer, registrar.catalogue, registrar.provider(session, row.provider, now), part=row.part
        )
    ]


def _may_have(transfer: Transfer, catalogue: Catalogue, provider: Provider, *, part: bool | None) -> bool:
    if not isinstance(transfer.content, Classified) or transfer.flow is None:
        return False
    decision = Released(flow=transfer.flow, teams=transfer.teams, reasons=transfer.reasons)
    chosen = parts_for if part else copies_for
    return bool(chosen(decision, transfer.content, catalogue, (provider,)))


def _delivered(reference: str, provider: str, flow: str) -> Entry:
    return Entry(kind="delivered", subject=reference, fields={"provider": provider, "flow": flow})


Decided = tuple[Transfer, Decision, Provider, bool]
"""A decided file, the sender, and True where teams may be given counts."""


@dataclass(slots=True)
class CountsOwed:
    """Counts of pupils given by one transaction to teams without pupil records.

    `earlier` are the accepted files to compare with; `on_roll` is the number of pupils on each roll before
    the transaction.
    """

    session: Session
    catalogue: Catalogue
    at: datetime
    earlier: list[Earlier] = field(default_factory=list)
    on_roll: dict[str, int] = field(default_factory=dict)
    _fresh: set[tuple[int, str]] = field(default_factory=set)
    _back: list[tuple[int, str]] = field(default_factory=list)

    def give(self, files: Sequence[Decided]) -> list[Transfer]:
        """Give counts of newly accepted files, in order; return the transfers, with all teams.

        The decisions must be stored before. The rows needed for all files are read at once.
        """
        teams: dict[int, tuple[str, ...]] = {}
        alike, counted = [], []
        for transfer, decision, sender, counts_it in files:
            content = transfer.content
            if (
                counts_it
                and isinstance(content, Classified)
                # Not where a person said that the file is of another type than was recognised.
                and content.data_type == transfer.data_type
                and (some := counts_teams(content, decision, sender, self.catalogue))
            ):
                teams[transfer.sequence] = some
                counted.append(transfer)
            if is_comparable(transfer, self.catalogue):
                alike.append((transfer, sender))
        whole = self.catalogue.agreement.discrepancies.whole_rolls
        if asked := [*counted, *(transfer for transfer, _ in alike)]:
            wanted = Wanted(
                {one.upload.provider for one in asked},
                {one.data_type or "" for one in asked},
                {one.period or "" for one, _ in alike},
                {team for some in teams.values() for team in some},
                {one.sequence for one in counted},
                {one.upload.provider for one in counted if one.data_type not in whole},
                any(tells_by_content(sender, self.catalogue.bodies) for _, sender in alike),
            )
            self.earlier = accepted_files(self.session, wanted)
            self.on_roll = {one.provider: one.on_roll or 0 for one in self.earlier}
        given = [
            self._deliver(one, teams.get(one.sequence, ())) if counts_it else one
            for one, _, _, counts_it in files
        ]
        if self._fresh or self._back:
            self._write()
        return given

    def _deliver(self, transfer: Transfer, teams: Sequence[str]) -> Transfer:
        """Deliver counts of a file to `teams`; return the transfer with these teams added.

        A team without pupil records gets counts even of a file without pupils that is routed to it.
        """
        content, known = transfer.content, self.on_roll.get(transfer.upload.provider, 0)
        alone = [one for one in transfer.teams if self.catalogue.has_counts_alone(one, transfer.data_type)]
        if alone:
            self._mark(transfer, alone)
        if not teams or not isinstance(content, Classified):
            return transfer
        given = []
        if is_whole_roll(content, known, self.catalogue):
            given = [team for team in teams if self._make_room(transfer, team)]
        if had := [team for team in given if team in transfer.teams]:
            self._mark(transfer, had)
        for team in given:
            if team not in transfer.teams:
                self._fresh.add((transfer.sequence, team))
                self._note(transfer, team)
        return replace(transfer, teams=tuple(sorted({*transfer.teams, *given})))

    def _write(self) -> None:
        """Store the new deliveries of counts, and delete the ones replaced."""
        if self._back:
            rolls.take_back(self.session, self._back)
            self._back.clear()
        if self._fresh:
            rolls.deliver(self.session, sorted(self._fresh), self.at)
            self._fresh.clear()

    def _mark(self, transfer: Transfer, teams: list[str]) -> None:
        """Change the deliveries of a file's records to `teams` into deliveries of counts."""
        self._write()
        rolls.mark(self.session, transfer.sequence, teams)
        for team in teams:
            self._note(transfer, team)

    def _note(self, transfer: Transfer, team: str) -> None:
        """Remember that a team has counts of a file, to compare later files with."""
        upload, data_type = transfer.upload, transfer.data_type or ""
        self.earlier.append(
            Earlier(
                transfer.sequence, upload.provider, data_type, transfer.period, upload.reference,
                upload.landed_at, None, team, None,
            )
        )  # fmt: skip

    def _make_room(self, transfer: Transfer, team: str) -> bool:
        """Withdraw a team's counts of an earlier file of the same school, kind and period; return True.

        False where the team has opened those counts, or has some of a later file.
        """
        data_type = transfer.data_type or ""
        wanted = counts_period(data_type, transfer.period, transfer.upload.landed_at, self.catalogue)
        same = [
            one
            for one in self.earlier
            if (one.provider, one.data_type, one.team) == (transfer.upload.provider, data_type, team)
            and one.sequence != transfer.sequence
            and counts_period(data_type, one.period, one.landed_at, self.catalogue) == wanted
        ]
        if any(one.collected_at is not None or one.sequence > transfer.sequence for one in same):
            return False
        for one in same:
            self.earlier[self.earlier.index(one)] = one._replace(team=None)  # The file itself stays.
            if (one.sequence, team) in self._fresh:
                self._fresh.remove((one.sequence, team))
            else:
                self._back.append((one.sequence, team))
        return True
