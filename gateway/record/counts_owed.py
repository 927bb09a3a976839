"""Which accepted files are counted for teams that may have no record of a pupil.

Of each school, kind of data and period one is: the first. A later one stands instead of it as long as nobody
has opened the tables of the first; who has two may subtract one from the other. Later is what landed later,
whichever was decided first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlmodel import Session

from gateway.model import Classified, Decision, Provider, Transfer
from gateway.policy.catalogue import Catalogue
from gateway.policy.counts import counts_period, counts_teams, is_whole_roll
from gateway.registry import counts, rolls
from gateway.registry.counts import CountsGiven


@dataclass(slots=True)
class CountsOwed:
    """The counts that one transaction gives, for what is decided in it in order; `write` is to follow."""

    session: Session
    catalogue: Catalogue
    at: datetime
    _given: dict[counts.CountedKind, list[CountsGiven]] = field(default_factory=dict)
    _fresh: set[tuple[int, str]] = field(default_factory=set)
    _on_roll: dict[str, int] = field(default_factory=dict)

    def look_ahead(self, files: Iterable[tuple[Transfer, Decision, Provider]]) -> None:
        """Ask at once what will be asked for each of these files."""
        wanted = [
            (transfer, team)
            for transfer, decision, provider in files
            for team in self._teams(transfer, decision, provider)
        ]
        if wanted:
            owners = {transfer.upload.provider for transfer, _ in wanted}
            self._on_roll |= rolls.count_on_rolls(self.session, owners - self._on_roll.keys())
            kinds = {_kind(transfer, team) for transfer, team in wanted}
            self._given |= counts.given(self.session, kinds - self._given.keys())

    def deliver(self, transfer: Transfer, decision: Decision, provider: Provider) -> Transfer:
        """Put counts of a file that was just accepted into mailboxes; the transfer, with those teams.

        A file without pupils may have been sent to such teams: of that, too, they get counts.
        """
        content = transfer.content
        self._mark(transfer, [team for team in transfer.teams if self._has_no_records(team)])
        teams = self._teams(transfer, decision, provider)
        known = self._known(transfer.upload.provider) if teams else 0
        if not isinstance(content, Classified) or not is_whole_roll(content, known, self.catalogue):
            return transfer
        given = [team for team in teams if self._make_room(transfer, team)]
        if not given:
            return transfer
        self._mark(transfer, [team for team in given if team in transfer.teams])
        for team in given:
            if team not in transfer.teams:
                self._fresh.add((transfer.sequence, team))
                self._of(transfer, team).append(_as_given(transfer))
        return replace(transfer, teams=tuple(sorted({*transfer.teams, *given})))

    def write(self) -> None:
        """Write what is given and was not taken back."""
        counts.deliver(self.session, sorted(self._fresh), self.at)
        self._fresh.clear()
        self._given.clear()

    def _mark(self, transfer: Transfer, teams: list[str]) -> None:
        """What these teams were sent is no more to them than counts."""
        if teams:
            self.write()
            counts.mark(self.session, transfer.sequence, teams)

    def _known(self, provider: str) -> int:
        """How many pupils are on a roll before this transaction changes it."""
        if provider not in self._on_roll:
            self._on_roll |= rolls.count_on_rolls(self.session, [provider])
        return self._on_roll[provider]

    def _teams(self, transfer: Transfer, decision: Decision, provider: Provider) -> tuple[str, ...]:
        content = transfer.content
        if not isinstance(content, Classified) or transfer.data_type != content.data_type:
            return ()
        return counts_teams(content, decision, provider, self.catalogue)

    def _has_no_records(self, team: str) -> bool:
        found = self.catalogue.team(team)
        return found is not None and not found.pupil_level

    def _of(self, transfer: Transfer, team: str) -> list[CountsGiven]:
        kind = _kind(transfer, team)
        if kind not in self._given:
            self._given |= counts.given(self.session, [kind])
        return self._given[kind]

    def _make_room(self, transfer: Transfer, team: str) -> bool:
        """Whether a team has opened no counts of the same school, kind, period, and has none of a later file.

        What stood there is taken back then.
        """
        wanted, given = self._period(transfer, _as_given(transfer)), self._of(transfer, team)
        same = [
            each
            for each in given
            if each.transfer != transfer.sequence and self._period(transfer, each) == wanted
        ]
        if any(each.collected or each.transfer > transfer.sequence for each in same):
            return False
        for each in same:
            given.remove(each)
            if (each.transfer, team) in self._fresh:
                self._fresh.remove((each.transfer, team))
            else:
                counts.take_back(self.session, each)
        return True

    def _period(self, transfer: Transfer, given: CountsGiven) -> object:
        return counts_period(transfer.data_type or "", given.period, given.landed_at, self.catalogue)


def _kind(transfer: Transfer, team: str) -> counts.CountedKind:
    return team, transfer.upload.provider, transfer.data_type or ""


def _as_given(transfer: Transfer) -> CountsGiven:
    return CountsGiven(
        delivery=None,
        transfer=transfer.sequence,
        period=transfer.period,
        landed_at=transfer.upload.landed_at,
        collected=False,
    )
