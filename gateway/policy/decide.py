"""Decide on files, declared transfers and releases: accept, hold or refuse. Pure; only this module decides.

Data listed in no flow is refused. A file that is not refused is held while any rule has it wait; otherwise
it is accepted for the teams entitled to a view of it.

`decide_method` decides on a declaration of a transfer outside this gateway, which names the data, the method
and the attested safeguards.

A person may release a held file the gateway could not place, but stays bound by the agreement: rights,
embargo, ratification and permitted senders are checked for the teams named. A second person may override
such objections, but nobody can release records of pupils to a team without pupil level.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import NamedTuple

from gateway.errors import GatewayError
from gateway.law import pack_on
from gateway.model import (
    Accepted,
    Classified,
    ContentRefused,
    Decision,
    Facts,
    Held,
    Provider,
    ProviderKind,
    Reason,
    Refused,
    Settled,
)
from gateway.policy import items, schools
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import embargo_reason, is_of_the_past, local_day, release_moment, spoken
from gateway.policy.ratification import unratified
from gateway.policy.schema import ActionReason, Flow, ItemAction
from gateway.policy.timescale import BY_SCHOOL_DAYS, out_of_season


def of_parts(decisions: tuple[Decision, ...], about: tuple[Reason, ...], catalogue: Catalogue) -> Decision:
    """Return the decision on a file of several parts: refused if every part is refused, else held.
    The reasons are those in `about`, on the whole file, and all reasons to hold or refuse a part.
    """
    why = (r for each in decisions if not isinstance(each, Accepted) for r in each.reasons)
    reasons = tuple(dict.fromkeys((*about, *why)))
    if all(isinstance(each, Refused) for each in decisions):
        return Refused(reasons=reasons)
    several = catalogue.reason("classify:several-kinds", count=len(decisions))
    return Held(reasons=(several, *reasons))


_OLDEST_RETURN = 731
_FILLED = {
    "classify:outside-agreement": ("kind", "another collection"),
    "classify:document": ("kind", "a file of another kind"),
    "classify:packed": ("kind", "a file of another kind"),
    "classify:locked": ("kind", "a file of another kind"),
    "classify:law-return": ("kind", "another return"),
    "classify:other-assessments": ("kinds", "of another kind"),
    "classify:active-content": ("what", "something unknown"),
    "classify:beside-table": ("what", "something unknown"),
}
"""By reason code: the blank for what the content is, and the words for an unknown content."""
_WAITING = frozenset(
    {
        "classify:unknown",
        "classify:no-rows",
        "classify:ambiguous",
        "classify:not-calculated",
        "classify:no-upn",
    }
)


def decide(
    classified: Classified | ContentRefused,
    catalogue: Catalogue,
    provider: Provider,
    now: datetime,
    *,
    method: str = "sftp",
    safeguards: frozenset[str] = frozenset(),
    landed_at: datetime | None = None,
) -> Decision:
    """Return the decision on a file of `provider` sent by `method` at the aware moment `now`. Never raises.

    `landed_at`: when the file landed, if before `now`.

    Every decision carries at least one reason, each with a clause of the agreement. `Held.until` is set only
    if nothing but an embargo stands in the way; decide again at that moment.
    """
    if isinstance(classified, ContentRefused) and classified.parts:
        each = (
            decide(part, catalogue, provider, now, method=method, safeguards=safeguards, landed_at=landed_at)
            for part in classified.parts
        )
        return of_parts(tuple(each), tuple(items.sensitive_reasons(classified, catalogue)), catalogue)
    if isinstance(classified, ContentRefused):
        return _of_content(classified, catalogue)
    flow = catalogue.flow_of(classified.data_type)
    if flow is None and catalogue.optional_flow_of(classified.data_type) is not None:  # Not switched on.
        kind = catalogue.wording.name(classified.data_type)
        why = catalogue.reason("classify:law-return", kind=kind)
        return Held(reasons=(*items.sensitive_reasons(classified, catalogue), why))
    if flow is None:
        return Refused(reasons=(catalogue.reason("policy:no-flow"),))
    if provider.kind not in flow.kinds:
        title = flow.document.description
        why = catalogue.reason_under(flow.clause, "policy:sender-not-in-flow", title=title)
        return Refused(reasons=(why,), flow=flow.id)
    asked = (method, flow.id, classified.data_type, provider.kind, safeguards)
    if (refusals := catalogue.methods.refusals.get(asked)) is None:
        about = subject_of(flow, (classified.data_type,), catalogue)
        refusals = tuple(method_refusals(method, about, provider.kind, safeguards, catalogue))
        catalogue.methods.refusals[asked] = refusals
    refused = Refused(reasons=refusals, flow=flow.id)
    return refused if refusals else _of_flow(classified, catalogue, provider, now, flow, landed_at=landed_at)


def _of_content(refused: ContentRefused, catalogue: Catalogue) -> Decision:
    """Return the decision on content of no known data type: refused if malformed, else held."""
    code, detail = refused.code, dict[str, str]()
    if code == "classify:malformed":
        return Refused(reasons=(catalogue.reason(code),))
    if code == "open:malware":
        return Held(reasons=tuple(items.sensitive_reasons(refused, catalogue)))
    if code in _FILLED:
        blank, otherwise = _FILLED[code]
        detail = {blank: refused.about or otherwise}
        if (step := catalogue.reasons.services.get(refused.about or "")) is not None:
            detail["service"] = step
    elif code not in _WAITING:
        code = "internal:held"
    why = catalogue.reason(code, **detail)
    return Held(reasons=(*items.sensitive_reasons(refused, catalogue), why))


def _of_flow(
    classified: Classified,
    catalogue: Catalogue,
    provider: Provider,
    now: datetime,
    flow: Flow,
    *,
    landed_at: datetime | None,
) -> Decision:
    today, document = local_day(now, catalogue.calendar.timezone), flow.document
    # Nobody gets sensitive data before a person has looked.
    sensitive = list(items.sensitive_reasons(classified, catalogue))
    teams = () if sensitive else items.teams_for(classified, catalogue, flow, provider.kind)
    sender = {"policy:suspended": provider.suspended, "policy:closed": provider.closed_on is not None}
    found = list(unratified(provider, flow, (classified.data_type,), catalogue, now))
    found += (("hold", catalogue.reason(code)) for code, applies in sender.items() if applies)
    if provider.kind in flow.for_a_person:
        found.append(("hold", catalogue.reason("policy:assessment", title=document.description)))
    found += schools.about_schools(classified, catalogue, provider)
    found += (("hold", why) for why in sensitive)
    found += items.beyond_flow(classified, catalogue, provider, flow)
    day, is_return = classified.facts.reference_date, "statutory" in flow.basis
    if is_return and day is not None and (today - day).days > _OLDEST_RETURN:  # Nobody is owed one any more.
        found.append(("hold", catalogue.reason("policy:old-return", day=spoken(day))))
    found += _version_reasons(classified, catalogue, today)
    # In a flow without teams the file may be for a provider.
    for_teams, nobody = bool(flow.of(classified.data_type).teams), not sensitive and not teams
    if nobody and (for_teams or not schools.reaches_providers(classified, flow, catalogue)):
        found.append(("hold", catalogue.reason("policy:no-team")))
    if is_return and (period := out_of_season(classified, provider, catalogue, today)) is not None:
        detail = {"period": period.name, "first": spoken(period.first), "due": spoken(period.due)}
        kind = catalogue.wording.name(classified.data_type)
        found.append(("notice", catalogue.reason("policy:out-of-season", kind=kind, **detail)))
    latest, landed = classified.facts.latest_day, local_day(landed_at or now, catalogue.calendar.timezone)
    if (
        latest is not None
        and is_of_the_past(latest, landed, catalogue.calendar)
        and flow.of(classified.data_type).timescales(provider.kind)[0] in BY_SCHOOL_DAYS
    ):
        why = catalogue.reason_under(flow.clause, "policy:not-this-week", day=spoken(latest))
        found.append(("notice", why))
    holds, told = _of_action("hold", found), _of_action("notice", found)
    # An embargo on results holds for any sender.
    own, carried = (classified.data_type, classified.mixed_with) if flow.embargo else (), classified.results
    until = release_moment(own, classified.facts, catalogue, now, carried) if own or carried else None
    if until is not None and now < until:
        reasons = (*holds, embargo_reason(flow, catalogue, until), *told)
        return Held(reasons=reasons, flow=flow.id, teams=teams, until=None if holds else until)
    if holds:
        return Held(reasons=(*holds, *told), flow=flow.id, teams=teams)
    code = "policy:allowed" if provider.kind in flow.senders else "policy:on-behalf"
    names = {"title": document.description, "sender": document.sender, "recipient": document.recipient}
    allowed = catalogue.reason_under(flow.clause, code, **names)
    return Accepted(flow=flow.id, teams=teams, reasons=(allowed, *told))


def _of_action(action: ItemAction, found: Iterable[ActionReason]) -> tuple[Reason, ...]:
    return tuple(why for asked, why in found if asked == action)


def _version_reasons(classified: Classified, catalogue: Catalogue, today: date) -> Iterator[ActionReason]:
    """Yield the law pack's action with the reason, if the file's format has an unknown or old version."""
    said = classified.facts.version
    pack = pack_on(catalogue.law, classified.facts.reference_date or today)
    form = classified.format.partition(" in ")[0]  # Plain, or in an archive.
    versions = next((each for each in (pack.versions if pack else ()) if each.format == form), None)
    if said is None or versions is None or said in {versions.present, versions.previous}:
        return
    number, detail = _number(said), {"present": versions.present, "previous": versions.previous}
    known = (each for one in catalogue.law for each in one.versions if each.format == form)
    newest = max((_number(each.present) or () for each in known), default=())
    if number is None or number > newest:
        yield versions.unknown, catalogue.reason("classify:version-unknown", **detail)
    elif number < (_number(versions.previous) or number):
        yield versions.old, catalogue.reason("classify:version-old", version=said, **detail)


def _number(text: str) -> tuple[int, ...] | None:
    parts = text.split(".")
    return tuple(map(int, parts)) if all(part.isdecimal() for part in parts) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """A person's statement about a past or planned transfer by another method than the gateway.

    `data`: the id of a data type, flow or material. `at`: the aware time at which the data travels.
    `safeguards` (confirmed) and `circumstances` are ids in methods.toml; unknown ids have no effect.
    """

    provider: Provider
    method: str
    data: str
    at: datetime
    safeguards: frozenset[str] = frozenset()
    circumstances: frozenset[str] = frozenset()


class Subject(NamedTuple):
    """What a transfer is about: data types of a flow, or material outside all flows, such as a contract.
    `flow`: None for material. `circumstances`: the circumstances that always hold for the material.
    """

    title: str
    flow: Flow | None
    data_types: tuple[str, ...]
    circumstances: frozenset[str]


def subject_of(flow: Flow, data_types: tuple[str, ...], catalogue: Catalogue) -> Subject:
    """Return the subject of a transfer of some data types of a flow, for rules on methods."""
    circumstances = frozenset(catalogue.methods.flow_circumstances)
    return Subject(flow.document.description, flow, data_types, circumstances)


def subject(data: str, catalogue: Catalogue) -> Subject | None:
    """Return the subject with the id `data`: a data type, else a flow, else a material; None if unknown."""
    as_type = catalogue.flow_of(data)
    if (flow := as_type or catalogue.flow(data)) is not None:
        return subject_of(flow, (data,) if as_type else tuple(one.id for one in flow.data_type), catalogue)
    found = (each for each in catalogue.methods.material if each.id == data)
    return next((Subject(each.name, None, (), frozenset(each.circumstances)) for each in found), None)


def decide_method(declaration: Declaration, catalogue: Catalogue) -> Decision:
    """Return the decision on a declared transfer: Settled if allowed, else Held or Refused. Never raises.
    The `flow` of the decision on a material outside all flows is the material's id.
    """
    found = subject(declaration.data, catalogue)
    if found is None:
        return Refused(reasons=(catalogue.reason("policy:no-flow"),))
    flow = found.flow.id if found.flow else None
    method, refusals = catalogue.methods.find(declaration.method), _refusals(declaration, found, catalogue)
    if (reasons := tuple(refusals)) or method is None:
        return Refused(reasons=reasons, flow=flow)
    sender, at = declaration.provider, declaration.at
    said: list[ActionReason] = [("hold", catalogue.reason("policy:suspended"))] if sender.suspended else []
    # What goes after the last day of a closed provider waits, as a file of it does.
    if sender.closed_on is not None and local_day(at, catalogue.calendar.timezone) > sender.closed_on:
        said.append(("hold", catalogue.reason("policy:closed")))
    if found.flow is not None:
        said += unratified(sender, found.flow, found.data_types, catalogue, at)
    elif not sender.ratified and sender.kind in catalogue.bodies.parties:
        # Material outside all flows always waits.
        said.append(("hold", catalogue.reason("policy:agreement-not-ratified")))
    waits = _of_action("hold", said)
    if found.flow is not None and found.flow.embargo:
        until = release_moment(found.data_types, Facts(), catalogue, at)
        if until is not None and at < until:
            embargo = embargo_reason(found.flow, catalogue, until)
            return Held(reasons=(*waits, embargo), flow=flow, until=None if waits else until)
    if waits:
        return Held(reasons=waits, flow=flow)
    known = catalogue.methods.safeguards()
    given = (known[each] for each in sorted(declaration.safeguards & known.keys()))
    title = {"title": found.title, "method": method.name}
    reasons = (
        catalogue.reason_under(method.clause, "policy:method-allowed", **title),
        *(catalogue.reason_under(one.clause, "policy:safeguard-given", safeguard=one.told) for one in given),
        *_of_action("notice", said),
    )
    return Settled(flow=flow or declaration.data, reasons=reasons)


def method_refusals(
    name: str,
    found: Subject,
    kind: ProviderKind,
    given: frozenset[str],
    catalogue: Catalogue,
    *,
    circumstances: frozenset[str] = frozenset(),
) -> Iterator[Reason]:
    """Yield the reasons against a method for a subject: it is forbidden, or a safeguard is not in `given`.
    `kind`: the kind of the sending provider. `circumstances`: those that hold besides the subject's own.
    """
    method, flow = catalogue.methods.find(name), found.flow
    if method is None:
        yield catalogue.reason("policy:method-not-allowed")
        return
    of_others = method.senders is not None and kind not in method.senders
    of_others |= method.flows is not None and (flow is None or flow.id not in method.flows)
    forbidden = [method.clause] if of_others else []
    if flow is not None and not method.electronic:
        forbidden += filter(None, (flow.of(each).electronic for each in found.data_types))
    if forbidden:
        yield catalogue.reason_under(forbidden[0], "policy:method-not-allowed")
    else:
        known, true = catalogue.methods.safeguards(), found.circumstances | circumstances
        for need in method.need:
            applies = true.isdisjoint(need.unless) and not (need.when and true.isdisjoint(need.when))
            if applies and given.isdisjoint(need.any_of):
                told = ", or ".join(known[each].told for each in need.any_of)
                clause = known[need.any_of[0]].clause
                yield catalogue.reason_under(clause, "policy:safeguard-missing", safeguard=told)


def _refusals(declaration: Declaration, found: Subject, catalogue: Catalogue) -> Iterator[Reason]:
    flow, kind = found.flow, declaration.provider.kind
    method = catalogue.methods.find(declaration.method)
    if flow is not None and kind not in (*flow.senders, *flow.on_behalf):
        yield catalogue.reason_under(
            flow.clause, "policy:sender-not-in-flow", title=flow.document.description
        )
    elif flow is None and kind not in catalogue.bodies.parties:
        yield catalogue.reason("policy:no-flow")
    elif method is not None and not method.declarable:
        yield catalogue.reason_under(method.clause, "policy:method-not-declared")
    else:
        given, true = declaration.safeguards, declaration.circumstances
        yield from method_refusals(declaration.method, found, kind, given, catalogue, circumstances=true)


# Reasons for a hold beyond one person's judgement.
_TAKES_TWO = frozenset((
    "open:malware", "policy:awaited", "policy:sensitive", "policy:items-outside-held",
    "policy:items-proposed-held",
))  # fmt: skip
STAY = _TAKES_TWO | schools.OF_OTHERS
"""The reasons a recalled file keeps, because they limit its later release."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The judgement on a release: as which data type, under which flow and to which teams a file goes.
    `forbidden`: the agreement's objections, which a second person may override. `on_roll`: True if the pupils
    in the file are on the roll of the sender, or of schools for which the sender may send.
    """

    data_type: str
    flow: str
    teams: tuple[str, ...]
    forbidden: tuple[Reason, ...]
    on_roll: bool


class ReleaseImpossibleError(GatewayError):
    """Report that nobody may release a held file as asked; the message gives the reason or the next step."""


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
    """Judge the release of a held file of `provider` at `now`, as `data_type` and to `teams`.
    By default the data type is the classified one, and the teams are those of its flow entitled to the whole
    file. `held_for`: the reasons why the file is held. Raises ReleaseImpossibleError.
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
        on_roll=asked.on_roll() and not any(why.code in schools.OF_OTHERS for why in held_for),
    )


