"""Which accepted files are counted for teams that may have no record of a pupil.

Of each school, kind of data and period one is: the first. A later one stands instead of it as long as nobody
has opened the tables of the first; who has two may subtract one from the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from sqlmodel import Session

from gateway.model import Classified, Decision, Provider, Transfer
from gateway.policy.catalogue import Catalogue
from gateway.policy.counts import counts_period, counts_teams, is_whole_roll
from gateway.record.batch import Batch
from gateway.registry import counts, rolls


def deliver(
    batch: Batch,
    transfer: Transfer,
    decision: Decision,
    catalogue: Catalogue,
    *,
    provider: Callable[[], Provider],
    at: datetime,
) -> Transfer:
    """Put counts of a file that was just accepted into mailboxes; the transfer, with those teams.

    A file without pupils may have been sent to such teams: of that, too, they get counts.
    """
    session, content = batch.session, transfer.content
    sent = tuple(team for team in transfer.teams if _has_no_records(team, catalogue))
    counts.deliver(session, transfer.sequence, sent, at, known=True)
    if not isinstance(content, Classified) or transfer.data_type != content.data_type:
        return transfer
    teams = counts_teams(content, decision, provider(), catalogue)
    known = _on_roll(batch, transfer.upload.provider) if teams else 0
    if not is_whole_roll(content, known, catalogue):
        return transfer
    given = tuple(team for team in teams if _make_room(session, transfer, team, catalogue))
    if not given:
        return transfer
    for has in (True, False):
        some = [team for team in given if (team in transfer.teams) == has]
        counts.deliver(session, transfer.sequence, some, at, known=has)
    return replace(transfer, teams=tuple(sorted({*transfer.teams, *given})))


def _on_roll(batch: Batch, provider: str) -> int:
    """How many pupils are on a roll before this transaction changes it."""
    return batch.once(("on roll", provider), lambda: rolls.count_on_roll(batch.session, provider))


def _has_no_records(team: str, catalogue: Catalogue) -> bool:
    found = catalogue.team(team)
    return found is not None and not found.pupil_level


def _make_room(session: Session, transfer: Transfer, team: str, catalogue: Catalogue) -> bool:
    """Whether a team has opened no counts of the same school, kind and period; others are taken back."""
    kind = transfer.data_type or ""
    wanted = counts_period(kind, transfer.period, transfer.upload.landed_at, catalogue)
    same = [
        each
        for each in counts.given(session, team, transfer.upload.provider, kind)
        if each.transfer != transfer.sequence
        and counts_period(kind, each.period, each.landed_at, catalogue) == wanted
    ]
    if any(each.collected for each in same):
        return False
    counts.take_back(session, same)
    return True
