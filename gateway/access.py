"""The one table of access, asked by every door (mailboxes, console, command line).

A door identifies the person and asks here. Rights come from a person's roles; a team can also give the rights
HELD and WELFARE. A `Sight` limits the files known to a person; the registry turns a `Sight` into a condition
of queries (`registry/sight.py`). Anything not listed is denied.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn

from gateway.errors import GatewayError


class NotListedError(GatewayError):
    """Raised for a command or question for which this module lists no right: nobody may use it."""


class Role(StrEnum):
    """A person's role, besides membership of teams."""

    TRIAGE = "triage"
    ADMINISTRATOR = "administrator"
    DATA_PROTECTION = "data-protection"
    AUDITOR = "auditor"


ROLES_TOLD: Mapping[Role, str] = {
    Role.TRIAGE: "decides on held files, and takes files back",
    Role.ADMINISTRATOR: "decides on held files, enrols schools and people, gives roles, changes policies",
    Role.DATA_PROTECTION: "answers for single children, breaches and legal holds, and gives roles",
    Role.AUDITOR: "looks at everything, and changes nothing",
}
"""What each role is for, where it is given."""


class AccessRight(StrEnum):
    """A right needed for a command or a question."""

    UNNAMED = "unnamed"
    """No right at all: for services, and for commands without a registry."""
    PERSON = "person"
    """To be a known person, with access to personal things and those of the person's teams."""
    HELD = "held"
    LOOK = "look"
    DECIDE = "decide"
    RECALL = "recall"
    ENROL = "enrol"
    PROTECT = "protect"
    BREACH = "breach"
    APPOINT = "appoint"
    INDEX = "index"
    WELFARE = "welfare"


SENSITIVE_REASON_CODES = frozenset({"policy:sensitive", "policy:awaited", "open:malware"})
"""Codes of reasons. A file with one of these is sensitive: only few people may know of it."""
POWERFUL = frozenset({Role.ADMINISTRATOR, Role.DATA_PROTECTION})
"""Roles given and taken by two persons."""
_ROLES: Mapping[AccessRight, frozenset[Role]] = {
    AccessRight.HELD: frozenset(Role),
    AccessRight.LOOK: frozenset(Role),
    AccessRight.DECIDE: frozenset({Role.TRIAGE, Role.ADMINISTRATOR}),
    AccessRight.RECALL: frozenset({Role.TRIAGE, Role.ADMINISTRATOR, Role.DATA_PROTECTION}),
    AccessRight.ENROL: frozenset({Role.ADMINISTRATOR}),
    AccessRight.PROTECT: frozenset({Role.DATA_PROTECTION}),
    AccessRight.BREACH: POWERFUL,
    AccessRight.APPOINT: POWERFUL,
    AccessRight.INDEX: POWERFUL,
    AccessRight.WELFARE: frozenset({Role.DATA_PROTECTION}),
}
"""The roles with each right."""
_ROLES_SEEING_SENSITIVE = frozenset({Role.ADMINISTRATOR, Role.DATA_PROTECTION, Role.AUDITOR})
"""The roles that may know that a sensitive file exists."""
WITHOUT_RIGHT: Mapping[AccessRight, str] = {
    AccessRight.HELD: "Held files are for the team that triages, and for those who have a role.",
    AccessRight.DECIDE: "To decide on a held file takes the role triage: ask an administrator.",
    AccessRight.RECALL: "To take a file back takes the role triage, administrator or data-protection.",
    AccessRight.ENROL: (
        "Schools, keys, ratifications and policies are changed by those with the role administrator."
    ),
    AccessRight.PROTECT: "What is known of a child, and legal holds, are for the role data-protection.",
    AccessRight.BREACH: "Breaches are recorded by those with the role data-protection or administrator.",
    AccessRight.LOOK: "This is for those who have a role: ask an administrator.",
    AccessRight.APPOINT: "Roles are given by those with the role administrator or data-protection.",
    AccessRight.INDEX: "The index of pupils is kept by those with the role administrator or data-protection.",
    AccessRight.WELFARE: "Children on no roll are for the team that looks for them and for data-protection.",
}
"""The sentence of the console for whoever lacks a right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookingTeams:
    """The teams that may see more than the files delivered to them, as named by the policies in force.

    - `triage`: teams that see held files, except sensitive ones.
    - `sensitive`: teams that see sensitive held files.
    - `welfare`: teams that see the children who are on no school's roll.
    """

    triage: frozenset[str] = frozenset()
    sensitive: frozenset[str] = frozenset()
    welfare: frozenset[str] = frozenset()

    @property
    def held(self) -> frozenset[str]:
        """Return the teams with sight of held files; two people must agree before a person joins one."""
        return self.triage | self.sensitive


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """A person for whom access is asked: name, teams and roles."""

    name: str
    teams: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Limits on the files that a person may know of.

    - `ordinary`: True to include files that are not sensitive. `few`: True to include sensitive files.
    - `marked`: True to include every file about a child with a marker. False to include such a file only if
      the marker names `person`.
    """

    person: str | None = None
    ordinary: bool = True
    few: bool = True
    marked: bool = True

    @property
    def is_whole(self) -> bool:
        """Return True if the sight has no limits: every file is included."""
        return self.ordinary and self.few and self.marked


