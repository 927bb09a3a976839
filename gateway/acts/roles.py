"""Sets of roles of which an act asks for one.

`staff` is whoever collects files, `team:NAME` a member of one team.
"""

READERS = frozenset({"auditor", "administrator", "data-protection", "triage"})
TRIAGE = frozenset({"triage", "administrator"})
PROTECTION = frozenset({"data-protection"})
RECALL = frozenset({"triage", "administrator", "data-protection"})
WELFARE = frozenset({"data-protection", "team:education-welfare"})
ADMINISTRATOR = frozenset({"administrator"})
