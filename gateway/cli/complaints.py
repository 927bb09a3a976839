"""Complaints of doctor and of a school year: their form, and those about providers and teams."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Literal

from gateway.model import Provider
from gateway.policy.catalogue import Catalogue
from gateway.policy.small_schemas import DFE_NUMBER, URN, number_of
from gateway.registry.keys import Key

_FEW = 3
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Complaint:
    """A fault or weakness that `doctor` reports. `mend` is the advice; a "fault" keeps files from passing.

    Following the advice locks nobody out. `about`: the owner. `alike`: the text behind the number, where one
    line stands for many complaints of a kind. `safely`: mends without loss or choice, for `doctor --mend`.
    """

    severity: Literal["fault", "warning"]
    what: str
    mend: str
    about: str = ""
    alike: str = ""
    safely: Callable[[], object] | None = field(default=None, compare=False)

    def as_object(self) -> dict[str, str]:
        """Return the complaint as `doctor --json` prints it."""
        told = {"severity": self.severity, "what": self.what, "mend": self.mend}
        return {**told, "about": self.about} if self.about else told


fault, warning = partial(Complaint, "fault"), partial(Complaint, "warning")


def lines(
    complaints: Iterable[Complaint], *, each: bool, more: str = "gateway doctor --all"
) -> Iterator[str]:
    """Yield the complaints as text; more than a few of one kind become one line, unless `each`.

    `more` is the command for the full list.
    """
    kinds: defaultdict[tuple[str, str], list[Complaint]] = defaultdict(list)
    found = list(complaints)
    for one in found:
        kinds[one.severity, one.alike].append(one)
    shortened = False
    for one in found:
        group = kinds[one.severity, one.alike]
        if each or len(group) <= _FEW or not one.alike:
            yield f"{one.severity}: {one.what}\n    {one.mend}"
        elif one is group[0]:
            shortened = True
            names = ", ".join(other.about for other in group[:_NAMED])
            rest = f" and {len(group) - _NAMED} more" if len(group) > _NAMED else ""
            yield f"{one.severity}: {len(group)} {one.alike}: {names}{rest}\n    such as: {one.mend}"
    if shortened:
        yield f"each of them: {more}"


def of_provider(
    provider: Provider, catalogue: Catalogue, year: str, in_force: set[str], pending: set[str]
) -> Iterator[Complaint]:
    """Yield a complaint for each thing a provider lacks: keys, ratification, number.

    `in_force` and `pending` are the kinds ("ssh", "openpgp") of the provider's keys in these states.
    """
    if provider.suspended:
        yield warning(
            f"{provider.id} is suspended",
            f"gateway providers resume {provider.id}, or gateway providers close {provider.id}",
            provider.id,
            "providers suspended",
        )
        return
    for kind, what, alike in (
        ("ssh", "SSH key: it cannot log in", "an SSH key in force cannot log in"),
        ("openpgp", "OpenPGP key: its files are refused", "an OpenPGP key in force have their files refused"),
    ):
        if kind not in in_force:
            yield warning(
                f"{provider.id} has no {what}",
                f"ring {provider.id}, then gateway keys confirm {provider.id} FPR"
                if kind in pending
                else f"gateway keys add {provider.id} FILE",
                provider.id,
                f"providers without {alike}",
            )
    kind_of_body = catalogue.bodies.of(provider.kind)
    if kind_of_body.ratifies and not provider.ratified:
        yield warning(
            f"{provider.id} has not ratified the agreement for {year}: files of most flows wait",
            f'gateway agreement ratify {provider.id} --signatory "…"',
            provider.id,
            f"providers have not ratified the agreement for {year}, so that files of most flows wait",
        )
    number = catalogue.bodies.identifier_of(provider.kind)
    if number is None or number_of(provider, number) or provider.schools:
        return
    if number.id == DFE_NUMBER:
        yield warning(
            f"{provider.id} has no DfE number: a file that names another school is not noticed",
            f"gateway providers set {provider.id} --dfe-number NUMBER, or for all: gateway providers import "
            "FILE.csv",
            provider.id,
            "providers without a DfE number: a file of theirs that names another school is not noticed",
        )
    else:
        yield warning(
            f"{provider.id} has no {number.name}, by which it is known",
            f"gateway providers set {provider.id} {'--urn' if number.id == URN else '--number'} NUMBER",
            provider.id,
            f"providers without their {number.name}",
        )


def kinds_of_keys(known: Sequence[Key], at: datetime) -> defaultdict[str, tuple[set[str], set[str]]]:
    """Return by provider the kinds of keys in force, and the kinds waiting for confirmation."""
    found: defaultdict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    for key in known:
        if key.owner_kind == "provider":
            in_force, pending = found[key.owner]
            if key.is_in_force(at):
                in_force.add(key.kind)
            if key.state == "pending":
                pending.add(key.kind)
    return found


def of_teams(catalogue: Catalogue, staffed: set[str]) -> Iterator[Complaint]:
    """Yield a complaint for each team that gets files and has no members."""
    routed = {team for flow in catalogue.flows.flow for kind in flow.data_type for team in kind.teams}
    for team in sorted((routed | catalogue.looking_teams().held) - staffed):
        yield warning(
            f"nobody collects for {team}",
            f"gateway staff add NAME --team {team} --ssh-key FILE",
            team,
            "teams without anybody who collects",
        )
