"""Present policies to people: a decision by its clauses, and two catalogues compared."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from gateway.model import Classified, Decision, Held, Provider, ProviderKind, Reason
from gateway.policy.catalogue import Catalogue
from gateway.policy.citations import ClauseTexts
from gateway.policy.dates import local_day
from gateway.policy.decide import decide
from gateway.policy.timescale import names_today, told_today


def render(decision: Decision, catalogue: Catalogue) -> str:
    """Format a decision as lines: the outcome, then each reason with the text of its clause."""
    lines = [headline(decision, catalogue)]
    for reason in decision.reasons:
        lines += ["", *_reason_lines(reason, catalogue)]
    return "\n".join(lines)


def headline(decision: Decision, catalogue: Catalogue) -> str:
    """Return the outcome in one line: accepted (with teams), held (with the end), or refused."""
    if decision.state == "accepted":
        teams = [team for each in decision.teams if (team := catalogue.team(each))]
        # A team that the agreement does not name is told to be so.
        names = (f"{team.name} (a local team)" if team.local else team.name for team in teams)
        return f"accepted under {decision.flow}, for: {', '.join(names) or 'nobody to collect'}"
    if isinstance(decision, Held):
        if decision.until is None:
            return "held until a person releases it, or what it waits for is settled"
        day = local_day(decision.until, catalogue.calendar.timezone)
        return f"held until {day:%A} {day.day} {day:%B %Y}, then released by itself"
    return "refused"


def _reason_lines(reason: Reason, catalogue: Catalogue) -> Iterator[str]:
    yield f"{reason.code}"
    yield f"  clause {reason.clause}: {catalogue.agreement.clauses.get(reason.clause, 'no such clause')}"
    text = ClauseTexts(catalogue.agreement, catalogue.agreement_text).of(reason.clause)
    yield from (f"  {line}" for line in told_today(names_today(catalogue, None, text or "")))
    yield f"  {reason.sentence}"
    yield f"  next: {reason.next_step}"


@dataclass(frozen=True, slots=True)
class Change:
    """An outcome that differs between two catalogues. `team` is "" if the whole outcome differs."""

    provider_kind: ProviderKind
    data_type: str
    team: str
    before: str
    after: str


def diff(old: Catalogue, new: Catalogue, now: datetime) -> list[Change]:
    """Return outcomes that differ at `now`, by provider kind, data type and team, for a ratified sender.

    Each data type is tried bare, and then with each single data item named by either catalogue, so as to show
    rights given or taken, and holds put on items.
    """
    if old.model_copy(update={"digest": new.digest}) == new:
        return []  # Only other files differ, such as limits.toml.
    kinds = tuple(dict.fromkeys((*old.bodies.kinds(), *new.bodies.kinds())))
    data_types = tuple(dict.fromkeys((*old.data_types(), *new.data_types())))
    items = tuple(dict.fromkeys((_BARE, *_items(old), *_items(new))))
    changes = []
    for kind in kinds:
        for data_type in data_types:
            before, after = (_decisions(kind, data_type, items, one, now) for one in (old, new))
            found = (*_outcomes_differ(before, after), *_teams_differ(before, after))
            changes += [Change(kind, data_type, *each) for each in found]
    return changes


_BARE = ""
Differing = tuple[str, str, str]
"""A team, or "" for the whole outcome; before; and after."""


def _decisions(
    kind: ProviderKind, data_type: str, items: tuple[str, ...], catalogue: Catalogue, now: datetime
) -> dict[str, Decision]:
    """Return the decision on a file with each single item; `_BARE` stands for a file without items."""
    provider = Provider(id="anyone", name="anyone", kind=kind, ratified=True)
    return {item: decide(_file(data_type, item, catalogue), catalogue, provider, now) for item in items}


def _items(catalogue: Catalogue) -> tuple[str, ...]:
    return (*catalogue.appendix_a, *catalogue.rights.outside.hold, *catalogue.rights.outside.sensitive)


def _file(data_type: str, item: str, catalogue: Catalogue) -> Classified:
    listed = item in catalogue.appendix_a
    return Classified(
        data_type=data_type,
        level="certain",
        evidence=(),
        format="any",
        extension="any",
        items=(item,) if listed else (),
        other_items=(item,) if item and not listed else (),
    )


def _outcomes_differ(before: dict[str, Decision], after: dict[str, Decision]) -> Iterator[Differing]:
    for item, decision in before.items():
        was, now = _outcome(decision), _outcome(after[item])
        if was != now and (item == _BARE or _outcome(before[_BARE]) == _outcome(after[_BARE])):
            label = f"with {item}: " if item else ""
            yield "", label + was, label + now


def _teams_differ(before: dict[str, Decision], after: dict[str, Decision]) -> Iterator[Differing]:
    then, since = _items_by_team(before), _items_by_team(after)
    for team in sorted(then.keys() | since.keys()):
        had, has = then.get(team), since.get(team)
        if had != has:
            yield team, _grant(had, has), _grant(has, had)


def _outcome(decision: Decision) -> str:
    codes = ", ".join(reason.code for reason in decision.reasons)
    until = decision.until if isinstance(decision, Held) else None
    return (
        f"{type(decision).__name__.lower()}{f' until {until:%Y-%m-%d %H:%M} UTC' if until else ''}: {codes}"
    )


def _items_by_team(decisions: dict[str, Decision]) -> dict[str, frozenset[str]]:
    """Return by team the data items of the files that it gets."""
    found: dict[str, set[str]] = {}
    for item, decision in decisions.items():
        for team in decision.teams:
            found.setdefault(team, set()).add(item)
    return {team: frozenset(items) for team, items in found.items()}


def _grant(items: frozenset[str] | None, other: frozenset[str] | None) -> str:
    """Return a team's rights in words; only items that differ, if the team gets the file either way."""
    if items is None:
        return "gets nothing"
    if other is None:
        return "gets the file"
    only = sorted(items - other)
    return f"may have {', '.join(only)}" if only else "may not"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementChanges:
    """Changes between two versions of an agreement: the text, and the items of Appendix A."""

    text: bool
    before: str
    after: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def points(self) -> tuple[str, ...]:
        """Return each change as a sentence."""
        versions = f" (version {self.before})" if self.before != self.after else ""
        said = [
            f"The text is a new one, version {self.after}; it takes the place of the one before{versions}."
        ]
        return (
            *(said if self.text else ()),
            *(f"Added to the data items of Appendix A: {item}." for item in self.added),
            *(f"No longer among the data items of Appendix A: {item}." for item in self.removed),
        )


def changes_between(before: Catalogue, after: Catalogue) -> AgreementChanges | None:
    """Return the changes of the text and of Appendix A; None without any."""
    added = tuple(item for item in after.appendix_a if item not in before.appendix_a)
    removed = tuple(item for item in before.appendix_a if item not in after.appendix_a)
    text = before.text_sha256 != after.text_sha256
    if not (text or added or removed):
        return None
    return AgreementChanges(
        text=text,
        before=before.agreement.version,
        after=after.agreement.version,
        added=added,
        removed=removed,
    )
