"""Judge the data items of a file: which are agreed, which go beyond its flow, and which each team may have.

The module also chooses the teams that get counts instead. Two tables of counts about the same pupils could
reveal a pupil by their difference. So each school, data type and census period gets a single table, made from
a file with the whole roll.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta

from gateway.law import pack_on
from gateway.model import (
    Accepted,
    Basis,
    Classified,
    Contained,
    ContentRefused,
    Counting,
    Decision,
    Finding,
    Provider,
    ProviderKind,
    Reason,
    Released,
    Stated,
    Unlisted,
    counted,
)
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import Period, censuses, local_day
from gateway.policy.schema import NOBODY, PUPILS, ActionReason, Flow, FlowDataType
from gateway.words import HIDDEN, plain

_NOT_HERE = "Do not send it again."


def basis_for(
    team: str,
    data_type: str,
    catalogue: Catalogue,
    sender: ProviderKind | None,
    unlisted: tuple[Unlisted, ...] = (),
    *,
    form: str = "",
    stated: Stated = (),
) -> Basis:
    """Return the part of a file that a team may have: the items of Appendix A to which the team has a right,
    and the items outside Appendix A that the data type carries for the team.
    `sender`: the kind of provider that sent the file. `unlisted`: columns and elements unknown to the data
    type. `form`: the format of the file, because laws ask for some items in one format only. `stated`:
    headings that the provider has explained.
    """
    granted = catalogue.granted(team, sender)
    listed = tuple(item for item in catalogue.appendix_a if item in granted)
    entry = catalogue.entries.get(data_type)
    carried = entry.holds(form, team) if entry is not None and team in entry.teams else ()
    records = None if entry is None else entry.records.get(team)
    where = None if records is None else (records.item, records.values)
    return Basis(
        data_type=data_type, items=(*listed, *carried), unlisted=unlisted, stated=stated, where=where
    )


def left_out(held: Classified | Contained, basis: Basis) -> tuple[str, ...]:
    """Return the labels of the items in a file and not in a team's part of the file."""
    items: Iterable[str] = (*held.items, *held.other_items)
    return tuple(dict.fromkeys(item for item in items if item not in basis.items))


def lawful_items(classified: Classified, catalogue: Catalogue, flow: Flow) -> frozenset[str]:
    """Return the items outside Appendix A that a file may have, because its data type carries them.
    Where a law pack allows an item, the item is lawful in files about the pack's academic year only.
    """
    held = flow.of(classified.data_type).holds(classified.format)
    dated = catalogue.dated_items.get(classified.data_type)
    pack = pack_on(catalogue.law, classified.facts.reference_date) if dated else None
    if not dated or pack is None:
        return frozenset(held)
    return frozenset(held) - (dated - pack.asks_for(classified.data_type))


def teams_for(
    classified: Classified, catalogue: Catalogue, flow: Flow, sender: ProviderKind | None = None
) -> tuple[str, ...]:
    """Return the teams of the flow getting a view of a file, in the flow's order.

    - A file without a record of any person goes to every team.
    - Any other file goes only to teams allowed to see records of pupils. In a flow under Appendix A, such a
      team also needs a right to all the file's items, or to an item that does more than identify a child.
    - Rights may exclude items from some kinds of sender; without a `sender`, every such item is excluded.
    """
    entry = flow.of(classified.data_type)
    # True if a file holds no record of any person.
    bare = entry.about in ((), (NOBODY,)) or (entry.about == (PUPILS,) and classified.pupils == 0)
    listed = [item for item in classified.items if item in catalogue.appendix_a]
    found = []
    for team in entry.teams:
        known = catalogue.team(team)
        if known is None or not (bare or known.pupil_level):
            continue
        own = catalogue.granted(team, sender).intersection(listed)
        whole = flow.contents != "appendix-a" or own.issuperset(listed)
        if bare or whole or not own <= catalogue.identifying:
            found.append(team)
    return tuple(found)


