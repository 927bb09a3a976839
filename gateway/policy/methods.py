"""Decide on transfers outside this gateway, and list what each method requires.

A declaration names the data, the method and the attested safeguards. `questions` gives the questions to ask,
in the order of the agreement; `decide_method` decides.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from gateway.model import Decision, Facts, Held, Provider, ProviderKind, Reason, Refused, Settled
from gateway.policy.catalogue import Catalogue
from gateway.policy.ratification import Unratified, unratified
from gateway.policy.reference import embargo_reason, release_moment
from gateway.policy.schema import ClauseId, Flow
from gateway.policy.small_schemas import Circumstance, Method, Need, Safeguard


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """A person's statement about a past or planned transfer by another method than the gateway.

    `data`: a data type, a flow, or a material of methods.toml. `at`: the time of travel (aware). `safeguards`
    and `circumstances` are ids of methods.toml; unknown ids have no effect.
    """

    provider: Provider
    method: str
    data: str
    at: datetime
    safeguards: frozenset[str] = frozenset()
    circumstances: frozenset[str] = frozenset()


Question = tuple[Circumstance | Safeguard, ...]
"""The choices of a question for a person. Any one true choice answers a question about a safeguard."""


class Subject(NamedTuple):
    """The subject of a declaration: a flow with its data types, or a material outside all flows.

    `circumstances` hold for any declaration of this data.
    """

    title: str
    flow: Flow | None
    data_types: tuple[str, ...]
    circumstances: frozenset[str]


def of_flow(flow: Flow, data_types: tuple[str, ...], catalogue: Catalogue) -> Subject:
    """Return some data types of a flow as the subject of a transfer."""
    circumstances = frozenset(catalogue.methods.flow_circumstances)
    return Subject(flow.document.description, flow, data_types, circumstances)


def subject(data: str, catalogue: Catalogue) -> Subject | None:
    """Return the subject named by the id `data`: a data type, else a flow, else a material; None for none."""
    as_type = catalogue.flow_of(data)
    if (flow := as_type or catalogue.flow(data)) is not None:
        return of_flow(flow, (data,) if as_type else tuple(one.id for one in flow.data_type), catalogue)
    found = (each for each in catalogue.methods.material if each.id == data)
    return next((Subject(each.name, None, (), frozenset(each.circumstances)) for each in found), None)


def decide_method(declaration: Declaration, catalogue: Catalogue) -> Decision:
    """Return the decision on a declared transfer; pure and total, refusing by default.

    Settled means allowed and recorded, without routing. The decision's `flow` is the material's id for data
    outside all flows.
    """
    found = subject(declaration.data, catalogue)
    if found is None:
        return Refused(reasons=(catalogue.reason("policy:no-flow"),))
    flow = found.flow.id if found.flow else None
    if refusals := tuple(_refusals(declaration, found, catalogue)):
        return Refused(reasons=refusals, flow=flow)
    sender, at, missing = declaration.provider, declaration.at, Unratified()
    if found.flow is not None:
        missing = unratified(sender, found.flow, found.data_types, catalogue, at)
    elif not sender.ratified and sender.kind in catalogue.bodies.parties:
        # Material outside all flows always waits.
        missing = Unratified(waits=(catalogue.reason("policy:agreement-not-ratified"),))
    suspended = (catalogue.reason("policy:suspended"),) if sender.suspended else ()
    waits = (*suspended, *missing.waits)
    if found.flow is not None and found.flow.embargo:
        until = release_moment(found.data_types, Facts(), catalogue, at)
        if until is not None and at < until:
            embargo = embargo_reason(found.flow, catalogue, until)
            return Held(reasons=(*waits, embargo), flow=flow, until=None if waits else until)
    if waits:
        return Held(reasons=waits, flow=flow)
    reasons = (*_allowed(declaration, found, catalogue), *missing.notices)
    return Settled(flow=flow or declaration.data, reasons=reasons)


def possible(declaration: Declaration, catalogue: Catalogue) -> Decision:
    """Return the decision as if every safeguard were attested: if refused, no safeguard helps."""
    everything = frozenset(catalogue.methods.safeguards())
    return decide_method(replace(declaration, safeguards=everything), catalogue)


def method_refusals(
    name: str,
    found: Subject,
    kind: ProviderKind,
    given: frozenset[str],
    catalogue: Catalogue,
    *,
    circumstances: frozenset[str] = frozenset(),
) -> Iterator[Reason]:
    """Yield reasons against sending the data by a method: forbidden, or a safeguard is not `given`."""
    method = catalogue.methods.find(name)
    if method is None:
        yield catalogue.reason("policy:method-not-allowed")
    elif clause := _forbidding_clause(method, found, kind):
        yield catalogue.reason_under(clause, "policy:method-not-allowed")
    else:
        known = catalogue.methods.safeguards()
        for need in _needs(method, found.circumstances | circumstances):
            if given.isdisjoint(need.any_of):
                told = ", or ".join(known[each].told for each in need.any_of)
                clause = known[need.any_of[0]].clause
                yield catalogue.reason_under(clause, "policy:safeguard-missing", safeguard=told)


def _needs(method: Method, circumstances: frozenset[str]) -> list[Need]:
    """Return the requirements of a method that apply in these circumstances, in the agreement's order."""
    return [
        need
        for need in method.need
        if not (need.when and circumstances.isdisjoint(need.when)) and circumstances.isdisjoint(need.unless)
    ]


def _forbidding_clause(method: Method, found: Subject, kind: ProviderKind) -> ClauseId | None:
    if method.senders is not None and kind not in method.senders:
        return method.clause
    if method.flows is not None and (found.flow is None or found.flow.id not in method.flows):
        return method.clause
    if found.flow is not None and not method.electronic:
        demands = (found.flow.of(each).electronic for each in found.data_types)
        return next((clause for clause in demands if clause), None)
    return None


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


def _allowed(declaration: Declaration, found: Subject, catalogue: Catalogue) -> tuple[Reason, ...]:
    method = catalogue.methods.find(declaration.method)
    if method is None:
        return ()
    known = catalogue.methods.safeguards()
    attested = (known[each] for each in sorted(declaration.safeguards & known.keys()))
    given = ((each.clause, "policy:safeguard-given", {"safeguard": each.told}) for each in attested)
    allowed = (method.clause, "policy:method-allowed", {"title": found.title, "method": method.name})
    return tuple(catalogue.reason_under(clause, code, **blanks) for clause, code, blanks in (allowed, *given))


def circumstance_questions(method: str, data: str, catalogue: Catalogue) -> tuple[Question, ...]:
    """Return questions about circumstances on which the method's requirements depend; ask them first."""
    found, way = subject(data, catalogue), catalogue.methods.find(method)
    if found is None or way is None:
        return ()
    matter = {each for need in way.need for each in (*need.when, *need.unless)} - found.circumstances
    return tuple((each,) for each in catalogue.methods.circumstance if each.id in matter)


def questions(
    method: str, data: str, catalogue: Catalogue, circumstances: frozenset[str] = frozenset()
) -> tuple[Question, ...]:
    """Return the questions about safeguards a method requires for the data in these circumstances.

    Empty for a method without requirements, and for an unknown method or unknown data.
    """
    found, way = subject(data, catalogue), catalogue.methods.find(method)
    if found is None or way is None:
        return ()
    known = catalogue.methods.safeguards()
    asked = _needs(way, circumstances | found.circumstances)
    return tuple(tuple(known[each] for each in need.any_of) for need in asked)
