"""providers: who may send."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer
from sqlmodel import Session

from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    counted,
    fails_clearly,
    now,
    out,
    print_json,
    registrar_of,
    registry,
    show,
    who,
)
from gateway.cli.enrol import RING, THEN, enrol_openpgp, enrol_ssh, read_key_file, show_key
from gateway.cli.options import NameOption, NewNameOption
from gateway.errors import GatewayError
from gateway.home import Home
from gateway.log.leaf import Kind
from gateway.model import EDUCATION_PROVIDERS, Provider, ProviderKind
from gateway.policy.catalogue import load_catalogue
from gateway.policy.ratification import years_at
from gateway.publish.projection import publish_access
from gateway.registry import keys, log, providers
from gateway.registry.log import Entry
from gateway.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="Enrol providers and look at them.")
_COLUMNS = ("id", "name", "kind", "dfe_number", "schools", "suspended", "ratified")


@app.command()
@fails_clearly
def add(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="1 to 32 of a-z, 0-9 and hyphen.")],
    name: NameOption,
    kind: Annotated[str, typer.Option(help="school, academy, dfe, fft, alps, lpuk or la.")],
    home: HomeOption = DEFAULT_HOME,
    ssh_key: Annotated[list[Path] | None, typer.Option(help="A file with an SSH public key.")] = None,
    openpgp_key: Annotated[
        list[Path] | None, typer.Option(help="A file with an OpenPGP certificate.")
    ] = None,
    dfe_number: Annotated[
        str | None, typer.Option(help="LA and establishment number, 7 digits, such as 933/1234.")
    ] = None,
    urn: Annotated[str | None, typer.Option(help="Unique reference number, 6 digits.")] = None,
) -> None:
    """Enrol a provider, with its keys where they are at hand. All of it or nothing."""
    place, at = Home(home), now()
    provider = Provider(
        id=identifier, name=name, kind=_kind(kind), dfe_number=_dfe_number(dfe_number), urn=_urn(urn)
    )  # fmt: skip
    files = [*(ssh_key or ()), *(openpgp_key or ())]
    for file in files:
        show_key(read_key_file(file), at)
    with registry(home) as opened:
        with opened.write() as session:
            providers.add_provider(session, provider, at)
            _log(session, "provider-added", provider)
            for file in ssh_key or ():
                enrol_ssh(session, place, "provider", identifier, file, at)
            for file in openpgp_key or ():
                enrol_openpgp(session, place, identifier, file, at)
            signed_head(session, place)
        publish_access(opened, place.published, at)
    out.print(f"enrolled {identifier}")
    if files:
        out.print(RING)
        out.print(THEN.format(identifier), soft_wrap=True)
    if provider.kind in EDUCATION_PROVIDERS and provider.dfe_number is None:
        out.print("without --dfe-number the gateway cannot tell when a file names another school")


@app.command("list")
@fails_clearly
def list_all(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Every provider."""
    with registry(home) as opened, opened.read() as session:
        rows = [dataclasses.asdict(p) for p in providers.list_providers(session, _years(Home(home)))]
    show(
        rows, _COLUMNS, as_json=as_json, empty="no provider is enrolled; add one with: gateway providers add"
    )


