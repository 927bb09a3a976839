"""Judge file contents beyond the flow's items: columns, grades, sensitive data."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from gateway.model import Classified, ContentRefused, Finding, Provider, Reason, Unlisted
from gateway.policy.basis import lawful_items
from gateway.policy.catalogue import Catalogue
from gateway.policy.schema import Flow
from gateway.words import HIDDEN, plain

_NAMED = 6
_APART = re.compile(r"[\W_]+")


def harmless_name(header: str) -> str:
    """Return the name of a column or element without case, blanks and punctuation, as in lists."""
    return _APART.sub("", header).casefold()


def not_understood(content: Classified | ContentRefused | None, provider: Provider) -> Iterator[str]:
    """Yield headings of columns unknown to every rule and not yet explained, except sensitive ones."""
    known = {harmless_name(heading) for heading, _ in provider.stated} | {*provider.harmless}
    if isinstance(content, Classified):
        for one in content.unlisted:
            askable = one.header and not one.topic and not one.field and one.place == "column"
            if askable and not one.assessment and harmless_name(one.header) not in known:
                yield one.header


def sensitive_topics(classified: Classified, catalogue: Catalogue, flow: Flow | None) -> tuple[str, ...]:
    """Return the sensitive topics of a file outside its flow, if any, in words of the gateway."""
    carried = frozenset() if flow is None else lawful_items(classified, catalogue, flow)
    items = [item for item in catalogue.rights.outside.sensitive if item in classified.other_items]
    proposed = [item for item in catalogue.rights.proposed.sensitive if item in classified.items]
    topics = [one.topic for one in classified.unlisted if one.topic]
    said = (*topics, *(item for item in (*proposed, *items) if item not in carried))
    return tuple(dict.fromkeys(said))


def sensitive_reasons(content: Classified | ContentRefused, catalogue: Catalogue) -> Iterator[Reason]:
    """Yield the reasons for restricting a content to few people; usually none."""
    if isinstance(content, ContentRefused):
        if content.sensitive:
            yield catalogue.reason("policy:sensitive", topics=", ".join(content.sensitive))
        for part in content.parts:
            yield from sensitive_reasons(part, catalogue)
        return
    topics = sensitive_topics(content, catalogue, catalogue.flow_of(content.data_type))
    awaited = {item: law for item in topics if (law := catalogue.awaited.get((content.data_type, item)))}
    if awaited:
        laws = "; ".join(dict.fromkeys(awaited.values()))
        yield catalogue.reason("policy:awaited", items=", ".join(awaited), law=laws)
    if rest := [topic for topic in topics if topic not in awaited]:
        yield catalogue.reason("policy:sensitive", topics=", ".join(rest))
        headings = (one for one in sensitive_headings(content, catalogue) if one.topic not in awaited)
        found = [*dict.fromkeys(one.told for one in headings)]
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        yield catalogue.reason("policy:sensitive-heading", where="; ".join(found[:_NAMED]) + more)


class SensitiveHeading(NamedTuple):
    """A heading over sensitive data, in words of the gateway; `records`: rows with a value.

    `records` is None if not counted: the heading is then the label of the data item.
    """

    heading: str
    topic: str
    records: int | None

    @property
    def told(self) -> str:
        """The heading as named in a receipt."""
        return self.heading if self.records is None else f"{self.heading}, about {self.topic}"


def sensitive_headings(content: Classified, catalogue: Catalogue) -> Iterator[SensitiveHeading]:
    """Yield each heading over sensitive data outside the flow's items."""
    topics = set(sensitive_topics(content, catalogue, catalogue.flow_of(content.data_type)))
    for one in sorted(content.unlisted, key=lambda one: one.position):
        if one.topic:
            yield SensitiveHeading(_place(one), one.topic, one.filled)
            topics.discard(one.topic)
    for item in (*content.items, *content.other_items):
        if item in topics:
            yield SensitiveHeading(item, item, None)


def waits(classified: Classified, catalogue: Catalogue, provider: Provider, flow: Flow) -> Iterator[Reason]:
    """Yield the reasons for a file to wait because of contents beyond its flow."""
    yield from sensitive_reasons(classified, catalogue)
    others = [one for one in classified.unlisted if one.assessment]
    if others:
        kinds = ", ".join(dict.fromkeys(one.assessment for one in others))
        yield catalogue.reason("classify:other-assessments", kinds=kinds)
    rest = _rest(classified, provider)
    if rest and _waits(classified, flow):
        yield catalogue.reason("policy:unlisted-items", count=_counted(rest), where=places(rest))
    elif classified.results and flow.contents not in ("results", "analysis", "set-by-dfe"):
        yield catalogue.reason("policy:unlisted-items", count="results of examinations", where="grades")


