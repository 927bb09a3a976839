"""`providers import`: many providers at once, from a list such as the public extract of GIAS."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlmodel import Session

from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    counted,
    existing,
    fails_clearly,
    now,
    out,
    print_json,
    registry,
    show,
    who,
)
from gateway.cli.enrol import store_key
from gateway.cli.key_files import read_key_file
from gateway.cli.on_record import record_of_provider, signed_head
from gateway.enrolment.provider_list import MOST_BYTES, ListedProvider, ProviderList, read_list
from gateway.errors import GatewayError
from gateway.model import Provider
from gateway.policy.bodies_schema import BodiesFile
from gateway.policy.catalogue import load_catalogue
from gateway.publish.projection import publish_access
from gateway.registry import contacts, keys, log, providers
from gateway.registry.contacts import Contact
from gateway.registry.log import Entry

_AS_BEFORE = "as on record"
_COLUMNS = ("line", "id", "name", "kind", "dfe_number", "urn", "keys", "what")


class _Undone(Exception):  # noqa: N818 - no error: the way out of a transaction that is not to be kept
    """A dry run is over."""


@fails_clearly
def import_list(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file whose first line names columns.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Enrol the providers in a CSV file, or bring what is on record of them up to date. All or nothing.

    It takes the columns of GIAS, the DfE's register of schools, as they are.
    """
    place, at = existing(home), now()
    catalogue = load_catalogue(place.policies_in_force)
    bodies, least = catalogue.bodies, catalogue.methods.strength.rsa_bits
    rows: list[dict[str, Any]] = []
    with registry(home) as opened:
        try:
            with opened.write() as session:
                listed = _read(session, file, bodies.kinds())
                rows = [_taken_in(session, one, at, least) for one in listed.listed]
                signed_head(session, place)
                if dry_run:
                    raise _Undone  # noqa: TRY301 - the transaction is given up by leaving it
        except _Undone:
            pass
        else:
            publish_access(opened, place.published, at)
    if as_json:
        print_json(rows)
        return
    _tell(rows, listed, bodies, dry_run=dry_run)


def _read(session: Session, file: Path, kinds: Sequence[str]) -> ProviderList:
    try:
        with file.open("rb") as opened:
            data = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise GatewayError(f"{file} cannot be read: {error.strerror}") from None
    if len(data) > MOST_BYTES:
        raise GatewayError(f"{file} is too large for a list of providers")
    known = {
        number: provider.id
        for provider in providers.list_providers(session)
        if not provider.is_closed
        for number in (provider.dfe_number, provider.urn)
        if number is not None
    }
    return read_list(data, file.parent, known, kinds)


def _taken_in(session: Session, one: ListedProvider, at: datetime, least: int) -> dict[str, Any]:
    """Put one line on record; what came of it. GatewayError names the line."""
    try:
        what = _changed(session, one) if providers.is_enrolled(session, one.id) else _added(session, one, at)
        if one.role is not None and _kept(session, one, at) and not what.startswith("new"):
            what = f"{what}, contact" if what != _AS_BEFORE else "changed: contact"
        added = [_key(session, one.id, key_file, at, least) for key_file in one.key_files]
    except GatewayError as error:
        raise GatewayError(f"nothing was enrolled: line {one.line}: {error}") from None
    return {
        "line": one.line,
        "id": one.id,
        "name": one.name,
        "kind": one.kind,
        "dfe_number": one.dfe_number,
        "urn": one.urn,
        "keys": sum(added),
        "what": what,
    }


def _added(session: Session, one: ListedProvider, at: datetime) -> str:
    provider = Provider(id=one.id, name=one.name, kind=one.kind, dfe_number=one.dfe_number, urn=one.urn)
    providers.add_provider(session, provider, at)
    record_of_provider(session, "provider-added", provider)
    return "new"


def _changed(session: Session, one: ListedProvider) -> str:
    """Take over what the list says otherwise; what that was. What only a person decides is an error."""
    before = providers.get_provider(session, one.id)
    if before.kind != one.kind:
        raise GatewayError(
            f"{one.id} is {before.kind} on record: gateway providers convert {one.id} --kind {one.kind}"
        )
    if before.is_closed:
        raise GatewayError(f"{one.id} is on record as closed: gateway providers reopen {one.id}")
    row = providers.provider_row(session, one.id)
    new = {
        column: value
        for column in ("name", "dfe_number", "urn")
        if (value := getattr(one, column)) is not None and getattr(row, column) != value
    }
    if not new:
        return _AS_BEFORE
    for column, value in new.items():
        setattr(row, column, value)
    session.add(row)
    session.flush()
    provider = providers.get_provider(session, one.id)
    providers.check_numbers(session, provider)
    record_of_provider(session, "provider-changed", provider, "by a list of providers")
    return f"changed: {', '.join(column.replace('_', ' ') for column in new)}"


def _kept(session: Session, one: ListedProvider, at: datetime) -> bool:
    contact = Contact(provider=one.id, role=one.role or "", email=one.email, telephone=one.telephone)
    if not contacts.keep(session, contact, at=at, by=who()):
        return False
    entry = Entry(kind="contact-changed", subject=one.id, actor=who(), note="by a list of providers")
    log.append(session, [entry], at)
    return True


def _key(session: Session, provider: str, file: Path, at: datetime, least: int) -> bool:
    """Enrol the key in a file, to be confirmed; False where this provider has it already.

    `least`: how many bits an RSA key must have.
    """
    from gateway.enrolment.key_file import judge  # noqa: PLC0415 - loads asyncssh

    new = judge(read_key_file(file), at, least)
    known = keys.holder(session, new.kind, new.fingerprint)
    if known is not None and (known.owner_kind, known.owner) == ("provider", provider):
        return False
    store_key(session, "provider", provider, new, at, state="pending")
    return True


def _tell(rows: list[dict[str, Any]], listed: ProviderList, bodies: BodiesFile, *, dry_run: bool) -> None:
    told = [row for row in rows if row["what"] != _AS_BEFORE or row["keys"]]
    if dry_run:
        show(told, _COLUMNS, as_json=False, empty="")
    counts = Counter(str(row["what"]).partition(":")[0] for row in rows)
    done = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
    out.print(f"{'would be' if dry_run else 'done'}: {done or 'nothing'}", soft_wrap=True)
    for why, count in sorted(Counter(why for _, why in listed.passed_over).items()):
        out.print(f"passed over: {counted(count, 'line')} ({why})", soft_wrap=True, markup=False)
    without = sum(not row["dfe_number"] for row in rows if bodies.of(row["kind"]).own_pupils)
    if without:
        out.print(f"without a DfE number: {without}; a file that names another school is not noticed")
    if added := sum(row["keys"] for row in rows):
        out.print(
            f"{counted(added, 'key')} to be confirmed: ring each provider, then gateway keys confirm ID FPR",
            soft_wrap=True,
        )
