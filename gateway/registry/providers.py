"""Record providers (the bodies allowed to send), their contacts, and the columns listed as harmless."""

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

from sqlmodel import Session, col, exists, or_, select

from gateway.errors import GatewayError
from gateway.home import PROVIDER_ID
from gateway.model import Provider, ProviderKind
from gateway.registry import rolls, tables
from gateway.registry.tables import ContactRow, HarmlessRow, ProviderRow
from gateway.registry.tables.row import drop, existing, from_row, only, rows, store

EVERY = ""
"""The provider of a column that is listed as harmless for all."""
_Columns = tuple[list[str], list[tuple[str, str]]]
_NO_COLUMNS: _Columns = ([], [])


def add_provider(session: Session, provider: Provider, at: datetime) -> None:
    """Enrol a provider. GatewayError if the id is malformed or taken, or for another provider's number."""
    if not PROVIDER_ID.fullmatch(provider.id):
        raise GatewayError("a provider id is 1 to 32 of the characters a-z, 0-9 and hyphen")
    if session.get(ProviderRow, provider.id) is not None:
        raise GatewayError(f"there is a provider {provider.id} already")
    check_numbers(session, provider)
    told = {name: getattr(provider, name) for name in ("id", "name", "kind", "dfe_number", "urn", "number")}
    store(session, ProviderRow(**told, added_at=at, schools=" ".join(provider.schools) or None))


def check_numbers(session: Session, provider: Provider) -> None:
    """Raise GatewayError if another provider has the DfE number, URN or number of `provider`.
    A provider and its successor may share them.
    """
    for what, column, number in (
        ("DfE number", ProviderRow.dfe_number, provider.dfe_number),
        ("URN", ProviderRow.urn, provider.urn),
        ("number", ProviderRow.number, provider.number),
    ):
        if number is None:
            continue
        bearers = select(ProviderRow).where(column == number, ProviderRow.id != provider.id)
        for row in session.exec(bearers.order_by(col(ProviderRow.id))):
            if not (row.succeeded_by == provider.id or provider.succeeded_by == row.id):
                raise GatewayError(
                    f"{row.id} has the {what} {number} already. An academy keeps the record of its school: "
                    f"gateway providers convert {row.id} --kind academy. For another provider that takes its "
                    f"place: gateway providers close {row.id}, then add the new one as its successor"
                )


def provider_row(session: Session, provider: str) -> ProviderRow:
    """Return the row of a provider. NotFoundError for an unknown id."""
    return existing(session.get(ProviderRow, provider), f"there is no provider {provider}")


def get_provider(session: Session, provider: str) -> Provider:
    """Return a provider. NotFoundError for an unknown id.
    Its `ratified` is always False: only the register (see `register`) knows which ratifications count.
    """
    return _provider(provider_row(session, provider), _columns_of_providers(session))


def list_providers(session: Session) -> Sequence[Provider]:
    """Return every provider, sorted by id. `ratified` is always False: only the register knows which
    ratifications count.
    """
    listed = _columns_of_providers(session)
    return [_provider(row, listed) for row in rows(session, ProviderRow, "id")]


def names(session: Session) -> dict[str, str]:
    """Return the names of all providers, by id."""
    return dict(session.exec(select(ProviderRow.id, ProviderRow.name)).all())


def kinds_of(session: Session, identifiers: Collection[str]) -> dict[str, ProviderKind]:
    """Return the kinds of the given providers, by id."""
    query = select(ProviderRow.id, ProviderRow.kind).where(col(ProviderRow.id).in_(identifiers))
    return dict(session.exec(query).all())


def added(session: Session) -> dict[str, datetime]:
    """Return the times of enrolment of all providers, by id."""
    return dict(session.exec(select(ProviderRow.id, ProviderRow.added_at)).all())


def _provider(row: ProviderRow, columns: Mapping[str, _Columns]) -> Provider:
    of_all, (own, stated) = columns.get(EVERY, _NO_COLUMNS)[0], columns.get(row.id, _NO_COLUMNS)
    said = {"schools": tuple((row.schools or "").split()), "stated": tuple(stated)}
    return from_row(Provider, row, **said, harmless=(*of_all, *own), ratified=False)


