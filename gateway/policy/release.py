"""What the agreement says of a file that a person wants to send on: for whom, under which flow, against what.

A person can place what the gateway could not. That does not put them above the agreement: rights, embargo,
ratification and who may send are asked for the teams that they name. What those forbid needs a second person;
that a team without pupil level gets records of pupils nobody can allow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.model import EDUCATION_PROVIDERS, Classified, ContentRefused, Provider, Reason
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
    if flow is None:
        raise ReleaseImpossibleError(f"no flow of the agreement carries {kind}")
    classified = _as_classified(content, kind)
    wanted = _teams(classified, catalogue, flow, provider, teams)
    return Release(
        data_type=kind,
        flow=flow.id,
        teams=wanted,
        forbidden=tuple(
            _forbidden(classified, content, held_for, catalogue, provider, now=now, flow=flow, teams=wanted)
        ),
        on_roll=_on_roll(classified, provider) and not any(why.code in _OF_OTHERS for why in held_for),
    )


def _on_roll(classified: Classified, provider: Provider) -> bool:
    """Whether the pupils are on the rolls of the schools that the sender speaks for."""
    return (
        provider.kind in EDUCATION_PROVIDERS
        and not of_other_schools(classified, provider)
        and without_school(classified, provider) == 0
    )


def _as_classified(content: Classified | ContentRefused, data_type: str) -> Classified:
    """The file as the person says it is. Of one that nobody recognised, no item and no pupil was counted."""
    if isinstance(content, Classified):
        return replace(content, data_type=data_type)
    return Classified(
        data_type=data_type,
        level="moderate",
        evidence=(),
        format=content.format or "unknown",
        extension=content.extension,
    )


def _teams(
    classified: Classified, catalogue: Catalogue, flow: Flow, provider: Provider, wanted: tuple[str, ...]
) -> tuple[str, ...]:
    for name in wanted:
        team = catalogue.team(name)
        if team is None:
            raise ReleaseImpossibleError(f"there is no team {name}")
        if not team.pupil_level and classified.pupils != 0:
            raise ReleaseImpossibleError(
                f"{name} may have no records of single pupils, whoever allows it "
                f"({catalogue.clause_of('policy:counts-only')})"
            )
    found = tuple(dict.fromkeys(wanted)) or teams_for(classified, catalogue, flow, provider.kind)
    if not found:
        raise ReleaseImpossibleError(
            "no team of its flow may have everything in the file: return it, or name a team with --team"
        )
    return found


def _forbidden(
    classified: Classified,
    found: Classified | ContentRefused,
    held_for: tuple[Reason, ...],
    catalogue: Catalogue,
    provider: Provider,
    *,
    now: datetime,
    flow: Flow,
    teams: tuple[str, ...],
) -> Iterator[Reason]:
    yield from (why for why in held_for if why.code in _TAKES_TWO)
    if provider.kind not in (*flow.senders, *flow.on_behalf):
        yield catalogue.reason_under(
            flow.clause, "policy:sender-not-in-flow", title=flow.document.description
        )
    yield from unratified(provider, flow, (classified.data_type,), catalogue, now).waits
    if provider.suspended:
        yield catalogue.reason("policy:suspended")
    until = _embargo(classified, found, catalogue, now)
    if until is not None:
        yield embargo_reason(flow, catalogue, until)
    entitled = teams_for(classified, catalogue, flow, provider.kind)
    if any(team not in entitled for team in teams):
        yield catalogue.reason("policy:no-basis", count=sum(team not in entitled for team in teams))


def _embargo(
    classified: Classified, found: Classified | ContentRefused, catalogue: Catalogue, now: datetime
) -> datetime | None:
    """Until when results may not be passed on, whatever the person calls the file."""
    kinds = {classified.data_type, classified.mixed_with}
    if isinstance(found, Classified):
        kinds |= {found.data_type, found.mixed_with, *found.results}
    until = release_moment(kinds, classified.facts, catalogue, now)
    return until if until is not None and now < until else None
