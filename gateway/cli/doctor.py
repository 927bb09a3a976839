"""doctor: what is missing or weak, and the command that mends it."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.text import Text

from gateway.cli import key_complaints
from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    counted,
    fails_clearly,
    now,
    out,
    plain,
    print_json,
    registrar_of,
)
from gateway.cli.log import inconsistencies
from gateway.errors import ConfigurationError, Fault, GatewayError
from gateway.examiner import confinement
from gateway.home import Home
from gateway.model import EDUCATION_PROVIDERS, Provider
from gateway.policy.catalogue import Catalogue, load_catalogue
from gateway.policy.dates import academic_year, local_day
from gateway.policy.ratification import years_in_force
from gateway.policy.terms import is_ending, last_written
from gateway.registry import keys, providers, staff, transfers
from gateway.registry.database import Registry
from gateway.secrets import secret_files
from gateway.settings import Settings, load_key_policy, load_limits, load_settings
from gateway.zones.landed import count_aside, named_at, waiting

_LOW_BYTES = 1024**3
_STUCK_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Complaint:
    """Something missing or weak. `mend` is a command or a sentence; a fault keeps files from passing."""

    severity: Literal["fault", "warning"]
    what: str
    mend: str


@fails_clearly
def doctor(
    home: HomeOption = DEFAULT_HOME,
    deep: Annotated[
        bool,
        typer.Option("--deep", help="Also recompute the log, check every row and read every sealed file."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Say what is missing or weak in a home, and how to mend it. Exit 1 where files cannot pass."""
    complaints = list(examine(Home(home), now()))
    if deep:
        complaints += _audited(home)
    if as_json:
        print_json([asdict(complaint) for complaint in complaints])
    else:
        for complaint in complaints:
            out.print(Text(f"{complaint.severity}: {complaint.what}\n    {complaint.mend}"), soft_wrap=True)
        if not complaints:
            out.print("nothing is missing or weak")
    if any(complaint.severity == "fault" for complaint in complaints):
        raise typer.Exit(1)


def examine(home: Home, at: datetime) -> Iterator[Complaint]:
    """Everything worth saying about a home."""
    settings = load_settings(home)
    yield from _files(home, settings)
    yield from _also_offered(settings)
    try:
        catalogue = load_catalogue(home.policies)
        load_limits(home)
    except ConfigurationError as error:
        yield Complaint("fault", str(error), "edit the file named")
        return
    try:
        yield from _registry(home, settings, catalogue, at)
    except ConfigurationError as error:
        yield Complaint("fault", str(error), "docs/operations.md: upgrading, and going back")
    except GatewayError as error:
        theirs = "see that the database runs and that this user may use it"
        ours = f"see that this user may write {home.registry} and the folder that it lies in"
        yield Complaint("fault", str(error), ours if settings.database is None else theirs)


def _also_offered(settings: Settings) -> Iterator[Complaint]:
    for offer in settings.ssh.also_offer:
        whom = [*offer.networks, *([] if offer.provider is None else [f"provider {offer.provider}"])]
        yield Complaint(
            "warning",
            f"weak algorithms of SSH are offered to {', '.join(whom)}: {', '.join(offer.algorithms)}",
            "have them update their program, then take the line out of [ssh] also_offer in gateway.toml",
        )


def _audited(home: Path) -> Iterator[Complaint]:
    """What does not fit between the log, the registry, the published and the sealed files."""
    with registrar_of(home) as registrar:
        found, _ = inconsistencies(registrar, [], sealed=True)
    for inconsistency in found:
        yield Complaint(
            "fault",
            plain(f"{inconsistency.where}: {inconsistency.what}"),
            "gateway restore DIR, into a new home",
        )


def _files(home: Home, settings: Settings) -> Iterator[Complaint]:
    for folder in (home.keys, home.root / "sealed"):
        mode = stat.S_IMODE(folder.stat().st_mode) if folder.exists() else 0
        if not folder.exists():
            yield Complaint("fault", f"{folder} is missing", "restore it from a backup")
        elif mode & (0o027 if folder.stat().st_mode & stat.S_ISGID else 0o077):
            # With the set-group-ID bit, its group is meant to read it: the mailboxes as another user.
            yield Complaint("fault", f"{folder} is open to other users", f"chmod 700 {folder}")
    try:
        secret_files.secret_keys(home)
        secret_files.signing_key(home)
        secret_files.log_key(home)
        yield from (Complaint("warning", *said) for said in key_complaints.of_secrets(home))
    except ConfigurationError as error:
        yield Complaint("fault", str(error), "give the passphrase, or restore keys/ from a backup")
    if settings.security_contact is None:
        yield Complaint(
            "warning",
            "nobody is named whom to tell of a flaw in the gateway",
            f'security_contact = "mailto:…" in {home.settings}',
        )
    program = shutil.which(settings.processor.sop_program)
    if settings.processor.engine == "auto" and program is None:
        size = load_limits(home).open.embedded_sealed_bytes // 1024**2
        yield Complaint(
            "warning",
            f"no SOP program is installed: files over {size} MiB cannot be opened",
            f"apt-get install {settings.processor.sop_program}",
        )
    yield from _engine(settings)
    for lack in confinement.missing():
        yield Complaint("warning", lack, "docs/operations.md: what isolated children give up")
    free = shutil.disk_usage(home.root).free
    if free < _LOW_BYTES:
        yield Complaint("warning", f"only {free // 1024**2} MiB of disk space are left", "make room")