def item_reasons(
    classified: Classified, catalogue: Catalogue, flow: Flow, sender: ProviderKind
) -> Iterator[ActionReason]:
    """Yield the reasons about items in a file that Appendix A lacks, or only proposes: "hold", or "notice".
    A notice to the sender names apart the items that another flow of the same kind of provider carries.
    """
    carried = lawful_items(classified, catalogue, flow)
    unlisted = (item for item in classified.items if item not in catalogue.appendix_a)
    # What a law is to ask for later has a reason of its own.
    items = tuple(
        dict.fromkeys(
            item
            for item in (*classified.other_items, *unlisted)
            if item not in carried and (classified.data_type, item) not in catalogue.awaited
        )
    )
    rule = catalogue.rights.outside
    if items and (
        rule.default == "hold" or any(item in rule.hold or item in rule.sensitive for item in items)
    ):
        yield "hold", catalogue.reason("policy:items-outside-held", items=", ".join(items))
    elif items:
        asked = {
            item
            for each in _sent_by(sender, catalogue)
            for item in (*each.carries, *(one for some in each.carried for one in some.items))
        }
        sorts = {
            "policy:items-outside": [item for item in items if item not in asked],
            "policy:items-elsewhere": [item for item in items if item in asked],
        }
        for code, some in sorts.items():
            if some:
                yield "notice", catalogue.reason(code, items=", ".join(some))
    action = catalogue.rights.proposed.action
    code = "policy:items-proposed" if action == "notice" else "policy:items-proposed-held"
    for group in catalogue.rights.group:
        if found := [item for item in group.proposed if f"{group.label}: {item}" in classified.items]:
            yield action, catalogue.reason_under(group.clause, code, items=", ".join(found))


def _sent_by(kind: ProviderKind, catalogue: Catalogue) -> Iterator[FlowDataType]:
    """Yield every data type a kind of provider may send."""
    return (entry for flow in catalogue.flows.flow if kind in flow.kinds for entry in flow.data_type)


_NAMED = 6
_APART = re.compile(r"[\W_]+")


def harmless_name(header: str) -> str:
    """Return a heading in lower case without spaces and punctuation, as harmless columns are compared."""
    return _APART.sub("", header).casefold()


def not_understood(content: Classified | ContentRefused | None, provider: Provider) -> Iterator[str]:
    """Yield the headings in a file that its provider may explain: unknown to the rules, and not sensitive.
    Headings that the provider has explained, or that are listed as harmless, are left out.
    """
    known = {harmless_name(heading) for heading, _ in provider.stated} | {*provider.harmless}
    if isinstance(content, Classified):
        for one in content.unlisted:
            askable = one.header and not one.topic and not one.field and one.place == "column"
            if askable and not one.assessment and harmless_name(one.header) not in known:
                yield one.header


def sensitive_topics(classified: Classified, catalogue: Catalogue, flow: Flow | None) -> tuple[str, ...]:
    """Return the sensitive topics and items in a file, except the items that the flow carries."""
    carried = frozenset() if flow is None else lawful_items(classified, catalogue, flow)
    items = [item for item in catalogue.rights.outside.sensitive if item in classified.other_items]
    proposed = [item for item in catalogue.rights.proposed.sensitive if item in classified.items]
    topics = [one.topic for one in classified.unlisted if one.topic]
    said = (*topics, *(item for item in (*proposed, *items) if item not in carried))
    return tuple(dict.fromkeys(said))


def sensitive_reasons(content: Classified | ContentRefused, catalogue: Catalogue) -> Iterator[Reason]:
    """Yield the reasons to hold a file so that only few see it; none for a file that is not sensitive."""
    if isinstance(content, ContentRefused):
        if content.code == "open:malware":
            yield catalogue.reason(content.code)
        if content.sensitive:
            step = {"instead": _NOT_HERE} if content.code == "classify:outside-agreement" else {}
            yield catalogue.reason("policy:sensitive", topics=", ".join(content.sensitive), **step)
        for part in content.parts:
            yield from sensitive_reasons(part, catalogue)
        return
    topics = sensitive_topics(content, catalogue, catalogue.flow_of(content.data_type))
    if not topics:
        return
    optional = catalogue.optional_flow_of(content.data_type)
    carried = () if optional is None else optional.of(content.data_type).carried
    asking = {item: each.law for each in carried for item in each.items}  # Of a return not taken here yet.
    asking |= {item: law for (kind, item), law in catalogue.awaited.items() if kind == content.data_type}
    awaited = {item: asking[item] for item in topics if item in asking}
    if awaited:
        laws = "; ".join(dict.fromkeys(awaited.values()))
        yield catalogue.reason("policy:awaited", items=", ".join(awaited), law=laws)
    if rest := [topic for topic in topics if topic not in awaited]:
        yield catalogue.reason("policy:sensitive", topics=", ".join(rest))
        told = (
            heading if records is None else f"{heading}, about {topic}"
            for heading, topic, records in sensitive_headings(content, catalogue)
            if topic not in awaited
        )  # fmt: skip
        found = [*dict.fromkeys(told)]
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        yield catalogue.reason("policy:sensitive-heading", where="; ".join(found[:_NAMED]) + more)


