"""Present policies to people: a decision by its clauses, and two catalogues compared."""

from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from gateway.model import Classified, Decision, Held, Provider, ProviderKind
from gateway.policy.catalogue import Catalogue
from gateway.policy.citations import clause_texts
from gateway.policy.dates import local_day, spoken
from gateway.policy.decide import decide
from gateway.policy.timescale import present_names, renamed_references


def render(decision: Decision, catalogue: Catalogue) -> str:
    """Return a decision as text: the outcome, then each reason, with the name of its clause."""
    lines = [headline(decision, catalogue)]
    texts = clause_texts(catalogue)
    for reason in decision.reasons:
        words = catalogue.agreement.clauses.get(reason.clause, "no such clause")
        names = present_names(renamed_references(catalogue, None, texts.get(reason.clause, "")))
        lines += ["", reason.code, f"  clause {reason.clause}: {words}", *(f"  {line}" for line in names)]
        lines += [f"  {reason.sentence}", f"  next: {reason.next_step}"]
    return "\n".join(lines)


def headline(decision: Decision, catalogue: Catalogue) -> str:
    """Return the outcome of a decision in one line: accepted for which teams, held until when, or refused."""
    if decision.state == "accepted":
        teams = [team for each in decision.teams if (team := catalogue.team(each))]
        # A team that the agreement does not name is told to be so.
        names = (f"{team.name} (a local team)" if team.local else team.name for team in teams)
        return f"accepted under {decision.flow}, for: {', '.join(names) or 'nobody to collect'}"
    if isinstance(decision, Held):
        if decision.until is None:
            return "held until a person releases it, or what it waits for is settled"
        day = local_day(decision.until, catalogue.calendar.timezone)
        return f"held until {day:%A} {spoken(day)}, then released by itself"
    return "refused"


@dataclass(frozen=True, slots=True)
class Change:
    """An outcome before and after a change of policies; `team` is "" if the outcome is the whole file's."""

    provider_kind: ProviderKind
    data_type: str
    team: str
    before: str
    after: str


def diff(old: Catalogue, new: Catalogue, now: datetime) -> list[Change]:
    """Return the decisions taken differently by two versions of the policies at the moment `now`.
    Every kind of provider is tried, as ratified, with every data type: with a file without items, and then
    with a file of each single item named in either version. So a changed right to a single item shows.
    """
    if old.model_copy(update={"digest": new.digest}) == new:
        return []  # Only other files differ, such as limits.toml.
    kinds = tuple(dict.fromkeys((*old.bodies.kinds(), *new.bodies.kinds())))
    data_types = tuple(dict.fromkeys((*old.data_types(), *new.data_types())))
    named = ((*one.appendix_a, *one.rights.outside.hold, *one.rights.outside.sensitive) for one in (old, new))
    items = tuple(dict.fromkeys((_BARE, *chain.from_iterable(named))))
    changes = []
    for kind in kinds:
        sender = Provider(id="anyone", name="anyone", kind=kind, ratified=True)
        for data_type in data_types:
            before, after = (
                {item: decide(_file(data_type, item, one), one, sender, now) for item in items}
                for one in (old, new)
            )
            bare = _outcome(before[_BARE]) == _outcome(after[_BARE])
            for item in items:
                was, becomes = _outcome(before[item]), _outcome(after[item])
                if was != becomes and (item == _BARE or bare):
                    label = f"with {item}: " if item else ""
                    changes.append(Change(kind, data_type, "", label + was, label + becomes))
            then, since = _items_by_team(before), _items_by_team(after)
            for team in sorted(then.keys() | since.keys()):
                had, has = then.get(team), since.get(team)
                if had != has:
                    changes.append(Change(kind, data_type, team, _grant(had, has), _grant(has, had)))
    return changes


_BARE = ""
"""The item that stands for a file without items."""


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


def _outcome(decision: Decision) -> str:
    codes = ", ".join(reason.code for reason in decision.reasons)
    until = decision.until if isinstance(decision, Held) else None
    ends = f" until {until:%Y-%m-%d %H:%M} UTC" if until else ""
    return f"{type(decision).__name__.lower()}{ends}: {codes}"


def _items_by_team(decisions: dict[str, Decision]) -> dict[str, frozenset[str]]:
    """Return by team the items that reach the team. `decisions`: by item, on a file with this item alone."""
    teams = {team for decision in decisions.values() for team in decision.teams}
    return {
        team: frozenset(item for item, decision in decisions.items() if team in decision.teams)
        for team in teams
    }


def _grant(items: frozenset[str] | None, other: frozenset[str] | None) -> str:
    """Return in words what a team gets: nothing if `items` is None, the file if `other` is None, or else the
    items that are in `items` and not in `other`.
    """
    if items is None:
        return "gets nothing"
    if other is None:
        return "gets the file"
    only = sorted(items - other)
    return f"may have {', '.join(only)}" if only else "may not"


def changes_between(before: Catalogue, after: Catalogue) -> tuple[str, ...]:
    """Return a sentence for each change of the agreement's text and of the items of Appendix A."""
    told = []
    if before.text_sha256 != after.text_sha256:
        was, becomes = before.agreement.version, after.agreement.version
        versions = f" (version {was})" if was != becomes else ""
        told.append(
            f"The text is a new one, version {becomes}; it takes the place of the one before{versions}."
        )
    had, has = before.appendix_a, after.appendix_a
    told += [f"Added to the data items of Appendix A: {item}." for item in has if item not in had]
    told += [f"No longer among the data items of Appendix A: {item}." for item in had if item not in has]
    return tuple(told)