def _engine(settings: Settings) -> Iterator[Complaint]:
    """Whether the OpenPGP program tells good signatures from bad ones."""
    from gateway.openpgp.opener import prove_program  # noqa: PLC0415 - loads the OpenPGP libraries

    try:
        prove_program(settings.processor)
    except ConfigurationError as error:
        yield Complaint("fault", str(error), "apt-get install sqop")
    except Fault as fault:
        yield Complaint("fault", f"the OpenPGP program does not run: {fault}", "apt-get install sqop")


def _registry(home: Home, settings: Settings, catalogue: Catalogue, at: datetime) -> Iterator[Complaint]:
    registry = Registry(settings.database_url(home))
    try:
        registry.check_version()
        with registry.read() as session:
            today = local_day(at, catalogue.calendar.timezone)
            year = academic_year(today, catalogue.agreement.year.starts)
            enrolled = providers.list_providers(session, years_in_force(today, catalogue))
            yield from _calendar(catalogue, today)
            if not enrolled:
                yield Complaint("warning", "no provider is enrolled", "gateway providers add ID --name …")
            for provider in enrolled:
                if provider.is_closed:
                    continue
                in_force = {
                    kind: keys.keys_in_force(session, "provider", provider.id, kind, at)
                    for kind in ("ssh", "openpgp")
                }
                yield from _provider(provider, year, {kind for kind, found in in_force.items() if found})
            people = staff.list_staff(session)
            yield from _teams(catalogue, {team for person in people for team in person.teams})
            on_keys = key_complaints.of_keys(session, home, load_key_policy(home), at)
            yield from (Complaint("warning", *said) for said in on_keys)
            landed = transfers.landed(session)
            if landed:
                oldest = transfers.get(session, landed[0])
                if (at - oldest.upload.landed_at).total_seconds() > _STUCK_SECONDS:
                    yield Complaint(
                        "fault", f"{counted(len(landed), 'file')} landed and not decided", "gateway process"
                    )
        yield from _spool(home, at)
    finally:
        registry.close()


def _provider(provider: Provider, year: str, in_force: set[str]) -> Iterator[Complaint]:
    if provider.suspended:
        yield Complaint("warning", f"{provider.id} is suspended", f"gateway providers resume {provider.id}")
        return
    for kind, what in (
        ("ssh", "SSH key: it cannot log in"),
        ("openpgp", "OpenPGP key: its files are refused"),
    ):
        if kind not in in_force:
            yield Complaint("warning", f"{provider.id} has no {what}", f"gateway keys add {provider.id} FILE")
    if provider.kind in EDUCATION_PROVIDERS and not provider.ratified:
        yield Complaint(
            "warning",
            f"{provider.id} has not ratified the agreement for {year}: files of most flows wait",
            f'gateway agreement ratify {provider.id} --signatory "…"',
        )
    if provider.kind in EDUCATION_PROVIDERS and provider.dfe_number is None:
        yield Complaint(
            "warning",
            f"{provider.id} has no DfE number: a file that names another school is not noticed",
            f"gateway providers set {provider.id} --dfe-number NUMBER",
        )


def _calendar(catalogue: Catalogue, today: date) -> Iterator[Complaint]:
    """The terms have to be written down before they begin: by rule they are only nearly right."""
    if not is_ending(catalogue.calendar, today):
        return
    last = last_written(catalogue.calendar)
    ends = "there are no term dates" if last is None else f"the term dates end on {last.day} {last:%B %Y}"
    then = "school days are by rule" if catalogue.calendar.term_rule else "nothing daily or weekly is judged"
    yield Complaint(
        "warning",
        f"{ends}; after that, {then}",
        "add a [[school_year]] with the published dates to policies/calendar.toml",
    )


def _teams(catalogue: Catalogue, staffed: set[str]) -> Iterator[Complaint]:
    routed = {team for flow in catalogue.flows.flow for kind in flow.data_type for team in kind.teams}
    for team in sorted((routed | {*catalogue.triage_teams(), *catalogue.sensitive_teams()}) - staffed):
        yield Complaint(
            "warning", f"nobody collects for {team}", f"gateway staff add NAME --team {team} --ssh-key FILE"
        )


def _spool(home: Home, at: datetime) -> Iterator[Complaint]:
    old = [r for r in waiting(home.spool) if _age(home, r, at) > _STUCK_SECONDS]
    if old:
        yield Complaint("fault", f"{len(old)} uploads wait in the spool", "gateway process; its log says why")
    if aside := count_aside(home.spool):
        yield Complaint(
            "warning",
            f"set aside in the spool: {counted(aside, 'record')} that intake should never have written",
            "look at spool/landed/*.aside; the processor's log says why",
        )


def _age(home: Home, reference: str, at: datetime) -> float:
    try:
        return at.timestamp() - named_at(home.spool, reference)
    except FileNotFoundError:
        return 0.0
