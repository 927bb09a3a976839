"""Sets of roles of which an act asks for one.

`staff` is whoever collects files, `team:NAME` a member of one team.
"""

from collections.abc import Iterable

READERS = frozenset({"auditor", "administrator", "data-protection", "triage"})
TRIAGE = frozenset({"triage", "administrator"})
PROTECTION = frozenset({"data-protection"})
RECALL = frozenset({"triage", "administrator", "data-protection"})
WELFARE = frozenset({"data-protection", "team:education-welfare"})
ADMINISTRATOR = frozenset({"administrator"})


def may(wanted: frozenset[str], roles: Iterable[str], teams: Iterable[str]) -> bool:
    """Has a person with these roles and teams one of the roles that an act asks for?"""
    of_teams = {f"team:{team}" for team in teams}
    return not wanted.isdisjoint({*roles, *of_teams, *(["staff"] if of_teams else [])})
