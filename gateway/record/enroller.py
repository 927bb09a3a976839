"""Change providers' records in a person's name, one or a whole list, each with an entry in the log."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from sqlmodel import Session

from gateway.enrolment.provider_list import ListedProvider, ProviderList, read_list
from gateway.errors import GatewayError
from gateway.log.leaf import Kind
from gateway.model import NewKey, Provider, ProviderKind
from gateway.policy.small_schemas import BodiesFile
from gateway.registry import contacts, keys, log, provider_life, providers
from gateway.registry.keys import KeyState, OwnerKind
from gateway.registry.log import Entry
from gateway.registry.tables import ContactRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Enroller:
    """Adds and changes providers in the caller's transaction, in the name of `by` at `at`.

    The caller signs the log's head.
    """

    session: Session
    by: str
    at: datetime

    def add(self, provider: Provider, *, succeeds: str | None = None) -> None:
        """Enrol a provider, optionally as a successor. GatewayError where impossible."""
        if succeeds is not None:
            provider_life.succeed(self.session, succeeds, provider.id)
        providers.add_provider(self.session, provider, self.at)
        self.note("provider-added", provider)

    def add_key(self, owner_kind: OwnerKind, owner: str, new: NewKey, *, state: KeyState) -> None:
        """Store and log a key. The owner, if a member of staff, is named in the registry alone."""
        keys.add_key(
            self.session, owner_kind, owner, new.kind,
            fingerprint=new.fingerprint, material=new.material, algorithm=new.algorithm,
            expires_at=new.expires_at, at=self.at, by=self.by, state=state,
        )  # fmt: skip
        fields: dict[str, str] = {"owner": owner_kind, "state": state}
        fields |= {"provider": owner} if owner_kind == "provider" else {}
        self._log(Entry(kind="key-added", subject=new.fingerprint, fields=fields, actor=self.by))

    def keep_contact(
        self, provider: str, role: str, email: str | None, telephone: str | None, why: str | None
    ) -> bool:
        """Store a contact, replacing one with the same role; return True if anything is new."""
        contact = ContactRow(
            provider=provider, role=role, email=email, telephone=telephone,
            recorded_at=self.at, recorded_by=self.by,
        )  # fmt: skip
        if not contacts.keep(self.session, contact):
            return False
        self._log(Entry(kind="contact-changed", subject=provider, actor=self.by, note=why))
        return True

    def forget_contact(self, provider: str, role: str, why: str | None = None) -> None:
        """Delete a provider's contact with a role. NotFoundError if there is none."""
        contacts.forget(self.session, provider, role)
        self._log(Entry(kind="contact-changed", subject=provider, actor=self.by, note=why))

    def close(self, provider: str, on: date, why: str, *, today: date) -> Provider:
        """Record the closure of a provider; `on` is the last day. GatewayError for a future day."""
        if on > today:
            raise GatewayError(f"{on} is still to come: put it on record once it has closed")
        closed = provider_life.close(self.session, provider, on, self.at)
        self.note("provider-closed", closed, why)
        return closed

    def reopen(self, provider: str, why: str) -> None:
        """Undo a provider's closure."""
        self.note("provider-reopened", provider_life.reopen(self.session, provider), why)

    def convert(
        self,
        provider: str,
        kind: ProviderKind,
        why: str,
        *,
        may_become: Collection[str],
        name: str | None = None,
        dfe_number: str | None = None,
        urn: str | None = None,
    ) -> Provider:
        """Record a provider's change of kind; keys, history and receipts stay."""
        changed = provider_life.convert(
            self.session, provider, kind, may_become=may_become, name=name, dfe_number=dfe_number, urn=urn
        )
        self.note("provider-converted", changed, why)
        return changed

    def note(
        self, kind: Kind, provider: Provider, why: str | None = None, more: Mapping[str, str] | None = None
    ) -> None:
        """Append an event about a provider to the log, with the person acting and the reason."""
        fields = {"provider_kind": provider.kind, **(more or {})}
        self._log(Entry(kind=kind, subject=provider.id, fields=fields, actor=self.by, note=why))

    def _log(self, entry: Entry) -> None:
        log.append(self.session, [entry], self.at)


AS_BEFORE = "as on record"
_BY_LIST = "by a list of providers"


class TriedError(Exception):
    """Raised to roll back the transaction of a dry run."""


@dataclass(frozen=True, slots=True)
class TakenIn:
    """Result of importing one line of a list: the number of new keys, and in words what was done."""

    listed: ListedProvider
    keys: int
    what: str


@dataclass(frozen=True, slots=True)
class ListTakenIn:
    """Result of importing a list of providers: what each line did, and the list as read."""

    lines: tuple[TakenIn, ...]
    read: ProviderList


def take_in(
    enroller: Enroller, data: bytes, bodies: BodiesFile, folder: Path, judged: Callable[[Path], NewKey]
) -> ListTakenIn:
    """Import a list of providers. GatewayError names every faulty line.

    `judged` reads the key in a file named by the list, in `folder` beside the list.
    """
    known = {
        number: provider.id
        for provider in providers.list_providers(enroller.session)
        if provider.closed_on is None
        for number in (provider.dfe_number, provider.urn)
        if number is not None
    }
    read = read_list(data, folder, known, bodies.kinds())
    return ListTakenIn(tuple(_taken_in(enroller, one, judged) for one in read.listed), read)


def _taken_in(enroller: Enroller, one: ListedProvider, judged: Callable[[Path], NewKey]) -> TakenIn:
    """Import one line of a list of providers. GatewayError names the line."""
    try:
        known = providers.is_enrolled(enroller.session, one.id)
        what = _changed(enroller, one) if known else "new"
        if not known:
            new = Provider(id=one.id, name=one.name, kind=one.kind, dfe_number=one.dfe_number, urn=one.urn)
            enroller.add(new)
        kept = one.role is not None and enroller.keep_contact(
            one.id, one.role, one.email, one.telephone, _BY_LIST
        )
        if kept and not what.startswith("new"):
            what = f"{what}, contact" if what != AS_BEFORE else "changed: contact"
        added = [_key(enroller, one.id, judged(key_file)) for key_file in one.key_files]
    except GatewayError as error:
        raise GatewayError(f"nothing was enrolled: line {one.line}: {error}") from None
    return TakenIn(one, sum(added), what)


def _changed(enroller: Enroller, one: ListedProvider) -> str:
    """Store a known provider's changes from a line; return them in words. GatewayError for forbidden ones."""
    session = enroller.session
    before = providers.get_provider(session, one.id)
    if before.kind != one.kind:
        raise GatewayError(
            f"{one.id} is {before.kind} on record: gateway providers convert {one.id} --kind {one.kind}"
        )
    if before.closed_on is not None:
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


def _key(enroller: Enroller, provider: str, new: NewKey) -> bool:
    """Enrol a provider's key as pending; return False if the provider already has the key."""
    known = keys.holder(enroller.session, new.kind, new.fingerprint)
    if known is not None and (known.owner_kind, known.owner) == ("provider", provider):
        return False
    enroller.add_key("provider", provider, new, state="pending")
    return True