def sensitive_headings(content: Classified, catalogue: Catalogue) -> Iterator[tuple[str, str, int | None]]:
    """Yield the headings over sensitive data that the flow does not carry: place in words, topic, count.
    The count is of the records with a value; None for a data item, whose place and topic are its label.
    """
    topics = set(sensitive_topics(content, catalogue, catalogue.flow_of(content.data_type)))
    for one in sorted(content.unlisted, key=lambda one: one.position):
        if one.topic:
            yield _place(one), one.topic, one.filled
            topics.discard(one.topic)
    for item in (*content.items, *content.other_items):
        if item in topics:
            yield item, item, None


def beyond_flow(
    classified: Classified, catalogue: Catalogue, provider: Provider, flow: Flow
) -> Iterator[ActionReason]:
    """Yield the reasons why a file goes beyond its flow: "hold", or "notice" for a notice to the sender.
    Reasons about sensitive contents come from `sensitive_reasons`. A notice repeats no column that another
    reason names.
    """
    if kinds := dict.fromkeys(one.assessment for one in classified.unlisted if one.assessment):
        yield "hold", catalogue.reason("classify:other-assessments", kinds=", ".join(kinds))
    # The columns that the data type does not have, but for sensitive, harmless and assessment ones.
    harmless = frozenset(provider.harmless) - {""}
    rest = [
        one
        for one in classified.unlisted
        if not one.topic and not one.assessment and harmless_name(one.header) not in harmless
    ]
    # The file waits by the flow's rule, or because not all of its columns were listed.
    unlisted_waits = flow.unlisted == "hold" or any(one.further for one in classified.unlisted)
    if rest and unlisted_waits:
        yield "hold", catalogue.reason("policy:unlisted-items", count=_counted(rest), where=places(rest))
    elif classified.results and flow.contents not in ("results", "analysis", "set-by-dfe"):
        results = "results of examinations"
        yield "hold", catalogue.reason("policy:unlisted-items", count=results, where="grades")
    # Too many values are foreign to their columns.
    if wrong := [finding for finding in classified.findings if finding.much]:
        yield "hold", catalogue.reason("policy:wrong-column", where=_abouts(wrong))
    # A return lacks results, and its unknown columns may hold them.
    unknown = [one for one in rest if not one.field and not one.further]
    lacking = [each for each in classified.findings if unknown and _is_lacking(each, classified, flow)]
    for finding in lacking:
        yield (
            "hold",
            catalogue.reason(
                "policy:return-incomplete",
                lacking=f"{finding.count} of {finding.of}" if finding.of else "all of",
                what=finding.about,
                count=_counted(unknown),
                where=places(unknown),
            ),
        )
    # Some flow of this sender may carry a column, in files of another kind.
    asked = {entry.id for entry in _sent_by(provider.kind, catalogue)} if rest else set[str]()
    strange = [one for one in rest if one.field and asked.isdisjoint(one.types) and not unlisted_waits]
    others = [one for one in rest if one not in strange and not unlisted_waits]
    if others and not lacking:
        code = "policy:unlisted-left-out"
        yield "notice", catalogue.reason(code, count=_counted(others), where=places(others))
    if strange:
        code = "policy:unlisted-take-out"
        yield "notice", catalogue.reason(code, count=_counted(strange), where=places(strange))
    if withheld := [finding for finding in classified.findings if finding.expected and not finding.much]:
        told = counted(sum(finding.count for finding in withheld), "value")
        yield "notice", catalogue.reason("policy:values-withheld", count=told, where=_abouts(withheld))
    yield from item_reasons(classified, catalogue, flow, provider.kind)
    # Data about persons outside the subjects of the flow.
    about = flow.of(classified.data_type).about
    listed = ((item, catalogue.appendix_a.get(item)) for item in classified.items)
    if foreign := [item for item, group in listed if group is not None and group.of not in about]:
        yield "hold", catalogue.reason("policy:persons-without-rule", items=", ".join(foreign))


def _is_lacking(finding: Finding, classified: Classified, flow: Flow) -> bool:
    """Return True for a finding that a return has too few results, or that no pupil's record has a required
    item.
    """
    missing = finding.code == "item:missing" and "statutory" in flow.basis
    return finding.code == "results:lacking" or (missing and finding.count >= max(1, classified.pupils or 0))


