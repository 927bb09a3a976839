"""A scenario: a sealed file, who sends it and when, what becomes of it, and what would if a rule were broken.

It goes the way that `gateway policy test` goes: sealed with the sender's key, opened with the secrets of a
home, classified and decided by a policies folder, all of it real. Nothing is served and nothing is kept.
"""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from random import Random

from gateway.examiner.parent import Examiner
from gateway.home import Home
from gateway.home.settings import Settings, load_settings
from gateway.homes.create import create_home
from gateway.homes.demo.parties import Party
from gateway.model import Accepted, Classified, Provider, ProviderKind
from gateway.openpgp.certificates import admit
from gateway.policy.catalogue import load_unchecked
from gateway.policy.items import basis_for, left_out
from gateway.policy.schools import copies_for
from gateway.processor.dry_run import try_file
from gateway.record.policies_in_force import Policies, load_policies
from gateway.record.registrar import Rulebook
from gateway.registry import keys
from gateway.registry.database import Registry
from gateway.samples import make, school
from tests.forking import forked
from tests.policy.conftest import POLICIES

SCHOOL = school(Random(1), 0)
_EXAMINED_BY = {"data_types.toml", "items.toml", "limits.toml"}
Content = Callable[[], bytes]


def sample(data_type: str, variant: str) -> Content:
    """A synthetic file of the school."""
    return lambda: make(data_type, variant, rng=Random(2), school=SCHOOL, pupils=6)


