"""What the agreement says of a file that a person wants to send on: for whom, under which flow, against what.

A person can place what the gateway could not. That does not put them above the agreement: rights, embargo,
ratification and who may send are asked for the teams that they name. What those forbid needs a second person;
that a team without pupil level gets records of pupils nobody can allow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.model import Classified, ContentRefused, Provider, Reason
from gateway.policy.catalogue import Catalogue
from gateway.policy.embargo import embargo_reason, release_moment
from gateway.policy.items import teams_for
from gateway.policy.ratification import unratified
from gateway.policy.schema import Flow
from gateway.policy.schools import of_other_schools, without_school

# Reasons for a hold that one person's judgement does not outweigh.
_TAKES_TWO = frozenset(
    {"open:malware", "policy:sensitive", "policy:items-outside-held", "policy:items-proposed-held"}
)
# Reasons for a hold that say that pupils may be of another school than the sender's.
_OF_OTHERS = frozenset({"policy:other-school", "policy:school-not-named"})
STAY = _TAKES_TWO | _OF_OTHERS
"""Reasons that stay beside a file that is taken back: they count when somebody wants to send it on again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A held file as a person wants to send it on.

    `forbidden` is what the agreement says against it; a second person may override that. `on_roll`: the
    pupils in it are on the roll of its sender, or of the schools for which it speaks.
    """

    data_type: str
    flow: str
    teams: tuple[str, ...]
    forbidden: tuple[Reason, ...]
    on_roll: bool


class ReleaseImpossibleError(ValueError):
    """Nobody may release the file so. The text says what to do instead."""


def judge_release(
    content: Classified | ContentRefused,
    held_for: tuple[Reason, ...],
    catalogue: Catalogue,
    provider: Provider,
    now: datetime,
    *,
    data_type: str | None = None,
    teams: tuple[str, ...] = (),
) -> Release:
    """The release of a held file of `provider` at `now`, as `data_type`, to `teams`.

    None of these: what it was classified as, and the teams of its flow that may have it. `held_for` are the
    reasons it waits for. ReleaseImpossibleError where nobody can allow it, or where it does not say enough.
    """
    kind = data_type or (content.data_type if isinstance(content, Classified) else None)
    if kind is None:
        raise ReleaseImpossibleError("nobody has said yet what the file is: add --as DATA_TYPE")
    flow = catalogue.flow_of(kind)
    if flow is None and (off := catalogue.optional_flow_of(kind)) is not None:
        raise ReleaseImpossibleError(f"not switched on yet: gateway policy optional switch {off.id} on")
    if flow is None:
        raise ReleaseImpossibleError(f"no flow of the agreement carries {kind}")
    for_two = any(why.code in _TAKES_TWO for why in held_for)
    asked = _Asked(kind, flow, tuple(_pieces(content, kind)), catalogue, provider, for_two=for_two)
    wanted = asked.teams(teams)
    return Release(
        data_type=kind,
        flow=flow.id,
        teams=wanted,
        forbidden=tuple(dict.fromkeys(asked.forbidden(held_for, now, wanted))),
        on_roll=asked.on_roll() and not any(why.code in _OF_OTHERS for why in held_for),
    )


@dataclass(frozen=True, slots=True)
class _Piece:
    """One file or table of what was held. Nothing was counted in one that was not `recognised`."""

    found: Classified
    recognised: bool = True


def _pieces(content: Classified | ContentRefused, data_type: str) -> Iterator[_Piece]:
    """All of them; what nobody recognised is taken as what the person says it is."""
    if isinstance(content, Classified):
        yield _Piece(content)
    elif content.parts:
        for part in content.parts:
            yield from _pieces(part, data_type)
    else:
        unknown = Classified(
            data_type=data_type,
            level="moderate",
            evidence=(),
            format=content.format or "unknown",
            extension=content.extension,
        )
        yield _Piece(unknown, recognised=False)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a person asks for: a file of these pieces, as `kind`, which `flow` carries.

    Each piece stays what it is: what the agreement says of its own type counts beside what it says of `kind`.
    """

    kind: str
    flow: Flow
    pieces: tuple[_Piece, ...]
    catalogue: Catalogue
    provider: Provider
    for_two: bool

    def on_roll(self) -> bool:
        """Whether the pupils are on the rolls of the schools that the sender speaks for."""
        return self.catalogue.bodies.of(self.provider.kind).own_pupils and all(
            not of_other_schools(each.found, self.provider) and without_school(each.found, self.provider) == 0
            for each in self.pieces
        )

    def teams(self, named: tuple[str, ...]) -> tuple[str, ...]:
        """Those named, or else those that may certainly have all of it."""
        has_records = any(each.found.pupils != 0 for each in self.pieces)
        for name in named:
            team = self.catalogue.team(name)
            if team is None:
                raise ReleaseImpossibleError(f"there is no team {name}")
            if not team.pupil_level and has_records:
                raise ReleaseImpossibleError(
                    f"{name} may have no records of single pupils, whoever allows it "
                    f"({self.catalogue.clause_of('policy:counts-only')})"
                )
        if named:
            return tuple(dict.fromkeys(named))
        certain = all(each.recognised for each in self.pieces)
        found = tuple(team for team in self.entitled() if certain or self._may_have_all_agreed(team))
        if not found:
            raise ReleaseImpossibleError(
                "no team of its flow may have everything in the file: return it, or name a team with --team"
            )
        return found

    def entitled(self) -> tuple[str, ...]:
        """The teams of the flow that may have what was found in each of the pieces.

        Of several pieces no views are made, nor of what a second person allows for what is in it: whoever
        gets that must have a right to all of it; the same goes for a file under another name.
        """
        as_found = len(self.pieces) == 1 and self.pieces[0].found.data_type == self.kind and not self.for_two
        found = [
            [
                team
                for team in teams_for(
                    replace(each.found, data_type=kind), self.catalogue, flow, self.provider.kind
                )
                if as_found or self._may_have_all(team, each.found)
            ]
            for each in self.pieces
            for kind, flow in self._carried_by(each)
        ]
        return tuple(team for team in found[0] if all(team in others for others in found))

    def _may_have_all(self, team: str, found: Classified) -> bool:
        return found.pupils == 0 or all(
            self.catalogue.may_have(team, item, self.provider.kind)
            for item in found.items
            if item in self.catalogue.appendix_a
        )

    def _may_have_all_agreed(self, team: str) -> bool:
        """Whether a team may have whatever of Appendix A is agreed, so that it may be anything."""
        return all(
            self.catalogue.may_have(team, f"{group.label}: {item}", self.provider.kind)
            for group in self.catalogue.rights.group
            for item in group.items
            if item not in group.proposed
        )

    def _carried_by(self, piece: _Piece) -> Iterator[tuple[str, Flow]]:
        yield self.kind, self.flow
        own = self.catalogue.flow_of(piece.found.data_type)
        if own is not None and piece.found.data_type != self.kind:
            yield piece.found.data_type, own

    def forbidden(
        self, held_for: tuple[Reason, ...], now: datetime, teams: tuple[str, ...]
    ) -> Iterator[Reason]:
        """What the agreement says against it."""
        yield from (why for why in held_for if why.code in _TAKES_TWO)
        carried = dict.fromkeys(pair for each in self.pieces for pair in self._carried_by(each))
        for _, flow in carried:
            if self.provider.kind not in (*flow.senders, *flow.on_behalf):
                title = flow.document.description
                yield self.catalogue.reason_under(flow.clause, "policy:sender-not-in-flow", title=title)
        for kind, flow in carried:
            yield from unratified(self.provider, flow, (kind,), self.catalogue, now).waits
        if self.provider.suspended:
            yield self.catalogue.reason("policy:suspended")
        yield from self._embargo(now)
        without = sum(team not in self.entitled() for team in teams)
        if without:
            yield self.catalogue.reason("policy:no-basis", count=without)

    def _embargo(self, now: datetime) -> Iterator[Reason]:
        """Results that may not be passed on yet, whatever the person calls the file."""
        later = (now, self.flow)
        for each in self.pieces:
            for kind in (self.kind, each.found.data_type, each.found.mixed_with, *each.found.results):
                until = release_moment((kind,), each.found.facts, self.catalogue, now)
                if until is not None and until > later[0]:
                    later = (until, self.catalogue.flow_of(kind or self.kind) or self.flow)
        if later[0] > now:
            yield embargo_reason(later[1], self.catalogue, later[0])
