"""Define the catalogue: the policy files of one home as one value, with look-ups, and names for receipts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from gateway.access import LookingTeams
from gateway.home.settings_file import File
from gateway.law import LawPack
from gateway.model import ProviderKind, Reason
from gateway.policy import schema, small_schemas
from gateway.policy.calendar_schema import CalendarFile
from gateway.reasons import DESKS, sentence_and_step
from gateway.reasons.languages import Language


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Wording:
    """The names and languages for receipts and letters under one version of the policies.
    `languages`: in the order of a receipt. `names`: of data types and teams, by id. `terms`: translations of
    desks' names and of texts in reasons.toml, by the English text, for each other language. `own`: ids and
    labels of the policies, which receipts show even if words.txt does not list their words. Two wordings are
    equal only if they are one object, because receipts are cached by wording.
    """

    languages: tuple[Language, ...] = ("en",)
    names: Mapping[str, str] = field(default_factory=dict)
    terms: Mapping[Language, Mapping[str, str]] = field(default_factory=dict)
    own: tuple[str, ...] = ()

    def name(self, identifier: str) -> str:
        """Return the name of a data type or team; the id if it has no name."""
        return self.names.get(identifier, identifier)

    def list_names(self, identifiers: Iterable[str]) -> str:
        """Join the names of data types or teams for a sentence: "A, B and C"."""
        names = [*map(self.name, identifiers)]
        return " and ".join([", ".join(names[:-1]), names[-1]]) if names[1:] else "".join(names)


UNNAMED = Wording()
"""The wording for use without policies: it calls data types and teams by their ids."""


MISSING_CHILDREN = "2.4.1"
"""The clause that has a team search for children missing education."""


class Catalogue(File):
    """All policies of one home, with an attribute for each file.

    `digest`: the SHA-256 of the policy files. `rules`: the SHA-256 of the policy files and of the code that
    classifies and decides by them.
    """

    digest: str
    rules: str
    agreement: small_schemas.AgreementFile
    agreement_text: str
    reasons: small_schemas.ReasonsFile
    confirmed: small_schemas.ConfirmedFile
    flows: schema.FlowsFile
    teams: schema.TeamsFile
    rights: schema.RightsFile
    methods: small_schemas.MethodsFile
    calendar: CalendarFile
    breach: small_schemas.BreachFile
    bodies: small_schemas.BodiesFile
    letters: small_schemas.LettersFile = small_schemas.LettersFile()
    hand_ons: small_schemas.HandOnsFile = small_schemas.HandOnsFile()
    law: tuple[LawPack, ...] = ()

    def __hash__(self) -> int:
        """Return the hash of the digest."""
        return hash(self.digest)

    @property
    def files(self) -> dict[str, object]:
        """The model of each policy file, by name."""
        return {f"{name}.toml": model for name, model in vars(self).items() if isinstance(model, File)}

    @cached_property
    def dated_items(self) -> dict[str, frozenset[str]]:
        """By data type, the items that law packs allow. An item is lawful only in a file about the period of
        its pack.
        """
        found: dict[str, frozenset[str]] = {}
        for pack in self.law:
            for each in (*pack.lawful, *pack.awaited):
                found[each.data_type] = found.get(each.data_type, frozenset()).union(each.items)
        return found

    @cached_property
    def awaited(self) -> dict[tuple[str, str], str]:
        """By data type and item, the law that will allow the item, but is not in force yet."""
        return {
            (each.data_type, item): each.law for p in self.law for each in p.awaited for item in each.items
        }

    @cached_property
    def _flows(self) -> dict[str, schema.Flow]:
        return {entry.id: flow for flow in self.flows.flow for entry in flow.data_type}

    @cached_property
    def entries(self) -> dict[str, schema.FlowDataType]:
        """Each data type of the flows in use, by id."""
        return {entry.id: entry for flow in self.flows.flow for entry in flow.data_type}

    @cached_property
    def shared_flows(self) -> frozenset[str]:
        """The ids of the flows whose recipients include providers of some kind."""
        reached = {body.id for body in self.bodies.recipient if body.kinds}
        return frozenset(flow.id for flow in self.flows.flow if not reached.isdisjoint(flow.recipients))

    @cached_property
    def _named(self) -> dict[str, tuple[schema.Right, frozenset[str]]]:
        """By team: its right, and every item of Appendix A that the right names, even as an exception."""
        chosen = {each.id: each.items for each in self.rights.selection}
        found = {}
        for right in self.rights.right:
            singly = {*right.items, *(item for name in right.selections for item in chosen.get(name, ()))}
            named = (
                item for item, of in self.appendix_a.items() if of.label in right.groups or item in singly
            )
            found[right.team] = right, frozenset(named)
        return found

    @cached_property
    def appendix_a(self) -> dict[str, schema.Group]:
        """Each data item of Appendix A, as "Group: Item", and its group."""
        return {label: group for group in self.rights.group for label in group.labels()}

    @cached_property
    def proposed(self) -> frozenset[str]:
        """The items that Appendix A only proposes."""
        return frozenset(f"{group.label}: {item}" for group in self.rights.group for item in group.proposed)

    @cached_property
    def identifying(self) -> frozenset[str]:
        """The items that identify a child or an address. A team with a right to no other items gets no
        file.
        """
        chosen = (each for each in self.rights.selection if each.identifies)
        return frozenset(item for each in chosen for item in each.items)

    @cached_property
    def desks(self) -> small_schemas.Contacts:
        """The English names of the desks to which texts refer providers."""
        return self.agreement.contacts.get("en") or small_schemas.Contacts(**DESKS)

    @cached_property
    def wording(self) -> Wording:
        """The names for receipts under this catalogue."""
        own = {*self.appendix_a, *self.rights.outside.hold, *self.rights.outside.sensitive}
        for flow in (*self.flows.flow, *self.flows.optional):
            own.add(flow.document.description)
            for entry in flow.data_type:
                own.update((entry.id, entry.name or entry.id, *entry.carries))
                own.update(*(each.items for each in entry.carried))
        types = (
            (entry.id, entry.name or flow.document.description)
            for flow in (*self.flows.flow, *self.flows.optional)
            for entry in flow.data_type
        )
        return Wording(
            languages=self.agreement.languages,
            names=dict(types) | {team.id: team.name for team in self.teams.team},
            terms={
                language: {self.desks.desk: said.desk, self.desks.governance: said.governance}
                | self.reasons.translations.get(language, {})
                for language in self.agreement.languages
                if language != "en"
                for said in [self.agreement.contacts.get(language, self.desks)]
            },
            own=tuple(own),
        )

    @property
    def school_year_starts(self) -> schema.MonthDay:
        """The first day of a school year: from the calendar, else from the agreement's year."""
        return self.calendar.year_starts or self.agreement.year.starts

    @cached_property
    def text_sha256(self) -> str:
        """The SHA-256 of the agreement's text."""
        return hashlib.sha256(self.agreement_text.encode()).hexdigest()

    @cached_property
    def text_wanted(self) -> str | None:
        """The SHA-256 of the text required to be signed; None if any signed text counts."""
        return self.text_sha256 if self.agreement.year.new_text == "needs-signing" else None

    def clause_of(self, code: str) -> schema.ClauseId:
        """Return the clause reasons.toml gives to a code; KeyError if it gives none."""
        return self.reasons.clauses[code]

    def reason(self, code: str, **detail: str | int) -> Reason:
        """Return a reason with the clause that reasons.toml gives to its code; KeyError if there is none.
        `detail`: the values for the blanks in the reason's texts.
        """
        return self.reason_under(self.clause_of(code), code, **detail)

    def reason_under(self, clause: schema.ClauseId, code: str, **detail: str | int) -> Reason:
        """Return a reason under a given clause. `detail`: the values for the blanks in the reason's texts."""
        asked = {"desk": self.desks.desk, "governance": self.desks.governance}
        sentence, next_step = sentence_and_step(code, **{**asked, **detail})
        return Reason(code=code, clause=clause, sentence=sentence, next_step=next_step)

    def flow_of(self, data_type: str) -> schema.Flow | None:
        """Return the flow in use that carries a data type; None if no such flow does."""
        return self._flows.get(data_type)

    def optional_flow_of(self, data_type: str) -> schema.Flow | None:
        """Return the optional flow that carries a data type but is not switched on; None if there is none."""
        return next(
            (flow for flow in self.flows.optional for entry in flow.data_type if entry.id == data_type), None
        )

    def flow(self, identifier: str) -> schema.Flow | None:
        """Return the flow with this id; None if there is none."""
        return next((flow for flow in self.flows.flow if flow.id == identifier), None)

    def data_types(self) -> tuple[str, ...]:
        """Return the id of every data type of the flows in use, in the order of Appendix B."""
        return tuple(self._flows)

    def team(self, identifier: str) -> schema.Team | None:
        """Return the team with this id; None if there is none."""
        return next((team for team in self.teams.team if team.id == identifier), None)

    def has_counts_alone(self, team: str | None, data_type: str | None) -> bool:
        """Return True if a team gets only counts of a data type, because it may see no records of pupils."""
        found, entry = self.team(team or ""), self.entries.get(data_type or "")
        bare = entry is not None and entry.about == (schema.NOBODY,)
        return found is not None and not found.pupil_level and not bare

    def body_of(self, team: schema.Team) -> str | None:
        """Return the id of the recipient owning a team, mostly the authority; None if not listed."""
        own = next((each.id for each in self.bodies.recipient if each.own), None)
        return own if team.of is None else team.of

    def looking_teams(self) -> LookingTeams:
        """Return the teams that may see other teams' files: for triage, sensitive files, or child welfare."""
        welfare = {
            team.id for team in self.teams.team if MISSING_CHILDREN in team.clauses and team.pupil_level
        }
        return LookingTeams(
            triage=frozenset(team.id for team in self.teams.team if team.triage),
            sensitive=frozenset(team.id for team in self.teams.team if team.sensitive),
            welfare=frozenset(welfare),
        )

    def may_have(self, team: str, item: str, sender: ProviderKind | None = None) -> bool:
        """Return True if a team may have an item of Appendix A ("Group: Item") from a kind of sender.
        Without a sender, return True only for an item that the team may have from every kind of sender.
        """
        return item in self.granted(team, sender)

    def granted(self, team: str, sender: ProviderKind | None) -> frozenset[str]:
        """Return the items of Appendix A a team may have from a kind of sender (None: from every kind)."""
        right, items = self._named.get(team, (None, frozenset[str]()))
        if right is None:
            return items
        barred = right.not_from.values() if sender is None else [right.not_from.get(sender, ())]
        return items.difference(right.without, *barred)

    def would_have(self, right: schema.Right, item: str) -> bool:
        """Return True if a right names an item of Appendix A, even if only to take the item away from the
        team.
        """
        return item in self._named[right.team][1]
