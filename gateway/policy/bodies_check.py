"""Check bodies.toml against the other files: missing names and unused entries."""

from collections import Counter
from collections.abc import Iterator

from gateway.home.settings_file import nearest
from gateway.policy.bodies_schema import DFE_NUMBER, URN, RecipientBody
from gateway.policy.catalogue_schema import Catalogue
from gateway.policy.faults import Contradiction, Location
from gateway.policy.schema import Flow, FlowDataType

_EXAMPLES = {DFE_NUMBER: "9991234", URN: "999123"}
"""A number of each kind that files name: 7 figures for the DfE, 6 for its register of establishments."""


def bodies_faults(catalogue: Catalogue) -> Iterator[Contradiction]:
    """Yield each fault: the file to correct, the place in the file, and a message."""
    bodies = catalogue.bodies
    for table, names in (
        ("kind", [each.id for each in bodies.kind]),
        ("identifier", [each.id for each in bodies.identifier]),
        ("recipient", [each.id for each in bodies.recipient]),
    ):
        for name in (name for name, count in Counter(names).items() if count > 1):
            yield "bodies.toml", (table,), f"{name} is listed twice"
    if [each.own for each in bodies.recipient].count(True) != 1:
        yield "bodies.toml", ("recipient",), "exactly one recipient is the authority itself: own = true"
    known = catalogue.bodies.kinds()
    for file, place, kind in _named_kinds(catalogue):
        if kind not in known:
            yield file, place, f"bodies.toml lists no kind {kind}{nearest(kind, known)}"
    yield from _of_kinds(catalogue)
    yield from _of_recipients(catalogue)
    yield from _of_teams(catalogue)


def _named_kinds(catalogue: Catalogue) -> Iterator[tuple[str, Location, str]]:
    for n, flow in enumerate(catalogue.flows.flow):
        for key in ("senders", "on_behalf", "for_a_person"):
            yield from (("flows.toml", ("flow", n, key), kind) for kind in getattr(flow, key))
    for n, method in enumerate(catalogue.methods.method):
        yield from (("methods.toml", ("method", n, "senders"), kind) for kind in method.senders or ())
    for n, right in enumerate(catalogue.rights.right):
        yield from (("rights.toml", ("right", n, "not_from", kind), kind) for kind in right.not_from)
    for n, each in enumerate(catalogue.bodies.kind):
        yield from (("bodies.toml", ("kind", n, "becomes"), kind) for kind in each.becomes)
    for n, body in enumerate(catalogue.bodies.recipient):
        yield from (("bodies.toml", ("recipient", n, "kinds"), kind) for kind in body.kinds)


def _of_kinds(catalogue: Catalogue) -> Iterator[Contradiction]:
    bodies, data_types = catalogue.bodies, catalogue.data_types()
    numbers = [each.id for each in bodies.identifier]
    taking_part = {kind for file, _, kind in _named_kinds(catalogue) if file == "flows.toml"}
    taking_part |= {kind for body in bodies.recipient for kind in body.kinds}
    for n, kind in enumerate(bodies.kind):
        if kind.id not in taking_part:
            yield "bodies.toml", ("kind", n, "id"), f"no flow is from or for a provider of the kind {kind.id}"
        if kind.identifier is not None and kind.identifier not in numbers:
            words = f"there is no identifier {kind.identifier}{nearest(kind.identifier, numbers)}"
            yield "bodies.toml", ("kind", n, "identifier"), words
        for name in kind.not_expected:
            if name not in data_types:
                words = f"no flow lists {name}{nearest(name, data_types)}"
                yield "bodies.toml", ("kind", n, "not_expected"), words
    used = {kind.identifier for kind in bodies.kind} | {DFE_NUMBER, URN}
    for n, number in enumerate(bodies.identifier):
        if number.id not in used:
            yield "bodies.toml", ("identifier", n, "id"), f"no kind is known by its {number.id}"
        if number.id in _EXAMPLES and not number.fits(_EXAMPLES[number.id]):
            words = f"{_EXAMPLES[number.id]} does not fit the pattern"
            yield "bodies.toml", ("identifier", n, "pattern"), words


def _of_recipients(catalogue: Catalogue) -> Iterator[Contradiction]:
    bodies = catalogue.bodies
    known, used = [each.id for each in bodies.recipient], set[str]()
    for n, flow in enumerate(catalogue.flows.flow):
        used.update(flow.recipients)
        for name in flow.recipients:
            body = bodies.find(name)
            if body is None:
                words = f"bodies.toml lists no recipient {name}{nearest(name, known)}"
                yield "flows.toml", ("flow", n, "recipients"), words
            elif not body.kinds and not _teams_of(body, flow, catalogue):
                words = f"nobody of {name} gets it: no team of it stands in this flow"
                yield "flows.toml", ("flow", n, "recipients"), words
        for m, entry in enumerate(flow.data_type):
            yield from _addressed(n, m, flow, entry, catalogue)
    for n, body in enumerate(bodies.recipient):
        if body.id not in used:
            yield "bodies.toml", ("recipient", n, "id"), f"no flow goes to {body.id}"
        if body.about == "anyone" and not any(right.team == body.id for right in catalogue.rights.right):
            words = f"rights.toml gives {body.id} no right to anything, so that nobody of it gets a file"
            yield "bodies.toml", ("recipient", n, "about"), words
        if body.own and body.kinds:
            yield (
                "bodies.toml",
                ("recipient", n, "kinds"),
                "the authority's own teams collect; it has no kinds",
            )


def _addressed(
    n: int, m: int, flow: Flow, entry: FlowDataType, catalogue: Catalogue
) -> Iterator[Contradiction]:
    """Check that each team of a data type belongs to a recipient of the flow, and that some team gets it."""
    place = ("flow", n, "data_type", m, "teams")
    for name in entry.teams:
        team = catalogue.team(name)
        if team is not None and (of := catalogue.body_of(team)) is not None and of not in flow.recipients:
            yield "flows.toml", place, f"{name} is of {of}, which is no recipient of this flow"
    bodies = (catalogue.bodies.find(each) for each in flow.recipients)
    if not entry.teams and not any(body is not None and body.kinds for body in bodies):
        yield "flows.toml", place, f"no team gets {entry.id}, and no recipient of the flow is a provider"


def _teams_of(body: RecipientBody, flow: Flow, catalogue: Catalogue) -> bool:
    teams = (catalogue.team(name) for entry in flow.data_type for name in entry.teams)
    return any(team is not None and catalogue.body_of(team) == body.id for team in teams)


def _of_teams(catalogue: Catalogue) -> Iterator[Contradiction]:
    known = [each.id for each in catalogue.bodies.recipient]
    for n, team in enumerate(catalogue.teams.team):
        if team.of is not None and team.of not in known:
            yield (
                "teams.toml",
                ("team", n, "of"),
                f"bodies.toml lists no recipient {team.of}{nearest(team.of, known)}",
            )
        elif team.of is not None and (team.triage or team.sensitive):
            yield (
                "teams.toml",
                ("team", n, "of"),
                "files that wait are looked at by the authority's own people",
            )
