"""Providers: the bodies allowed to send, their contacts, and columns listed as harmless."""

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from gateway.errors import GatewayError
from gateway.home import PROVIDER_ID
from gateway.model import Provider, ProviderKind
from gateway.registry.tables import ContactRow, HarmlessRow, ProviderRow
from gateway.registry.tables.row import answer_of, existing

EVERY = ""
"""Stands for all providers, where a column is listed as harmless."""
_Columns = tuple[list[str], list[tuple[str, str]]]
_NO_COLUMNS: _Columns = ([], [])


def add_provider(session: Session, provider: Provider, at: datetime) -> None:
    """Enrol a provider. GatewayError if the id is malformed or taken, or a number is another provider's."""
    if not PROVIDER_ID.fullmatch(provider.id):
        raise GatewayError("a provider id is 1 to 32 of the characters a-z, 0-9 and hyphen")
    if session.get(ProviderRow, provider.id) is not None:
        raise GatewayError(f"there is a provider {provider.id} already")
    check_numbers(session, provider)
    session.add(
        ProviderRow(
            id=provider.id,
            name=provider.name,
            kind=provider.kind,
            dfe_number=provider.dfe_number,
            urn=provider.urn,
            number=provider.number,
            added_at=at,
            schools=" ".join(provider.schools) or None,
        )
    )
    session.flush()


def check_numbers(session: Session, provider: Provider) -> None:
    """Raise GatewayError if a number of the provider is also another's, neither predecessor nor successor."""
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


def is_enrolled(session: Session, provider: str) -> bool:
    """Return True if a provider with this id is on record, open or closed."""
    return session.get(ProviderRow, provider) is not None


def provider_row(session: Session, provider: str) -> ProviderRow:
    """Return the row of a provider. NotFoundError for an unknown id."""
    return existing(session.get(ProviderRow, provider), f"there is no provider {provider}")


def get_provider(session: Session, provider: str) -> Provider:
    """Return a provider without ratifications (see `register`). NotFoundError for an unknown id."""
    return _provider(provider_row(session, provider), _columns_of_providers(session))


def list_providers(session: Session) -> Sequence[Provider]:
    """Return every provider by id, without ratifications (see `register`)."""
    rows = session.exec(select(ProviderRow).order_by(col(ProviderRow.id))).all()
    listed = _columns_of_providers(session)
    return [_provider(row, listed) for row in rows]


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


def set_suspended(session: Session, provider: str, *, suspended: bool) -> None:
    """Suspend a provider or end the suspension. A suspended provider cannot log in, and all files wait."""
    provider_row(session, provider).suspended = suspended


def _provider(row: ProviderRow, columns: Mapping[str, _Columns]) -> Provider:
    of_all, (own, stated) = columns.get(EVERY, _NO_COLUMNS)[0], columns.get(row.id, _NO_COLUMNS)
    schools = tuple((row.schools or "").split())
    told = tuple(stated)
    return answer_of(Provider, row, harmless=(*of_all, *own), stated=told, schools=schools, ratified=False)


_ROLE = re.compile(r"[A-Za-z][A-Za-z0-9 ,/&'()-]{0,59}")
# Printable ASCII without separators of address lists: not every relay takes more (RFC 6531).
_EMAIL = re.compile(r"[!-+\--:=?A-~]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_TELEPHONE = re.compile(r"\+?[0-9][0-9 ()-]{4,24}( ?(ext\.?|x) ?[0-9]{1,6})?")


def check_contact(contact: ContactRow) -> None:
    """Raise GatewayError for a malformed role, address or telephone number."""
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
    """Store a contact in place of the one with the same role; return True if anything is new.

    Errors as `check_contact`.
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
    session.delete(existing(session.get(ContactRow, (provider, role)), f"{provider} has no contact {role}"))
    session.flush()


def contacts(session: Session, provider: str | None = None) -> Sequence[ContactRow]:
    """Return the contacts of one provider, or of all, by provider and role."""
    query = select(ContactRow).order_by(col(ContactRow.provider), col(ContactRow.role))
    if provider is not None:
        query = query.where(ContactRow.provider == provider)
    return session.exec(query).all()


def listed_columns(session: Session, *, stated: bool = False) -> Sequence[HarmlessRow]:
    """Return columns listed as harmless; with `stated`, headings with a meaning stated by a provider."""
    rows = session.exec(select(HarmlessRow).order_by(col(HarmlessRow.name), col(HarmlessRow.provider)))
    return [row for row in rows if (row.field is not None) == stated]


def _columns_of_providers(session: Session) -> Mapping[str, _Columns]:
    """Return harmless column names and explained headings by provider (`EVERY`: harmless for all).

    Beside a heading stands the key of the field meant, or "" for none of the known fields.
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
    """Store a provider's statement on the meaning of a heading; a column listed as harmless stays so."""
    row = session.get(HarmlessRow, (column.name, column.provider))
    if row is not None and row.field is None:
        return
    if row is not None:
        session.delete(row)
        session.flush()
    list_column(session, column)


def list_column(session: Session, column: HarmlessRow) -> None:
    """List a column as harmless. GatewayError if listed already."""
    if session.get(HarmlessRow, (column.name, column.provider)) is not None:
        raise GatewayError(f"{column.header} is listed as harmless already")
    session.add(column)
    session.flush()


def unlist_column(session: Session, name: str, provider: str, *, stated: bool = False) -> None:
    """Delete the listing of a harmless column, or with `stated` a heading's meaning. GatewayError without."""
    row = session.get(HarmlessRow, (name, provider))
    if row is None or (row.field is not None) != stated:
        if stated:
            raise GatewayError("nothing is said of such a heading; see: gateway headings list")
        raise GatewayError("no such column is listed as harmless; see: gateway policy harmless list")
    session.delete(row)
    session.flush()
