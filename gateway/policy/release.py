"""Judge a person's release of a held file: recipients, flow, and objections of the agreement.

A person may place a file the gateway could not, but stays bound by the agreement: rights, embargo,
ratification and permitted senders are checked for the teams named. A second person may override those
objections; records of pupils for a team without pupil level are beyond any override.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.errors import GatewayError
from gateway.model import Classified, ContentRefused, Provider, Reason
from gateway.policy.catalogue import Catalogue
from gateway.policy.items import teams_for
from gateway.policy.ratification import unratified
from gateway.policy.reference import embargo_reason, release_moment
from gateway.policy.schema import Flow
from gateway.policy.schools import of_other_schools, without_school

# Reasons for a hold beyond one person's judgement.
_TAKES_TWO = frozenset((
    "open:malware", "policy:awaited", "policy:sensitive", "policy:items-outside-held",
    "policy:items-proposed-held",
))  # fmt: skip
# Reasons for a hold over pupils possibly of another school than the sender's.
_OF_OTHERS = frozenset({"policy:other-school", "policy:school-not-named"})
STAY = _TAKES_TWO | _OF_OTHERS
"""Reasons kept with a recalled file, for a later release."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A release as a person asks for it: data type, flow, teams.

    `forbidden`: the agreement's objections, which a second person may override. `on_roll`: the pupils are on
    the roll of the sender, or of the schools for which the sender may send.
    """

    data_type: str
    flow: str
    teams: tuple[str, ...]
    forbidden: tuple[Reason, ...]
    on_roll: bool


class ReleaseImpossibleError(GatewayError):
    """Raised if nobody may release the file as asked; the text names the next step."""


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
    """Judge the release of a held file of `provider` at `now`, as `data_type`, to `teams`.

    Defaults are the classified data type, and the entitled teams of its flow. `held_for` are the reasons for
    holding. Raise ReleaseImpossibleError for an impossible or incomplete request.
    """
    kind = data_type or (content.data_type if isinstance(content, Classified) else None)
    if kind is None:
        raise ReleaseImpossibleError("nobody has said yet what the file is: say its kind")
    if (flow := catalogue.flow_of(kind)) is None:
        off = catalogue.optional_flow_of(kind)
        why = f"not switched on yet: gateway policy optional switch {off.id} on" if off else None
        raise ReleaseImpossibleError(why or f"no flow of the agreement carries {kind}")
    for_two = any(why.code in _TAKES_TWO for why in held_for)
    pieces, recognised = zip(*_pieces(content, kind), strict=True)
    asked = _Asked(kind, flow, pieces, catalogue, provider, certain=all(recognised), for_two=for_two)
    wanted = asked.teams(teams)
    return Release(
        data_type=kind,
        flow=flow.id,
        teams=wanted,
        forbidden=tuple(dict.fromkeys(asked.forbidden(held_for, now, wanted))),
        on_roll=asked.on_roll() and not any(why.code in _OF_OTHERS for why in held_for),
    )


def _pieces(content: Classified | ContentRefused, data_type: str) -> Iterator[tuple[Classified, bool]]:
    """Yield each file or table in a held file, and True if it was recognised.

    Unrecognised pieces take the type named by the person.
    """
    if isinstance(content, Classified):
        yield content, True
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
        yield unknown, False


@dataclass(frozen=True, slots=True)
class _Asked:
    """A release to judge: a file of `pieces`, sent on as the data type `kind`, carried by `flow`.

    `certain`: every piece was recognised; the rules for each piece's own type then apply as well.
    """

    kind: str
    flow: Flow
    pieces: tuple[Classified, ...]
    catalogue: Catalogue
    provider: Provider
    certain: bool
    for_two: bool

    def on_roll(self) -> bool:
        """Return True if the pupils are on the rolls of schools for which the sender may send."""
        return self.provider.kind in self.catalogue.bodies.with_own_pupils and all(
            not of_other_schools(each, self.provider) and without_school(each, self.provider) == 0
            for each in self.pieces
        )

    def teams(self, named: tuple[str, ...]) -> tuple[str, ...]:
        """Return the named teams, or else the teams entitled to everything in the file."""
        has_records = any(each.pupils != 0 for each in self.pieces)
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
        # A team that may have every agreed item may have any file of agreed items.
        agreed = self.catalogue.appendix_a.keys() - self.catalogue.proposed
        found = tuple(each for each in self.entitled() if self.certain or self._may_have_all(each, agreed))
        if not found:
            raise ReleaseImpossibleError(
                "no team of its flow may have everything in the file: return it, or name the teams"
            )
        return found

    def entitled(self) -> tuple[str, ...]:
        """Return the flow's teams entitled to the contents of every piece.

        Several pieces, a file renamed to another type, and a file needing a second person have no views: each
        team must have a right to everything.
        """
        as_found = len(self.pieces) == 1 and self.pieces[0].data_type == self.kind and not self.for_two
        found = [
            [
                team
                for team in teams_for(replace(each, data_type=kind), self.catalogue, flow, self.provider.kind)
                if as_found or each.pupils == 0 or self._may_have_all(team, each.items)
            ]
            for each in self.pieces
            for kind, flow in self._carried_by(each)
        ]
        return tuple(team for team in found[0] if all(team in others for others in found))

    def _may_have_all(self, team: str, items: Iterable[str]) -> bool:
        granted = self.catalogue.granted(team, self.provider.kind)
        return granted.issuperset(item for item in items if item in self.catalogue.appendix_a)

    def _carried_by(self, piece: Classified) -> Iterator[tuple[str, Flow]]:
        yield self.kind, self.flow
        own = self.catalogue.flow_of(piece.data_type)
        if own is not None and piece.data_type != self.kind:
            yield piece.data_type, own

    def forbidden(
        self, held_for: tuple[Reason, ...], now: datetime, teams: tuple[str, ...]
    ) -> Iterator[Reason]:
        """Yield the agreement's objections to the release."""
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
        # The embargo on results, under any name given by the person.
        later = (now, self.flow)
        for each in self.pieces:
            for name in (self.kind, each.data_type, each.mixed_with, *each.results):
                until = release_moment((name,), each.facts, self.catalogue, now)
                if until is not None and until > later[0]:
                    later = (until, self.catalogue.flow_of(name or self.kind) or self.flow)
        if later[0] > now:
            yield embargo_reason(later[1], self.catalogue, later[0])
        without = sum(team not in self.entitled() for team in teams)
        if without:
            yield self.catalogue.reason("policy:no-basis", count=without)