def table(data_type: str, variant: str, columns: str, **more: str) -> Content:
    """Some columns of a synthetic table ("*" for all), and more that hold one value throughout."""

    def content() -> bytes:
        rows = list(csv.DictReader(io.StringIO(sample(data_type, variant)().decode("utf-8-sig"))))
        kept = list(rows[0]) if columns == "*" else [name.strip() for name in columns.split(",")]
        extra = {name.replace("_", " "): value for name, value in more.items()}
        written = io.StringIO()
        writer = csv.DictWriter(written, [*kept, *extra])
        writer.writeheader()
        writer.writerows({name: row[name] for name in kept} | extra for row in rows)
        return written.getvalue().encode()

    return content


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a file: its state, the teams that get it, why, and which providers get a copy.

    `lacks` are the items of the file that each team's view leaves out.
    """

    state: str
    teams: tuple[str, ...]
    codes: frozenset[str]
    copies: tuple[str, ...] = ()
    lacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A change of a policy file: `there` stands in it once after `after`, and becomes `instead`."""

    file: str
    there: str
    instead: str = ""
    after: str = ""

    def make(self, policies: Path) -> None:
        """Change the file. ValueError where the text is not there."""
        path = policies / self.file
        text = path.read_text("utf-8")
        start = text.index(self.after)
        place = text.index(self.there, start)
        path.write_text(text[:place] + self.instead + text[place + len(self.there) :], "utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One clause, tried. `broken` are edits of the policies, `without` a change of what is on record of the
    sender; either takes the rule away, and then the outcome has to be another. `holds` and `lacks` are an
    item that the view of a team holds, or leaves out.
    """

    clause: str
    content: Content
    state: str
    teams: str = ""
    code: str = ""
    copies: str = ""
    holds: Mapping[str, str] = field(default_factory=dict)
    lacks: Mapping[str, str] = field(default_factory=dict)
    sender: ProviderKind = "school"
    on_record: Mapping[str, object] = field(default_factory=dict)
    signer: str = ""
    broken: tuple[Edit, ...] = ()
    without: Mapping[str, object] = field(default_factory=dict)

    def check(self, outcome: Outcome) -> None:
        """AssertionError where it is not what the clause asks."""
        assert (outcome.state, outcome.teams) == (self.state, tuple(self.teams.split())), outcome
        assert not self.code or self.code in outcome.codes, outcome
        assert outcome.copies == tuple(self.copies.split()), outcome
        assert all(item in outcome.lacks[team] for team, item in self.lacks.items()), outcome
        assert not any(item in outcome.lacks[team] for team, item in self.holds.items()), outcome


class Bench:
    """A home to open with, parties to seal, and policies to break."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = Home(root / "home")
        create_home(self.home, Settings(log_origin="test.invalid/log"), datetime.now(UTC))
        self.certificate = (self.home.published.common / "keys" / "gateway.asc").read_text()
        self.registry = Registry(load_settings(self.home).database_url(self.home))
        self.examiner = Examiner(self.home, POLICIES)
        self._parties: dict[str, Party] = {}
        self._sealed: dict[tuple[Content, str], Path] = {}

    def close(self) -> None:
        self.examiner.close()
        self.registry.close()

    @cached_property
    def shipped(self) -> Policies:
        """The policies as they are."""
        return load_policies(POLICIES)

    def broken(self, scenario: Scenario) -> Policies:
        """A copy of the policies without the rule, whether or not it still holds together."""
        folder = self.root / f"broken-{scenario.clause}"
        shutil.copytree(POLICIES, folder)
        for edit in scenario.broken:
            edit.make(folder)
        whole = load_policies(POLICIES)
        return replace(whole, folder=folder, catalogue=load_unchecked(folder))

    def outcome(self, scenario: Scenario, policies: Policies, on_record: Mapping[str, object]) -> Outcome:
        """What becomes of the scenario's sealed file."""
        known: dict[str, object] = {"ratified": True, "dfe_number": SCHOOL.dfe_number, "enrolled": True}
        known |= dict(scenario.on_record) | dict(on_record)
        enrolled, signer = bool(known.pop("enrolled")), str(known.pop("signer", scenario.signer))
        name = self._party(scenario.sender).name if enrolled else "a-stranger"
        anyone = Provider(id=name, name="x", kind=scenario.sender, **known)  # type: ignore[arg-type]
        rules = Rulebook(self.home, policies.catalogue, anyone=anyone)
        file, at = self._seal(scenario.content, signer or scenario.sender), datetime.now(UTC)
        with self._examiner_for(scenario, policies) as examiner:
            tried = try_file(
                file, name, at + timedelta(minutes=1), rules=rules, examiner=examiner, registry=self.registry
            )
        decision, what = tried.decision, tried.found
        copies: tuple[str, ...] = ()
        lacks: Mapping[str, tuple[str, ...]] = {}
        if isinstance(decision, Accepted) and isinstance(what, Classified):
            copies = self._copies(decision, what, policies)
            lacks = self._lacks(decision, what, policies, scenario.sender)
        teams = decision.teams if decision.state == "accepted" else ()
        return Outcome(
            decision.state, teams, frozenset(reason.code for reason in decision.reasons), copies, lacks
        )

    def _lacks(
        self, decision: Accepted, what: Classified, policies: Policies, sender: ProviderKind
    ) -> Mapping[str, tuple[str, ...]]:
        kind, form = what.data_type, what.format
        bases = {
            team: basis_for(team, kind, policies.catalogue, sender, form=form) for team in decision.teams
        }
        return {team: left_out(what, basis) for team, basis in bases.items()}

    @contextmanager
    def _examiner_for(self, scenario: Scenario, policies: Policies) -> Iterator[Examiner]:
        """The one with the rules as they are, unless what is broken is among what it goes by."""
        if policies is self.shipped or not {edit.file for edit in scenario.broken} & _EXAMINED_BY:
            yield self.examiner
            return
        with forked(), closing(Examiner(self.home, policies.folder)) as examiner:
            yield examiner

    def _copies(self, decision: Accepted, what: Classified, policies: Policies) -> tuple[str, ...]:
        one = {"name": "x", "kind": "school", "ratified": True}
        others = (
            Provider(id="about", dfe_number=SCHOOL.dfe_number, **one),  # type: ignore[arg-type]
            Provider(id="another", dfe_number="9992999", **one),  # type: ignore[arg-type]
        )
        copies = copies_for(decision, what, policies.catalogue, others)
        return tuple(each.provider.id for each in copies if not each.waits and not each.part)

    def _party(self, name: str) -> Party:
        if name not in self._parties:
            party = self._parties[name] = Party(name, self.root / "parties" / name)
            now, material = datetime.now(UTC), party.certificate.read_text()
            with self.registry.write() as session:
                keys.add_key(
                    session, "provider", name, "openpgp", at=now, by="admin", material=material,
                    fingerprint=admit(material.encode(), now).fingerprint,
                )  # fmt: skip
        return self._parties[name]

    def _seal(self, content: Content, by: str) -> Path:
        if (content, by) not in self._sealed:
            path = self.root / f"{len(self._sealed)}.pgp"
            path.write_bytes(self._party(by).seal(content(), self.certificate))
            self._sealed[content, by] = path
        return self._sealed[content, by]