def _pieces(content: Classified | ContentRefused, data_type: str) -> Iterator[tuple[Classified, bool]]:
    """Yield each file or table in a held file, with True if its type was recognised, else False.
    A piece without a recognised type counts as of `data_type`, named by a person.
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
    """A release to judge: a file, made of `pieces`, is to go out as the data type `kind` of `flow`.
    `certain`: True if the type of every piece was recognised. `for_two`: True if the file is held for a
    reason that only two people together may override.
    """

    kind: str
    flow: Flow
    pieces: tuple[Classified, ...]
    catalogue: Catalogue
    provider: Provider
    certain: bool
    for_two: bool

    def on_roll(self) -> bool:
        """Return True if the sender has pupils, and every record is of a school for which it may send."""
        bodies = self.catalogue.bodies
        return all(schools.has_own_pupils_only(each, self.provider, bodies) for each in self.pieces)

    def teams(self, named: tuple[str, ...]) -> tuple[str, ...]:
        """Return the teams to get the file: those named, by default those entitled to all of it.
        Raises ReleaseImpossibleError for an unknown team, for records of pupils to a team without pupil
        level, and if no team is entitled.
        """
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
        """Return the teams of the flow with a right to every piece of the file.
        A team needs a right to every item of a piece, if no view can be made for the team. That is so for a
        file of several pieces, for a file released as another type, and for a file held for a reason that
        only two people may override.
        """
        as_found = len(self.pieces) == 1 and self.pieces[0].data_type == self.kind and not self.for_two
        found = [
            [
                team
                for team in items.teams_for(
                    replace(each, data_type=kind), self.catalogue, flow, self.provider.kind
                )
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
        """Yield the agreement's objections to the release to some teams; a reason may come twice."""
        yield from (why for why in held_for if why.code in _TAKES_TWO)
        carried = dict.fromkeys(pair for each in self.pieces for pair in self._carried_by(each))
        for _, flow in carried:
            if self.provider.kind not in (*flow.senders, *flow.on_behalf):
                title = flow.document.description
                yield self.catalogue.reason_under(flow.clause, "policy:sender-not-in-flow", title=title)
        for kind, flow in carried:
            yield from _of_action("hold", unratified(self.provider, flow, (kind,), self.catalogue, now))
        if self.provider.suspended:
            yield self.catalogue.reason("policy:suspended")
        # The embargo on results, under any name given by the person.
        later = (now, self.flow)
        for each in self.pieces:
            own = (self.kind, each.data_type, each.mixed_with)
            for name in (*own, *each.results):
                kinds = {name}.intersection(own)
                until = release_moment(kinds, each.facts, self.catalogue, now, {name} - kinds)
                if until is not None and until > later[0]:
                    later = (until, self.catalogue.flow_of(name or self.kind) or self.flow)
        if later[0] > now:
            yield embargo_reason(later[1], self.catalogue, later[0])
        without = sum(team not in self.entitled() for team in teams)
        if without:
            yield self.catalogue.reason("policy:no-basis", count=without)