def _abouts(findings: Iterable[Finding]) -> str:
    """Return the labels of the data items in findings, each once, separated by commas."""
    return ", ".join(dict.fromkeys(finding.about for finding in findings))


def _counted(several: Sequence[Unlisted]) -> str:
    places = {one.place for one in several}
    thing = places.pop() if len(places) == 1 else "part"
    return f"one {thing}" if len(several) == 1 else f"{len(several)} {thing}s"


def places(several: Sequence[Unlisted]) -> str:
    """Return the first six columns in words, as "column 3 (Form)", without headings that may be names."""
    told = [_place(one) for one in sorted(several, key=lambda one: one.position)]
    more = f" and {len(told) - _NAMED} more" if len(told) > _NAMED else ""
    return ", ".join(told[:_NAMED]) + more


def _place(one: Unlisted) -> str:
    if not one.position:
        return "what cells are shown as" if one.place == "text" else "the lines above the table"
    name = plain(one.header)
    known = name and HIDDEN not in name
    return f"{one.place} {one.position}" + (f" ({name})" if known else "")


_NEEDED = frozenset({"Pupil: NCY", "Pupil: Gender"})


def counts_teams(
    content: object, data_type: str | None, decision: Decision, provider: Provider, catalogue: Catalogue, *,
    known: int = 0,
) -> tuple[str, ...]:  # fmt: skip
    """Return the teams that get counts of a file accepted as a `data_type`; () for a file unfit for counting.
    A fit file has pupils of a single school, on the roll of the sender, with year groups and sexes. If
    `known`, the number of pupils on roll, is not 0, the file must also be a whole roll (`is_whole_roll`).
    Unfit are the files of a sender for several schools, and a file accepted as another type than recognised.
    """
    on_roll = isinstance(decision, Accepted) or (isinstance(decision, Released) and decision.on_roll)
    if not isinstance(content, Classified) or content.data_type != data_type:
        return ()
    if provider.schools or not on_roll or (known and not is_whole_roll(content, known, catalogue)):
        return ()
    entry = catalogue.entries.get(content.data_type)
    if entry is None or not content.pupils or len(content.schools) > 1 or not _NEEDED.issubset(content.items):
        return ()
    found = map(catalogue.team, entry.teams)
    return tuple(team.id for team in found if team is not None and not team.pupil_level)


def is_whole_roll(content: Classified, on_roll: int, catalogue: Catalogue) -> bool:
    """Return True if a file has all pupils on the sender's roll. `on_roll`: the number of pupils known there.
    Files of some data types (agreement.toml) always count as whole. A file of another type needs at least
    `whole_percent` (teams.toml) of the known pupils.
    """
    if content.data_type in catalogue.agreement.discrepancies.whole_rolls:
        return True
    return 100 * (content.pupils or 0) >= catalogue.teams.counts.whole_percent * on_roll


def counts_period(data_type: str, period: str | None, landed_at: datetime, catalogue: Catalogue) -> str:
    """Return the period of a table of counts: the census stated in the file, else the one open at arrival.
    If no census is open at arrival, the period is the calendar year.
    """
    entry = catalogue.entries.get(data_type)
    if period is not None and entry is not None and entry.timescale == "termly":
        return period
    landed = local_day(landed_at, catalogue.calendar.timezone)
    around = (each.name for each in _censuses(catalogue, landed) if each.opens <= landed <= each.closes)
    return next(around, f"{landed.year}")


def counting(
    content: Classified,
    catalogue: Catalogue,
    *,
    provider: str,
    period: str | None,
    landed_at: datetime,
    seed: str,
) -> Counting:
    """Return the settings for counting a file's pupils; `provider`: the school; `seed`: the file's secret."""
    landed = local_day(landed_at, catalogue.calendar.timezone)
    day = min(content.facts.reference_date or landed, landed)
    rule = catalogue.teams.counts
    before = [each.first for each in _censuses(catalogue, day) if each.first < day]
    return Counting(
        threshold=rule.threshold,
        rounding=rule.rounding,
        seed=seed,
        since=max(before) + timedelta(days=1) if before else None,
        school=provider,
        period=counts_period(content.data_type, period, landed_at, catalogue),
    )


def _censuses(catalogue: Catalogue, day: date) -> list[Period]:
    return censuses(catalogue.calendar, range(day.year - 1, day.year + 2))