@app.command("show")
@fails_clearly
def show_one(
    identifier: Annotated[str, typer.Argument(metavar="ID")],
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """One provider with its keys."""
    with registry(home) as opened, opened.read() as session:
        row = dataclasses.asdict(providers.get_provider(session, identifier, _years(Home(home))))
        held = [dataclasses.asdict(key) for key in keys.list_keys(session, "provider", identifier)]
    if as_json:
        print_json(row | {"keys": held})
        return
    show([row], _COLUMNS, as_json=False, empty="")
    out.print()
    show(held, ("kind", "fingerprint", "state", "added_at", "last_used_at"), as_json=False, empty="no keys")


@app.command("set")
@fails_clearly
def set_numbers(
    identifier: Annotated[str, typer.Argument(metavar="ID")],
    dfe_number: Annotated[str | None, typer.Option(help="LA and establishment number, 7 digits.")] = None,
    urn: Annotated[str | None, typer.Option(help="Unique reference number, 6 digits.")] = None,
    name: NewNameOption = None,
    schools: Annotated[
        str | None,
        typer.Option(
            help="Numbers (DfE or URN) of the schools for which it sends, as a trust does, by commas; "
            '"" for none.'
        ),
    ] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Put right what is recorded of a provider. What waited for the schools that it names goes on."""
    numbers = {"dfe_number": _dfe_number(dfe_number), "urn": _urn(urn), "schools": _schools(schools)}
    given = {"name": name, **numbers}
    wanted = {column: value for column, value in given.items() if value is not None}
    if not wanted:
        raise GatewayError("say what to put right: --name, --dfe-number, --urn or --schools")
    with registry(home) as opened, opened.write() as session:
        row = providers.provider_row(session, identifier)
        if all((getattr(row, column) or "") == value for column, value in wanted.items()):
            out.print(f"{identifier} is on record so already")
            return
        if wanted.get("schools") and row.kind not in EDUCATION_PROVIDERS:
            raise GatewayError("only a school or an academy trust sends for schools")
        for column, value in wanted.items():
            setattr(row, column, value or None)
        session.add(row)
        session.flush()
        provider = providers.get_provider(session, identifier)
        _log(session, "provider-changed", provider, _said(provider) if "schools" in wanted else None)
        signed_head(session, Home(home))
    out.print(f"{identifier} is changed")
    if wanted.keys() & {"schools", "dfe_number", "urn"}:
        _reconsider(home, identifier)


def _reconsider(home: Path, identifier: str) -> None:
    """Let what waited for the schools that it names be decided anew."""
    from gateway.processor.reconsider import reconsider_schools  # noqa: PLC0415 - loads the log's libraries

    with registrar_of(home) as registrar:
        gone_on = reconsider_schools(registrar, identifier)
    if gone_on:
        out.print(f"{counted(gone_on, 'file')} decided anew")


@app.command()
@fails_clearly
def suspend(
    identifier: Annotated[str, typer.Argument(metavar="ID")], home: HomeOption = DEFAULT_HOME
) -> None:
    """Take a provider's access away until it is resumed; what it sent before waits for a person."""
    _set(home, identifier, suspended=True)


@app.command()
@fails_clearly
def resume(identifier: Annotated[str, typer.Argument(metavar="ID")], home: HomeOption = DEFAULT_HOME) -> None:
    """Give a suspended provider its access back."""
    _set(home, identifier, suspended=False)


def signed_head(session: Session, place: Home) -> None:
    """Sign the log's head in the transaction that changed it."""
    from gateway.secrets.signing import Signing  # noqa: PLC0415 - loads the OpenPGP libraries

    signing = Signing.load(place, load_settings(place))
    log.sign_head(session, signing.log_key, signing.origin, now())


def _set(home: Path, identifier: str, *, suspended: bool) -> None:
    place = Home(home)
    with registry(home) as opened:
        with opened.write() as session:
            providers.set_suspended(session, identifier, suspended=suspended)
            provider = providers.get_provider(session, identifier)
            _log(session, "provider-suspended" if suspended else "provider-resumed", provider)
            signed_head(session, place)
        publish_access(opened, place.published, now())
    out.print(f"{identifier} is {'suspended' if suspended else 'back'}")


def _log(session: Session, kind: Kind, provider: Provider, note: str | None = None) -> None:
    fields = {"provider_kind": provider.kind}
    entry = Entry(kind=kind, subject=provider.id, fields=fields, actor=who(), note=note)
    log.append(session, [entry], now())


def _said(provider: Provider) -> str:
    return f"sends for {', '.join(provider.schools)}" if provider.schools else "sends for itself alone"


def _years(place: Home) -> tuple[str, ...]:
    """The academic years whose ratification counts today."""
    catalogue = load_catalogue(place.policies)
    return years_at(now(), catalogue)


def _kind(kind: str) -> ProviderKind:
    for known in providers.KINDS:
        if kind == known:
            return known
    raise typer.BadParameter(f"one of {', '.join(providers.KINDS)}", param_hint="--kind")


def _dfe_number(given: str | None) -> str | None:
    number = None if given is None else given.replace("/", "").replace(" ", "")
    if number is not None and not (len(number) == 7 and number.isdecimal()):  # noqa: PLR2004 - LLLEEEE
        raise GatewayError("a DfE number is 7 digits: the LA's 3 and the establishment's 4")
    return number


def _schools(given: str | None) -> str | None:
    """Numbers of schools as the registry keeps them: each once, with blanks between."""
    if given is None:
        return None
    numbers = [one.strip() for one in given.split(",") if one.strip()]
    whole = [_urn(one) if len(one) == 6 else _dfe_number(one) for one in numbers]  # noqa: PLR2004 - a URN's length
    return " ".join(dict.fromkeys(filter(None, whole)))


def _urn(given: str | None) -> str | None:
    if given is not None and not (len(given) == 6 and given.isdecimal()):  # noqa: PLR2004 - a URN's length
        raise GatewayError("a URN is 6 digits")
    return given
