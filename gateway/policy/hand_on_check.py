"""Check hand_ons.toml against the other policies: only a team's own files of pupils are handed on. Pure."""

from collections import Counter
from collections.abc import Iterator

from gateway.policy.catalogue_schema import Catalogue
from gateway.policy.faults import Contradiction


def hand_on_faults(catalogue: Catalogue) -> Iterator[Contradiction]:
    """Yield hand-ons of unknown teams, of data that the team does not get, and names used twice."""
    counted = Counter(each.id for each in catalogue.hand_ons.hand_on)
    for n, each in enumerate(catalogue.hand_ons.hand_on):
        place, team = ("hand_on", n), catalogue.team(each.team)
        if counted[each.id] > 1:
            yield "hand_ons.toml", (*place, "id"), f"{each.id} is listed twice"
        if team is None:
            yield "hand_ons.toml", (*place, "team"), f"there is no team {each.team}"
            continue
        for m, name in enumerate(each.data_types):
            flow = catalogue.flow_of(name)
            if flow is None or team.id not in flow.of(name).teams:
                yield "hand_ons.toml", (*place, "data_types", m), f"{team.id} gets no {name}"
            elif catalogue.has_counts_alone(team.id, name):
                yield "hand_ons.toml", (*place, "data_types", m), f"{team.id} gets counts of {name} alone"
        names = Counter(file.name for file in each.file)
        for m, file in enumerate(each.file):
            if names[file.name] > 1:
                yield "hand_ons.toml", (*place, "file", m, "name"), f"{file.name} is listed twice"
            parts = any("/" in heading for column in file.column for heading in column.headings)
            if parts != bool(file.each):
                words = "headings such as Contact/Surname and each belong together"
                yield "hand_ons.toml", (*place, "file", m, "each"), words