_ROLE = re.compile(r"[A-Za-z][A-Za-z0-9 ,/&'()-]{0,59}")
# Printable ASCII without separators of address lists: not every relay takes more (RFC 6531).
_EMAIL = re.compile(r"[!-+\--:=?A-~]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_TELEPHONE = re.compile(r"\+?[0-9][0-9 ()-]{4,24}( ?(ext\.?|x) ?[0-9]{1,6})?")


def check_contact(contact: ContactRow) -> None:
    """Raise GatewayError for a malformed role, address or number, or with neither e-mail nor telephone."""
    if not _ROLE.fullmatch(contact.role):
        raise GatewayError("a role is a few words such as: data manager")
    if contact.email is None and contact.telephone is None:
        raise GatewayError(f"{contact.role}: give an e-mail address or a telephone number")
    if contact.email is not None and not _EMAIL.fullmatch(contact.email):
        raise GatewayError(
            f"{contact.role}: an e-mail address looks like office@school.example, in plain letters"
        )
    if contact.telephone is not None and not _TELEPHONE.fullmatch(contact.telephone):
        raise GatewayError(f"{contact.role}: a telephone number looks like 01823 555 123")


def keep_contact(session: Session, contact: ContactRow) -> bool:
    """Store a contact in place of the provider's contact in the same role; return False if nothing changed.
    GatewayError for a malformed contact, NotFoundError for an unknown provider.
    """
    check_contact(contact)
    provider_row(session, contact.provider)
    row = session.get(ContactRow, (contact.provider, contact.role))
    if row is not None and (row.email, row.telephone) == (contact.email, contact.telephone):
        return False
    session.merge(contact)
    session.flush()
    return True


def forget_contact(session: Session, provider: str, role: str) -> None:
    """Delete a contact. NotFoundError if the provider has none with this role."""
    drop(session, existing(session.get(ContactRow, (provider, role)), f"{provider} has no contact {role}"))


def contacts(session: Session, provider: str | None = None) -> Sequence[ContactRow]:
    """Return the contacts of one provider, or of all, by provider and role."""
    return rows(session, ContactRow, "provider", "role", **only(provider=provider))


def listed_columns(session: Session, *, stated: bool = False) -> Sequence[HarmlessRow]:
    """Return the columns listed as harmless; or, if `stated`, the headings that a provider has explained."""
    listed = rows(session, HarmlessRow, "name", "provider")
    return [row for row in listed if (row.field is not None) == stated]


def _columns_of_providers(session: Session) -> Mapping[str, _Columns]:
    """Return for each provider the names of its harmless columns, and the headings that it has explained.
    Each heading comes with the key of the field that it means, or "" for a field that the gateway does not
    know. Columns harmless for all providers are under `EVERY`.
    """
    found: defaultdict[str, _Columns] = defaultdict(lambda: ([], []))
    row = HarmlessRow
    for name, provider, header, key in session.exec(
        select(row.name, row.provider, row.header, row.field).order_by(col(row.name))
    ):
        if key is None:
            found[provider][0].append(name)
        else:
            found[provider][1].append((header, key))
    return found


def state_heading(session: Session, column: HarmlessRow) -> None:
    """Store a provider's statement on a heading's meaning. Do nothing if the column is listed as harmless."""
    row = session.get(HarmlessRow, (column.name, column.provider))
    if row is None or row.field is not None:
        session.merge(column)
        session.flush()


def list_column(session: Session, column: HarmlessRow) -> None:
    """List a column as harmless. GatewayError if listed already."""
    if session.get(HarmlessRow, (column.name, column.provider)) is not None:
        raise GatewayError(f"{column.header} is listed as harmless already")
    store(session, column)


def unlist_column(session: Session, name: str, provider: str, *, stated: bool = False) -> None:
    """Delete a harmless column or, if `stated`, the meaning of a heading. GatewayError if not on record."""
    row = session.get(HarmlessRow, (name, provider))
    if row is None or (row.field is not None) != stated:
        if stated:
            raise GatewayError("nothing is said of such a heading; see: gateway headings list")
        raise GatewayError("no such column is listed as harmless; see: gateway policy harmless list")
    drop(session, row)


def close(session: Session, provider: str, on: date, at: datetime) -> Provider:
    """Record that a provider closes; `on` is its last day. From `at` on no pupil is on its roll.
    The provider keeps its keys, to fetch receipts. GatewayError if it is closed already.
    """
    row = provider_row(session, provider)
    if row.closed_on is not None:
        raise GatewayError(f"{provider} is on record as closed since {row.closed_on}")
    row.closed_on = on
    rolls.note_full_rolls(session, {provider: at})
    session.flush()
    return get_provider(session, provider)


def reopen(session: Session, provider: str) -> Provider:
    """Undo a closure. GatewayError for an open provider, or if another provider has the same number now."""
    row = provider_row(session, provider)
    if row.closed_on is None:
        raise GatewayError(f"{provider} is not on record as closed")
    row.closed_on, row.succeeded_by = None, None
    session.flush()
    found = get_provider(session, provider)
    check_numbers(session, found)
    return found


def convert(
    session: Session,
    provider: str,
    kind: ProviderKind,
    *,
    may_become: Collection[str],
    name: str | None = None,
    dfe_number: str | None = None,
    urn: str | None = None,
) -> Provider:
    """Change a provider's kind, as when a school becomes an academy. Keys and history stay.
    `may_become`: the kinds allowed. Name and numbers change if given. GatewayError for the same kind, a kind
    not allowed, a closed provider, or a number that another provider has.
    """
    row = provider_row(session, provider)
    if row.kind == kind:
        raise GatewayError(f"{provider} is {kind} already")
    if row.closed_on is not None:
        raise GatewayError(f"{provider} has closed: gateway providers reopen {provider}")
    if kind not in may_become:
        raise GatewayError(f"{row.kind} never becomes {kind}, as the policies say: add it anew")
    row.kind = kind
    row.name, row.dfe_number, row.urn = name or row.name, dfe_number or row.dfe_number, urn or row.urn
    session.flush()
    found = get_provider(session, provider)
    check_numbers(session, found)
    return found


def succeed(session: Session, former: str, successor: str) -> None:
    """Record `successor` as the provider that takes the place of the closed provider `former`.
    GatewayError if `former` is open, has another successor, or is `successor`.
    """
    row = provider_row(session, former)
    if former == successor:
        raise GatewayError("a provider cannot take its own place")
    if row.closed_on is None:
        raise GatewayError(f"{former} is open: gateway providers close {former}")
    if row.succeeded_by not in {None, successor}:
        raise GatewayError(f"{row.succeeded_by} took the place of {former} already")
    row.succeeded_by = successor
    session.flush()


def remove(session: Session, provider: str) -> None:
    """Delete a provider enrolled by mistake, with the keys and contacts.
    GatewayError if the registry has a transfer, declaration, copy, discrepancy, legal hold or predecessor of
    the provider, or another provider's file about its pupils: then the provider can only be closed.
    """
    row = provider_row(session, provider)
    history = {
        "transfers": tables.TransferRow.provider,
        "declarations": tables.DeclarationRow.provider,
        "copies of files": tables.CopyRow.provider,
        "discrepancies": tables.DiscrepancyPartyRow.provider,
        "files of others about it": tables.SchoolOfTransferRow.provider,
        "a provider whose place it took": ProviderRow.succeeded_by,
        "legal holds": tables.HoldRow.provider,
    }
    theirs = {what: col(column) == provider for what, column in history.items()}
    told = select(tables.ReceiptRow.reference).where(tables.ReceiptRow.provider == provider)
    theirs["legal holds"] = or_(theirs["legal holds"], col(tables.HoldRow.reference).in_(told))
    for what, found in theirs.items():
        if session.exec(select(exists().where(found))).one():
            raise GatewayError(
                f"{provider} has {what}, which stay on record: gateway providers close {provider}"
            )
    agreed = (tables.RatificationRow, tables.AgreementSignatureRow)
    owed = (tables.ExpectationRow, tables.NilReturnRow)
    # A provider that was closed has a full roll of no pupils.
    for table in (ContactRow, *agreed, *owed, HarmlessRow, tables.ReceiptRow, tables.FullRollRow):
        drop(session, *rows(session, table, provider=provider))
    drop(session, *rows(session, tables.KeyRow, owner_kind="provider", owner=provider))
    drop(session, row)
