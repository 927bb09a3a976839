"""Accept, hold or refuse a file: the only place for the decision. Pure, total, and closed by default.

Data listed in no flow is refused. A file not refused is held while any rule says wait; otherwise the file is
accepted for the teams entitled to a view.
"""

from collections.abc import Iterator
from datetime import date, datetime

from gateway.law import pack_on
from gateway.model import Accepted, Classified, ContentRefused, Decision, Held, Provider, Reason, Refused
from gateway.policy import items, schools
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import local_day, spoken
from gateway.policy.methods import method_refusals, of_flow
from gateway.policy.ratification import unratified
from gateway.policy.reference import embargo_reason, release_moment
from gateway.policy.schema import Flow, ItemAction
from gateway.policy.schools import reaches_providers
from gateway.policy.timescale import out_of_season


def of_parts(decisions: tuple[Decision, ...], about: tuple[Reason, ...], catalogue: Catalogue) -> Decision:
    """Combine the decisions on the parts of a file: refused if every part is refused, else held.

    The reasons are those `about` the whole file, and those of each part to wait or be refused.
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
    "classify:active-content": ("what", "something unknown"),
    "classify:beside-table": ("what", "something unknown"),
}
"""Reasons that say what the content is: the blank, and what fills it where nothing is known."""
_WAITING = frozenset({"classify:unknown", "classify:ambiguous", "classify:not-calculated", "classify:no-upn"})


def decide(
    classified: Classified | ContentRefused,
    catalogue: Catalogue,
    provider: Provider,
    now: datetime,
    *,
    method: str = "sftp",
    safeguards: frozenset[str] = frozenset(),
) -> Decision:
    """Return the decision on a file of `provider` sent by `method` at the aware moment `now`. Never raises.

    Every decision carries at least one reason, each with a clause of the agreement. `Held.until` is set only
    if nothing but an embargo stands in the way; decide again at that moment.
    """
    if isinstance(classified, ContentRefused) and classified.parts:
        each = (
            decide(part, catalogue, provider, now, method=method, safeguards=safeguards)
            for part in classified.parts
        )
        return of_parts(tuple(each), tuple(items.sensitive_reasons(classified, catalogue)), catalogue)
    if isinstance(classified, ContentRefused):
        return _of_content(classified, catalogue)
    flow = catalogue.flow_of(classified.data_type)
    if flow is None:
        return _of_no_flow(classified, catalogue)
    if provider.kind not in flow.kinds:
        title = flow.document.description
        why = catalogue.reason_under(flow.clause, "policy:sender-not-in-flow", title=title)
        return Refused(reasons=(why,), flow=flow.id)
    asked = (method, flow.id, classified.data_type, provider.kind, safeguards)
    if (refusals := catalogue.methods.refusals.get(asked)) is None:
        about = of_flow(flow, (classified.data_type,), catalogue)
        refusals = tuple(method_refusals(method, about, provider.kind, safeguards, catalogue))
        catalogue.methods.refusals[asked] = refusals
    if refusals:
        return Refused(reasons=refusals, flow=flow.id)
    return _of_flow(classified, catalogue, provider, now, flow)


def _of_no_flow(classified: Classified, catalogue: Catalogue) -> Decision:
    """Return the decision on data of no flow in use: held if its flow is not switched on, else refused."""
    if catalogue.optional_flow_of(classified.data_type) is None:
        return Refused(reasons=(catalogue.reason("policy:no-flow"),))
    kind = catalogue.wording.name(classified.data_type)
    return Held(
        reasons=(
            *items.sensitive_reasons(classified, catalogue),
            catalogue.reason("classify:law-return", kind=kind),
        )
    )


def _of_content(refused: ContentRefused, catalogue: Catalogue) -> Decision:
    """Return the decision on unreadable content: refused if malformed, held if not recognised."""
    code, detail = refused.code, dict[str, str]()
    if code == "classify:malformed":
        return Refused(reasons=(catalogue.reason(code),))
    if code == "open:malware":
        return Held(reasons=(catalogue.reason(code),))
    if code in _FILLED:
        blank, otherwise = _FILLED[code]
        detail = {blank: refused.about or otherwise}
    elif code == "classify:other-assessments":
        detail = {"kinds": "mock, predicted or forecast"}
    elif code not in _WAITING:
        code = "internal:held"
    why = catalogue.reason(code, **detail)
    return Held(reasons=(*items.sensitive_reasons(refused, catalogue), why))


def _of_flow(
    classified: Classified, catalogue: Catalogue, provider: Provider, now: datetime, flow: Flow
) -> Decision:
    today, document = local_day(now, catalogue.calendar.timezone), flow.document
    # Nobody gets sensitive data before a person has looked.
    sensitive = items.sensitive_topics(classified, catalogue, flow)
    teams = () if sensitive else items.teams_for(classified, catalogue, flow, provider.kind)
    missing = unratified(provider, flow, (classified.data_type,), catalogue, now)
    versions = list(_version_reasons(classified, catalogue, today))
    school_waits, school_notices = schools.about_schools(classified, catalogue, provider)
    sender = {"policy:suspended": provider.suspended, "policy:closed": provider.closed_on is not None}
    holds = [*missing.waits, *(catalogue.reason(code) for code, applies in sender.items() if applies)]
    if provider.kind in flow.for_a_person:
        holds.append(catalogue.reason("policy:assessment", title=document.description))
    holds += school_waits
    if sensitive:
        holds += items.sensitive_reasons(classified, catalogue)
    holds += items.waits(classified, catalogue, provider, flow)
    day, is_return = classified.facts.reference_date, "statutory" in flow.basis
    if is_return and day is not None and (today - day).days > _OLDEST_RETURN:
        holds.append(catalogue.reason("policy:old-return", day=spoken(day)))  # Nobody is owed one any more.
    holds += [why for action, why in versions if action == "hold"]
    # In a flow without teams the file may be for a provider.
    for_teams = bool(flow.of(classified.data_type).teams)
    if not sensitive and not teams and (for_teams or not reaches_providers(classified, flow, catalogue)):
        holds.append(catalogue.reason("policy:no-team"))
    told = [
        *missing.notices,
        *school_notices,
        *items.notices(classified, catalogue, provider, flow, holds),
        *(why for action, why in versions if action == "notice"),
    ]
    if is_return and (period := out_of_season(classified, provider, catalogue, today)) is not None:
        detail = {"period": period.name, "first": spoken(period.first), "due": spoken(period.due)}
        kind = catalogue.wording.name(classified.data_type)
        told.append(catalogue.reason("policy:out-of-season", kind=kind, **detail))
    # An embargo on results holds for any sender.
    results = {*((classified.data_type, classified.mixed_with) if flow.embargo else ()), *classified.results}
    until = release_moment(results, classified.facts, catalogue, now) if results else None
    if until is not None and now < until:
        embargo = embargo_reason(flow, catalogue, until)
        return Held(
            reasons=(*holds, embargo, *told), flow=flow.id, teams=teams, until=None if holds else until
        )
    if holds:
        return Held(reasons=(*holds, *told), flow=flow.id, teams=teams)
    code = "policy:allowed" if provider.kind in flow.senders else "policy:on-behalf"
    names = {"title": document.description, "sender": document.sender, "recipient": document.recipient}
    allowed = catalogue.reason_under(flow.clause, code, **names)
    return Accepted(classified=classified, flow=flow.id, teams=teams, reasons=(allowed, *told))


def _version_reasons(
    classified: Classified, catalogue: Catalogue, today: date
) -> Iterator[tuple[ItemAction, Reason]]:
    """Yield a reason, and the law pack's action, for a file whose format version is unknown or too old."""
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