EVERYTHING = Sight()


def rights_of(viewer: Viewer, looking: LookingTeams) -> frozenset[AccessRight]:
    """Return the rights that a person has by roles and by teams."""
    by_role = {right for right, roles in _ROLES.items() if not roles.isdisjoint(viewer.roles)}
    by_team = set()
    if not looking.held.isdisjoint(viewer.teams):
        by_team.add(AccessRight.HELD)
    if not looking.welfare.isdisjoint(viewer.teams):
        by_team.add(AccessRight.WELFARE)
    return frozenset({AccessRight.UNNAMED, AccessRight.PERSON, *by_role, *by_team})


def may_know(viewer: Viewer, looking: LookingTeams) -> Sight:
    """Return the sight of a person: the files whose existence, reasons and outcome the person may know.

    A file about a child with a marker is known only to data protection and to the people named by the marker.
    """
    by_team = may_open(viewer, looking)
    return Sight(
        person=viewer.name,
        ordinary=by_team.ordinary or not _ROLES[AccessRight.LOOK].isdisjoint(viewer.roles),
        few=by_team.few or not _ROLES_SEEING_SENSITIVE.isdisjoint(viewer.roles),
        marked=Role.DATA_PROTECTION in viewer.roles,
    )


def may_open(viewer: Viewer, looking: LookingTeams) -> Sight:
    """Return the sight of held files that a person may open by membership of teams; no role opens a file."""
    return Sight(
        person=viewer.name,
        ordinary=not looking.triage.isdisjoint(viewer.teams),
        few=not looking.sensitive.isdisjoint(viewer.teams),
        marked=False,
    )


def known_to_program(name: str) -> Sight:
    """Return the sight of a program: all files except sensitive ones and those about a marked child."""
    return Sight(person=name, few=False, marked=False)


def roles_with(right: AccessRight) -> frozenset[Role]:
    """Return the roles that give a right."""
    return _ROLES.get(right, frozenset())


class _Rights(dict[str, AccessRight]):
    """The right needed for each command or question, by name. A name not listed raises NotListedError."""

    def __init__(self, what: str, table: Mapping[AccessRight, str]) -> None:
        super().__init__((name, right) for right, names in table.items() for name in names.split())
        self._what = what

    def __missing__(self, name: str) -> NoReturn:
        raise NotListedError(
            f"nobody may do this: the {self._what} {name} is not listed in gateway/access.py"
        )


COMMANDS: Mapping[str, AccessRight] = _Rights(
    "command",
    {
        # Services, timers, the provider's side, and commands without a registry.
        AccessRight.UNNAMED: """
            home.init home.run services.process services.serve_intake services.serve_mailboxes
            services.serve_console services.serve_web services.serve_courier doctor.doctor status.status
            backup.backup backup.restore install.install classify.classify_files samples.samples
            sandbox.demo upgrade.upgrade sandbox.sandbox verify_release.verify_release send_keys.setup
            send.watch send.unattended send_keys.renew send_keys.rotate send_keys.revoke
            send_keys.ratify send_keys.headings send.send_files send.receipts send.status receipts.verify
            policy.check policy.diff policy_draft.sign policy_draft.agreement retention.run_deletions
        """,
        AccessRight.LOOK: """
            keys.export keys.list_gateway_keys keys.list_host_keys year.show_year receipts.show_one
            log.head log.verify log.prove log.consistency log.export
            log.events log.tiles policy.try_out policy_draft.list_packs policy_draft.list_optional
        """,
        AccessRight.ENROL: """
            backup.move keys.rotate keys.reseal keys.destroy
            keys.protect keys.announce keys.switch keys.publish
            year.open_year log.cosign log.witness hosts.add hosts.join policy_draft.confirm
            policy_draft.install policy_draft.switch policy_draft.flow policy.simulate policy.propose
            policy.approve policy.withdraw policy.roll_back policy.status
        """,
        AccessRight.PROTECT: "transfers.open_whole",
        AccessRight.INDEX: "pupils.index",
    },
)
"""The right needed for each command, where roles are in force; acts declare their own."""
OF_INTAKE = frozenset({"keys.announce", "keys.switch"})
"""Commands that intake's own user may run as well, who can read neither settings nor registry."""
QUESTIONS: Mapping[str, AccessRight] = _Rights(
    "question",
    {
        AccessRight.UNNAMED: """
            settings api begin-login log-in begin-enrolment enrol begin-openid finish-openid
        """,
        # Mailbox pages check the team. Each act declares its own right.
        AccessRight.PERSON: """
            confirm log-out leave-first-steps collect acts ask carry-out me today mailbox file
        """,
        AccessRight.HELD: "held-file",
        AccessRight.LOOK: "receipt openings schools school agreement watch policies",
        AccessRight.ENROL: "policy-edit",
    },
)
"""The right needed for each question of the console."""
OF_PROGRAMS = frozenset({"ask", "carry-out", "collect"})
"""The questions that programs may ask, each about an act that the program's credential names."""
