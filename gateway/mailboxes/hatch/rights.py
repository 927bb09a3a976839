"""What a person may do at the console beside collecting: by their roles and teams. Pure."""

from __future__ import annotations

from collections.abc import Collection

_READERS = frozenset({"auditor", "administrator", "data-protection", "triage"})
_SEE_ALL = frozenset({"auditor", "administrator", "data-protection"})
_DECIDE = frozenset({"triage", "administrator"})
_RECALL = frozenset({"triage", "administrator", "data-protection"})
_ENROL = frozenset({"administrator"})
_PROTECT = frozenset({"data-protection"})
_BREACH = frozenset({"data-protection", "administrator"})

LACKING = {
    "held": "Held files are for the team that triages, and for those who have a role.",
    "decide": "To decide on a held file takes the role triage: gateway roles grant, on the gateway itself.",
    "recall": "To take a file back takes the role triage, administrator or data-protection.",
    "enrol": "Schools, keys, ratifications and policies are changed by those with the role administrator.",
    "protect": "What is known of a child, and legal holds, are for those with the role data-protection.",
    "breach": "Breaches are recorded by those with the role data-protection or administrator.",
    "look": "This is for those who have a role: gateway roles grant, on the gateway itself.",
}
"""Each right, and what is told to whoever lacks it."""

_BY_ROLE = {
    "decide": _DECIDE,
    "recall": _RECALL,
    "look": _READERS,
    "enrol": _ENROL,
    "protect": _PROTECT,
    "breach": _BREACH,
}


def of(teams: Collection[str], roles: Collection[str], looking: frozenset[str]) -> frozenset[str]:
    """The rights of whoever is in these teams and has these roles. `looking`: teams that see held files.

    A role counts here whether or not there is an administrator by name yet: nobody has one unasked.
    """
    found = set()
    if reads(roles) or not looking.isdisjoint(teams):
        found.add("held")
    for right, needed in _BY_ROLE.items():
        if not needed.isdisjoint(roles):
            found.add(right)
    return frozenset(found)


def reads(roles: Collection[str]) -> bool:
    """Whether a role lets them read what is not of one team."""
    return not _READERS.isdisjoint(roles)


def sees_all(roles: Collection[str]) -> bool:
    """Whether a role lets them see what is held because it is sensitive."""
    return not _SEE_ALL.isdisjoint(roles)
