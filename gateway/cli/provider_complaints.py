"""Complaints of doctor about providers and teams."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime

from gateway.cli.complaints import Complaint, Together
from gateway.model import Provider
from gateway.policy.catalogue import Catalogue
from gateway.policy.small_schemas import DFE_NUMBER, URN, Identifier, number_of
from gateway.registry.keys import Key

_NO_SSH = Together(
    "provider", "without an SSH key in force cannot log in", "gateway keys list ID; gateway keys add ID FILE"
)
_NO_OPENPGP = Together(
    "provider",
    "without an OpenPGP key in force have their files refused",
    "gateway keys list ID; gateway keys add ID FILE",
)
_NO_NUMBER = Together(
    "provider",
    "without a DfE number: a file of theirs that names another school is not noticed",
    "gateway providers set ID --dfe-number NUMBER, or for all: gateway providers import FILE.csv",
)
_SUSPENDED = Together("provider", "suspended", "gateway providers resume ID, or gateway providers close ID")


def of_provider(
    provider: Provider, catalogue: Catalogue, year: str, in_force: set[str], pending: set[str]
) -> Iterator[Complaint]:
    """Yield the gaps of one provider. `in_force` and `pending` are the kinds of the provider's keys."""
    if provider.suspended:
        yield Complaint(
            "warning",
            f"{provider.id} is suspended",
            f"gateway providers resume {provider.id}",
            provider.id,
            _SUSPENDED,
        )
        return
    for kind, what, together in (
        ("ssh", "SSH key: it cannot log in", _NO_SSH),
        ("openpgp", "OpenPGP key: its files are refused", _NO_OPENPGP),
    ):
        if kind not in in_force:
            yield Complaint(
                "warning",
                f"{provider.id} has no {what}",
                f"ring {provider.id}, then gateway keys confirm {provider.id} FPR"
                if kind in pending
                else f"gateway keys add {provider.id} FILE",
                provider.id,
                together,
            )
    kind_of_body = catalogue.bodies.of(provider.kind)
    if kind_of_body.ratifies and not provider.ratified:
        yield _unratified(provider, year)
    number = catalogue.bodies.identifier_of(provider.kind)
    if number is not None and not number_of(provider, number) and not provider.schools:
        yield from _without_number(provider, number)


def _without_number(provider: Provider, number: Identifier) -> Iterator[Complaint]:
    if number.id == DFE_NUMBER:
        yield Complaint(
            "warning",
            f"{provider.id} has no DfE number: a file that names another school is not noticed",
            f"gateway providers set {provider.id} --dfe-number NUMBER",
            provider.id,
            _NO_NUMBER,
        )
        return
    option = "--urn" if number.id == URN else "--number"
    yield Complaint(
        "warning",
        f"{provider.id} has no {number.name}, by which it is known",
        f"gateway providers set {provider.id} {option} NUMBER",
        provider.id,
        Together("provider", f"without their {number.name}", f"gateway providers set ID {option} NUMBER"),
    )


def kinds_of_keys(known: Sequence[Key], at: datetime) -> defaultdict[str, tuple[set[str], set[str]]]:
    """Return by provider the kinds of the keys in force, and of those waiting for confirmation."""
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
    """Yield the teams with files routed to them and without members."""
    routed = {team for flow in catalogue.flows.flow for kind in flow.data_type for team in kind.teams}
    together = Together(
        "team", "without anybody who collects", "gateway staff add NAME --team TEAM --ssh-key FILE"
    )
    for team in sorted((routed | {*catalogue.triage_teams(), *catalogue.sensitive_teams()}) - staffed):
        yield Complaint(
            "warning",
            f"nobody collects for {team}",
            f"gateway staff add NAME --team {team} --ssh-key FILE",
            team,
            together,
        )


def _unratified(provider: Provider, year: str) -> Complaint:
    return Complaint(
        "warning",
        f"{provider.id} has not ratified the agreement for {year}: files of most flows wait",
        f'gateway agreement ratify {provider.id} --signatory "…"',
        provider.id,
        Together(
            "provider",
            f"have not ratified the agreement for {year}, so that files of most flows wait",
            'gateway agreement status; then, for each: gateway agreement ratify ID --signatory "…"',
        ),
    )
