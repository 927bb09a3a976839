"""Which accepted files are counted for teams that may have no record of a pupil.

Of each school, kind of data and period one is: the first. A later one stands instead of it as long as nobody
has opened the tables of the first; who has two may subtract one from the other. Later is what landed later,
whichever was decided first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlmodel import Session

from gateway.model import Classified, Decision, Provider, Transfer
from gateway.policy.catalogue import Catalogue
from gateway.policy.counts import counts_period, counts_teams, is_whole_roll
from gateway.policy.superseding import is_comparable, tells_by_content
from gateway.registry import counts
from gateway.registry.counts import Earlier, Wanted, accepted_files

Decided = tuple[Transfer, Decision, Provider, bool]
"""A file on which was just decided, its sender, and whether teams may be given counts of it."""


@dataclass(slots=True)
class CountsOwed:
    """The counts that one transaction gives, for what is decided in it in order; `write` is to follow.

    `earlier` are the accepted files among which those that are decided stand, `on_roll` how many pupils were
    on each roll before this transaction changes it.
    """

    session: Session
    catalogue: Catalogue
    at: datetime
    earlier: list[Earlier] = field(default_factory=list)
    on_roll: dict[str, int] = field(default_factory=dict)
    _fresh: set[tuple[int, str]] = field(default_factory=set)

    def look_ahead(self, files: Sequence[Decided]) -> None:
        """Ask at once what is asked for each of these files. Their decisions have to be written."""
        teams: set[str] = set()
        alike, counted = [], []
        for transfer, decision, sender, counts_it in files:
            if counts_it and (some := self._teams(transfer, decision, sender)):
                teams.update(some)
                counted.append(transfer)
            if is_comparable(transfer, self.catalogue):
                alike.append((transfer, sender))
        whole = self.catalogue.agreement.discrepancies.whole_rolls
        if asked := [*counted, *(transfer for transfer, _ in alike)]:
            wanted = Wanted(
                {one.upload.provider for one in asked},
                {one.data_type or "" for one in asked},
                {one.period or "" for one, _ in alike},
                teams,
                {one.sequence for one in counted},
                {one.upload.provider for one in counted if one.data_type not in whole},
                any(tells_by_content(sender, self.catalogue.bodies) for _, sender in alike),
            )
            self.earlier = accepted_files(self.session, wanted)
            self.on_roll = {one.provider: one.on_roll or 0 for one in self.earlier}

    def deliver(self, transfer: Transfer, decision: Decision, provider: Provider) -> Transfer:
        """Put counts of a file that was just accepted into mailboxes; the transfer, with those teams.

        A file without pupils may have been sent to such teams: of that, too, they get counts.
        """
        content = transfer.content
        self._mark(transfer, [team for team in transfer.teams if self._has_no_records(team)])
        teams = self._teams(transfer, decision, provider)
        known = self.on_roll.get(transfer.upload.provider, 0)
        if not isinstance(content, Classified) or not is_whole_roll(content, known, self.catalogue):
            return transfer
        given = [team for team in teams if self._make_room(transfer, team)]
        if not given:
            return transfer
        self._mark(transfer, [team for team in given if team in transfer.teams])
        for team in given:
            if team not in transfer.teams:
                self._fresh.add((transfer.sequence, team))
                self._note(transfer, team)
        return replace(transfer, teams=tuple(sorted({*transfer.teams, *given})))

    def write(self) -> None:
        """Write what is given and was not taken back."""
        counts.deliver(self.session, sorted(self._fresh), self.at)
        self._fresh.clear()

    def _mark(self, transfer: Transfer, teams: list[str]) -> None:
        """What these teams were sent is no more to them than counts."""
        if teams:
            self.write()
            counts.mark(self.session, transfer.sequence, teams)
            for team in teams:
                self._note(transfer, team)

    def _note(self, transfer: Transfer, team: str) -> None:
        """Note that a team has counts of a file."""
        upload, data_type = transfer.upload, transfer.data_type or ""
        self.earlier.append(
            Earlier(
                transfer.sequence, upload.provider, data_type, transfer.period, upload.reference,
                upload.landed_at, None, team, None,
            )
        )  # fmt: skip

    def _teams(self, transfer: Transfer, decision: Decision, provider: Provider) -> tuple[str, ...]:
        content = transfer.content
        if not isinstance(content, Classified) or transfer.data_type != content.data_type:
            return ()
        return counts_teams(content, decision, provider, self.catalogue)

    def _has_no_records(self, team: str) -> bool:
        found = self.catalogue.team(team)
        return found is not None and not found.pupil_level

    def _make_room(self, transfer: Transfer, team: str) -> bool:
        """Take back what a team has of the same school, kind and period, so that it can have counts of this.

        Not where it has opened those, or has some of a later file: then it gets none of this one.
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
            self.earlier[self.earlier.index(one)] = one._replace(team=None)  # The file itself still stands.
            if (one.sequence, team) in self._fresh:
                self._fresh.remove((one.sequence, team))
            else:
                counts.take_back(self.session, one.sequence, team)
        return True
