"""Many providers go on record at once, from a list such as the public extract of GIAS. All or nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gateway.enrolment.provider_list import ListedProvider, ProviderList, read_list
from gateway.errors import GatewayError
from gateway.model import NewKey, Provider
from gateway.policy.small_schemas import BodiesFile
from gateway.record.enroller import Enroller
from gateway.registry import keys, providers
from gateway.registry.contacts import Contact

AS_BEFORE = "as on record"
_BY_LIST = "by a list of providers"


class TriedError(Exception):
    """Raised to roll back the transaction of a trial run."""


@dataclass(frozen=True, slots=True)
class TakenIn:
    """One line taken in: the number of new keys, and the result in words."""

    listed: ListedProvider
    keys: int
    what: str


@dataclass(frozen=True, slots=True)
class ListTakenIn:
    """The result for each line of a list, and the list as read."""

    lines: tuple[TakenIn, ...]
    read: ProviderList


def take_in(
    enroller: Enroller, data: bytes, bodies: BodiesFile, folder: Path, judged: Callable[[Path], NewKey]
) -> ListTakenIn:
    """Record a list of providers. GatewayError names every faulty line.

    `judged` reads the key in a file named by the list, in `folder` beside the list.
    """
    known = {
        number: provider.id
        for provider in providers.list_providers(enroller.session)
        if not provider.is_closed
        for number in (provider.dfe_number, provider.urn)
        if number is not None
    }
    read = read_list(data, folder, known, bodies.kinds())
    return ListTakenIn(tuple(_taken_in(enroller, one, judged) for one in read.listed), read)


def _taken_in(enroller: Enroller, one: ListedProvider, judged: Callable[[Path], NewKey]) -> TakenIn:
    """Put one line on record. GatewayError names the line."""
    try:
        known = providers.is_enrolled(enroller.session, one.id)
        what = _changed(enroller, one) if known else _added(enroller, one)
        if one.role is not None and _kept(enroller, one) and not what.startswith("new"):
            what = f"{what}, contact" if what != AS_BEFORE else "changed: contact"
        added = [_key(enroller, one.id, judged(key_file)) for key_file in one.key_files]
    except GatewayError as error:
        raise GatewayError(f"nothing was enrolled: line {one.line}: {error}") from None
    return TakenIn(one, sum(added), what)


def _added(enroller: Enroller, one: ListedProvider) -> str:
    enroller.add(Provider(id=one.id, name=one.name, kind=one.kind, dfe_number=one.dfe_number, urn=one.urn))
    return "new"


def _changed(enroller: Enroller, one: ListedProvider) -> str:
    """Store the list's changes and return them in words. Changes left to a person are errors."""
    session = enroller.session
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
        return AS_BEFORE
    for column, value in new.items():
        setattr(row, column, value)
    session.add(row)
    session.flush()
    provider = providers.get_provider(session, one.id)
    providers.check_numbers(session, provider)
    enroller.note("provider-changed", provider, _BY_LIST)
    return f"changed: {', '.join(column.replace('_', ' ') for column in new)}"


def _kept(enroller: Enroller, one: ListedProvider) -> bool:
    contact = Contact(provider=one.id, role=one.role or "", email=one.email, telephone=one.telephone)
    return enroller.keep_contact(contact, _BY_LIST)


def _key(enroller: Enroller, provider: str, new: NewKey) -> bool:
    """Enrol a key as pending; return False where the provider has the key already."""
    known = keys.holder(enroller.session, new.kind, new.fingerprint)
    if known is not None and (known.owner_kind, known.owner) == ("provider", provider):
        return False
    enroller.add_key("provider", provider, new, state="pending")
    return True
