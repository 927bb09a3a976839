"""Contacts of providers: role, e-mail address and telephone number, without a person's name."""

import re
from collections.abc import Sequence

from sqlmodel import Session, col, select

from gateway.errors import GatewayError, NotFoundError
from gateway.registry.providers import provider_row
from gateway.registry.tables import ContactRow

_ROLE = re.compile(r"[A-Za-z][A-Za-z0-9 ,/&'()-]{0,59}")
# Printable ASCII without separators of address lists: not every relay takes more (RFC 6531).
_EMAIL = re.compile(r"[!-+\--:=?A-~]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_TELEPHONE = re.compile(r"\+?[0-9][0-9 ()-]{4,24}( ?(ext\.?|x) ?[0-9]{1,6})?")


def check(contact: ContactRow) -> None:
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


def keep(session: Session, contact: ContactRow) -> bool:
    """Store a contact in place of the one with the same role; return True if anything is new.

    Errors as `check`.
    """
    check(contact)
    provider_row(session, contact.provider)
    row = session.get(ContactRow, (contact.provider, contact.role))
    if row is not None and (row.email, row.telephone) == (contact.email, contact.telephone):
        return False
    session.merge(contact)
    session.flush()
    return True


def forget(session: Session, provider: str, role: str) -> None:
    """Delete a contact. NotFoundError if the provider has none with this role."""
    row = session.get(ContactRow, (provider, role))
    if row is None:
        raise NotFoundError(f"{provider} has no contact {role}")
    session.delete(row)
    session.flush()


def contacts(session: Session, provider: str | None = None) -> Sequence[ContactRow]:
    """Return the contacts of one provider, or of all, by provider and role."""
    query = select(ContactRow).order_by(col(ContactRow.provider), col(ContactRow.role))
    if provider is not None:
        query = query.where(ContactRow.provider == provider)
    return session.exec(query).all()