def return_waits(
    classified: Classified, catalogue: Catalogue, provider: Provider, flow: Flow
) -> Iterator[Reason]:
    """Yield the reason for holding a return lacking results, whose unknown columns may hold them."""
    lacking = [
        finding
        for finding in classified.findings
        if finding.code == "results:lacking"
        or (
            finding.code == "item:missing"
            and "statutory" in flow.basis
            and finding.count >= max(1, classified.pupils or 0)
        )
    ]
    unknown = [one for one in _rest(classified, provider) if not one.field and not one.further]
    for finding in lacking if unknown else ():
        yield catalogue.reason(
            "policy:return-incomplete",
            lacking=f"{finding.count} of {finding.of}" if finding.of else "all of",
            what=finding.about,
            count=_counted(unknown),
            where=places(unknown),
        )


def value_waits(classified: Classified, catalogue: Catalogue) -> Iterator[Reason]:
    """Yield the reason for holding a file with too many values foreign to their columns."""
    if wrong := _abouts(finding for finding in classified.findings if finding.much):
        yield catalogue.reason("policy:wrong-column", where=wrong)


def value_notices(classified: Classified, catalogue: Catalogue) -> Iterator[Reason]:
    """Yield a notice about values left out of every view."""
    if withheld := [finding for finding in classified.findings if finding.expected and not finding.much]:
        count = sum(finding.count for finding in withheld)
        told = "1 value" if count == 1 else f"{count} values"
        yield catalogue.reason("policy:values-withheld", count=told, where=_abouts(withheld))


def _abouts(findings: Iterable[Finding]) -> str:
    """Return the labels of findings, each once, in words of the gateway."""
    return ", ".join(dict.fromkeys(finding.about for finding in findings))


def notices(classified: Classified, catalogue: Catalogue, provider: Provider, flow: Flow) -> Iterator[Reason]:
    """Yield notices about contents of an accepted file beyond its flow."""
    if _waits(classified, flow):
        return
    rest = _rest(classified, provider)
    strange = [one for one in rest if one.field and not _is_asked_for(one, catalogue, provider)]
    others = [one for one in rest if one not in strange]
    if others and not any(return_waits(classified, catalogue, provider, flow)):
        yield catalogue.reason("policy:unlisted-left-out", count=_counted(others), where=places(others))
    if strange:
        yield catalogue.reason("policy:unlisted-take-out", count=_counted(strange), where=places(strange))


def _is_asked_for(one: Unlisted, catalogue: Catalogue, provider: Provider) -> bool:
    """Return True if some flow of this sender may carry a column, in files of another kind."""
    flows = (catalogue.flow_of(data_type) for data_type in one.types)
    return any(flow is not None and provider.kind in flow.kinds() for flow in flows)


def _waits(classified: Classified, flow: Flow) -> bool:
    """Return True if unknown contents hold a file, by rule or by more entries than were listed."""
    return flow.unlisted == "hold" or any(one.further for one in classified.unlisted)


def _rest(classified: Classified, provider: Provider) -> list[Unlisted]:
    """Return the entries neither sensitive, nor other assessments, nor on a list of harmless columns."""
    return [
        one
        for one in classified.unlisted
        if not one.topic and not one.assessment and not _is_harmless(one, provider)
    ]


def _is_harmless(one: Unlisted, provider: Provider) -> bool:
    name = harmless_name(one.header)
    return bool(name) and name in provider.harmless


def _counted(several: Sequence[Unlisted]) -> str:
    places = {one.place for one in several}
    thing = places.pop() if len(places) == 1 else "part"
    return f"one {thing}" if len(several) == 1 else f"{len(several)} {thing}s"


def places(several: Sequence[Unlisted]) -> str:
    """Return the places of columns; by name only if made of known words, since headers may name people."""
    told = [_place(one) for one in sorted(several, key=lambda one: one.position)]
    more = f" and {len(told) - _NAMED} more" if len(told) > _NAMED else ""
    return ", ".join(told[:_NAMED]) + more


def _place(one: Unlisted) -> str:
    if not one.position:
        return "what cells are shown as" if one.place == "text" else "the lines above the table"
    name = plain(one.header)
    known = name and HIDDEN not in name
    return f"{one.place} {one.position}" + (f" ({name})" if known else "")
