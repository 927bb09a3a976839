"""Changes of providers' records in a person's name, each with an entry in the log."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from gateway.errors import GatewayError
from gateway.log.leaf import Kind
from gateway.model import NewKey, Provider, ProviderKind
from gateway.registry import contacts, keys, log, providers
from gateway.registry.contacts import Contact
from gateway.registry.keys import KeyState, OwnerKind
from gateway.registry.log import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Enroller:
    """Enrols and changes providers in the caller's transaction, in the name of `by` at `at`.

    The caller signs the log's head.
    """

    session: Session
    by: str
    at: datetime

    def add(self, provider: Provider, *, succeeds: str | None = None) -> None:
        """Enrol a provider, optionally as a successor. GatewayError where impossible."""
        if succeeds is not None:
            from gateway.registry import provider_life  # noqa: PLC0415 - loads all tables with providers

            provider_life.succeed(self.session, succeeds, provider.id)
        providers.add_provider(self.session, provider, self.at)
        self.note("provider-added", provider)

    def add_key(self, owner_kind: OwnerKind, owner: str, new: NewKey, *, state: KeyState) -> None:
        """Record a key. For a member of staff, the owner's name is in the registry only, not in the log."""
        keys.add_key(
            self.session, owner_kind, owner, new.kind,
            fingerprint=new.fingerprint, material=new.material, algorithm=new.algorithm,
            expires_at=new.expires_at, at=self.at, by=self.by, state=state,
        )  # fmt: skip
        fields: dict[str, str] = {"owner": owner_kind, "state": state}
        fields |= {"provider": owner} if owner_kind == "provider" else {}
        self._log(Entry(kind="key-added", subject=new.fingerprint, fields=fields, actor=self.by))

    def keep_contact(self, contact: Contact, why: str | None = None) -> bool:
        """Store a contact in place of the one with the same role; return True if anything is new."""
        if not contacts.keep(self.session, contact, at=self.at, by=self.by):
            return False
        self._log(Entry(kind="contact-changed", subject=contact.provider, actor=self.by, note=why))
        return True

    def forget_contact(self, provider: str, role: str, why: str | None = None) -> None:
        """Delete a contact. NotFoundError where there is none of the role."""
        contacts.forget(self.session, provider, role)
        self._log(Entry(kind="contact-changed", subject=provider, actor=self.by, note=why))

    def close(self, provider: str, on: date, why: str, *, today: date) -> Provider:
        """Record the closure of a provider; `on` is the last day. GatewayError for a future day."""
        if on > today:
            raise GatewayError(f"{on} is still to come: put it on record once it has closed")
        from gateway.registry import provider_life  # noqa: PLC0415 - loads all tables with providers

        closed = provider_life.close(self.session, provider, on, self.at)
        self.note("provider-closed", closed, why)
        return closed

    def reopen(self, provider: str, why: str) -> None:
        """Take a closure back."""
        from gateway.registry import provider_life  # noqa: PLC0415 - loads all tables with providers

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
        from gateway.registry import provider_life  # noqa: PLC0415 - loads all tables with providers

        changed = provider_life.convert(
            self.session, provider, kind, may_become=may_become, name=name, dfe_number=dfe_number, urn=urn
        )
        self.note("provider-converted", changed, why)
        return changed

    def note(
        self, kind: Kind, provider: Provider, why: str | None = None, more: Mapping[str, str] | None = None
    ) -> None:
        """Log an event of a provider, with the person and the reason."""
        fields = {"provider_kind": provider.kind, **(more or {})}
        self._log(Entry(kind=kind, subject=provider.id, fields=fields, actor=self.by, note=why))

    def _log(self, entry: Entry) -> None:
        log.append(self.session, [entry], self.at)
