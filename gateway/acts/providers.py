"""Providers: enrolling, listing, showing and correcting, and suspending or resuming access."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import TYPE_CHECKING, ClassVar

from pydantic import ValidationError

from gateway.access import AccessRight
from gateway.acts.act import (
    Act,
    ActContext,
    ActDetails,
    ActDone,
    ActListing,
    Area,
    GivenFile,
    OneLine,
    ReadingAct,
    Recording,
    Why,
    argument,
    option,
)
from gateway.acts.listing import ListingAct, Row
from gateway.enrolment import numbers
from gateway.errors import ChoiceError, GatewayError, Refusal
from gateway.home.settings import load_settings
from gateway.log.leaf import Kind
from gateway.model import Provider, RatificationsThatCount, counted
from gateway.model.invitation import ProviderInvitation, place_of
from gateway.policy.catalogue import load_catalogue
from gateway.policy.ratification import years_at
from gateway.policy.small_schemas import BodiesFile
from gateway.record.enroller import Enroller
from gateway.registry import contacts, keys, log, providers, register
from gateway.registry.contacts import Contact

if TYPE_CHECKING:
    from gateway.model import NewKey

AREA = Area.SCHOOLS

_COLUMNS = ("id", "name", "kind", "dfe_number", "schools", "suspended", "ratified", "closed_on")
_NUMBERS = ("name", "dfe_number", "urn", "schools", "number")
_RING = """Ring the provider on a number you know and let them read the fingerprint to you.
Then: gateway keys confirm {} FPR, with each fingerprint that was read out; until then no key counts."""

_INVITED = """Send {0} this file, as {0}.invitation. Ring them on a number you know, and read out six words:
  {1}
When {0}.keys has come: gateway keys add {0} {0}.keys
They read six words out, too: gateway keys confirm {0} WORD WORD WORD WORD WORD WORD"""


class AddProvider(Act):
    """Enrol a provider, with keys where at hand. All or nothing."""

    command: ClassVar = "providers add"
    right: ClassVar = AccessRight.ENROL

    id: str = argument("Short name: 1 to 32 of a-z, 0-9 and hyphen; it stays for good.", metavar="ID")
    name: OneLine = option("Name of the provider, as receipts show it.")
    kind: str = option("Kind, one that the policies list, such as school.")
    ssh_key: tuple[GivenFile, ...] = option("A file with an SSH public key.", ())
    openpgp_key: tuple[GivenFile, ...] = option("A file with an OpenPGP certificate.", ())
    dfe_number: str | None = option("LA and establishment number, 7 digits, such as 999/1234.", None)
    urn: str | None = option("Unique reference number, 6 digits.", None)
    number: str | None = option("The number by which such a body is known, as the policies write it.", None)
    succeeds: str | None = option("The closed provider whose place it takes.", None, metavar="ID")

    def check(self, context: ActContext) -> None:
        """Refuse an unknown kind or an invalid number before the person confirms."""
        load_settings(context.home)
        self._provider(load_catalogue(context.home.policies_in_force).bodies)

    def carry_out(self, context: ActContext) -> ActDone:
        """Record the provider and the keys; the keys wait for the telephone call."""
        from gateway.enrolment.key_file import described  # noqa: PLC0415 - loads asyncssh

        given = [("ssh", one) for one in self.ssh_key] + [("openpgp", one) for one in self.openpgp_key]
        with context.recording(access=True) as record:
            bodies = record.registrar.catalogue.bodies
            provider, enroller = self._provider(bodies), _enroller(record)
            enroller.add(provider, succeeds=self.succeeds)
            for kind, file in given:
                key = judged_key(record, file.content)
                if key.kind != kind:
                    raise Refusal("key:not-an-ssh-key" if kind == "ssh" else "key:not-a-certificate")
                enroller.add_key("provider", provider.id, key, state="pending")
        shown = [
            f"{label:>14}  {value}"
            for _, file in given
            for label, value in described(file.content, context.clock())
        ]
        said = [*shown, f"enrolled {self.id}"]
        if given:
            said.append(_RING.format(self.id))
        column = numbers.column_of(self.kind, bodies)
        asked = bodies.identifier_of(self.kind) is None or column == "dfe_number"
        if bodies.of(self.kind).own_pupils and asked and provider.dfe_number is None:
            said.append("without --dfe-number the gateway cannot tell when a file names another school")
        return ActDone("\n".join(said))

    def _provider(self, bodies: BodiesFile) -> Provider:
        if self.kind not in bodies.kinds():
            raise ChoiceError(f"the kind of a provider is one of {', '.join(bodies.kinds())}")
        own = numbers.own_number(self.number, self.kind, bodies)
        column = numbers.column_of(self.kind, bodies)
        return Provider(
            id=self.id,
            name=self.name,
            kind=self.kind,
            dfe_number=numbers.dfe_number(self.dfe_number or (own if column == "dfe_number" else None)),
            urn=numbers.urn(self.urn or (own if column == "urn" else None)),
            number=own if column == "number" else None,
        )


class InviteProvider(Act):
    """Make a provider's invitation, the file by which its computer knows this gateway.

    Six words stand beside it, which are read out to the provider by telephone. Made again while the gateway's
    keys are the same, it has the same words.
    """

    command: ClassVar = "providers invite"
    right: ClassVar = AccessRight.ENROL

    id: str = argument("The provider, by its short name.", metavar="ID", names="school")
    address: OneLine | None = option(
        "The gateway as schools reach it, HOST or HOST:PORT; `address` of gateway.toml if not given.",
        None,
        form="The gateway as schools reach it; as the settings say if not given.",
    )

    def carry_out(self, context: ActContext) -> ActDone:
        """Sign the invitation with the gateway's key, and put it on record by its digest."""
        from gateway.ssh import server  # noqa: PLC0415 - loads asyncssh

        settings = load_settings(context.home)
        if (address := self.address or settings.address) is None:
            raise GatewayError(
                "say how schools reach the gateway: --address HOST, or `address` in the settings"
            )
        secret = context.home.spool.host / "ssh_host_ed25519_key"
        shown = (server.fingerprint(one) for one in (secret, server.next_file(secret)))
        if not (known := tuple(one for one in shown if one is not None)):
            raise GatewayError("intake has no host key yet; it makes one at its first start")
        with context.recording() as record:
            signing = record.registrar.signing
            provider = providers.get_provider(record.session, self.id)
            host, port = place_of(address)
            try:
                invitation = ProviderInvitation(
                    provider=provider.id, name=provider.name, organisation=settings.organisation,
                    host=host, port=port, host_keys=known, gateway_key=signing.fingerprint,
                    certificate=signing.certificate,
                )  # fmt: skip
            except ValidationError as error:
                raise GatewayError(f"{error.errors()[0]['loc'][0]} cannot stand in an invitation") from None
            digest = hashlib.sha256(invitation.text().encode()).hexdigest()
            _enroller(record).note("provider-invited", provider, more={"sha256": digest})
        return ActDone(
            _INVITED.format(self.id, " ".join(invitation.words())), signing.clearsign(invitation.text())
        )


class ListProviders(ListingAct):
    """List every provider."""

    command: ClassVar = "providers list"
    right: ClassVar = AccessRight.LOOK
    columns: ClassVar = _COLUMNS
    narrow: ClassVar = ("id", "kind", "name", "ratified", "closed_on")
    empty: ClassVar = "no provider is enrolled; add one with: gateway providers add"

    def rows(self, context: ActContext) -> list[Row]:
        """Read the providers, with the ratifications counting today."""
        with context.reading() as session:
            return [asdict(one) for one in register.of(session).enrolled(_counting(context))]


class ShowProvider(ReadingAct):
    """Show a provider with contacts, keys and history."""

    command: ClassVar = "providers show"
    beside: ClassVar = (
        "providers set:id", "letters chase:provider", "flows nil:identifier", "flows expect:identifier",
        "agreement notice:provider", "report provider:provider", "providers invite:id",
        "providers suspend:id", "providers resume:id", "providers merge:former", "providers close:provider",
    )  # fmt: skip
    named_by: ClassVar = "id"
    right: ClassVar = AccessRight.LOOK

    id: str = argument("The provider, by its short name.", metavar="ID", names="school")

    def carry_out(self, context: ActContext) -> ActDetails:
        """Read the records of one provider."""
        with context.reading() as session:
            row = asdict(register.of(session).provider(self.id, _counting(context)))
            reached = [asdict(one) for one in contacts.contacts(session, self.id)]
            held = [asdict(key) for key in keys.list_keys(session, "provider", self.id)]
            past = [
                {"at": one.at, "kind": one.kind, "by": one.actor, "why": one.note}
                for one in log.events(session, self.id)
            ]
        key_columns = ("kind", "fingerprint", "state", "added_at", "last_used_at", "why")
        return ActDetails(
            heading="",
            values=row | {"contacts": reached, "keys": held, "history": past},
            parts=(
                ActListing([row], (*_COLUMNS, "succeeded_by"), empty=""),
                ActListing(reached, ("role", "email", "telephone"), empty="no contact is on record"),
                ActListing(held, key_columns, empty="no keys"),
                ActListing(past, ("at", "kind", "by", "why"), empty="nothing was done"),
            ),
        )


class SetProvider(Act):
    """Correct the record of a provider. Files waiting for the schools named in them go on.

    A contact is a role with an e-mail address, a telephone number, or both.
    """

    command: ClassVar = "providers set"
    right: ClassVar = AccessRight.ENROL

    id: str = argument("The provider, by its short name.", metavar="ID", names="school")
    dfe_number: str | None = option("LA and establishment number, 7 digits.", None)
    urn: str | None = option("Unique reference number, 6 digits.", None)
    number: str | None = option("The number by which such a body is known, as the policies write it.", None)
    name: OneLine | None = option("The provider's name, as receipts show it.", None)
    schools: str | None = option(
        'Numbers (DfE or URN) of the schools for which it sends, as a trust does, by commas; "" for none.',
        None,
    )
    contact: str | None = option('Whom to ask for, such as "data manager"; no name.', None, metavar="ROLE")
    email: str | None = option("The contact's e-mail address.", None)
    telephone: str | None = option("The contact's telephone number.", None)
    forget_contact: str | None = option("Delete the contact of this role.", None, metavar="ROLE")
    why: Why | None = option("Why: for the record, without personal data.", None)

    def check(self, context: ActContext) -> None:  # noqa: ARG002 - as every act
        """Refuse an empty change before the person confirms."""
        if self.contact is None and (self.email or self.telephone):
            raise GatewayError("say whose address that is: --contact ROLE")
        if not self._wanted() and self.contact is None and self.forget_contact is None:
            raise GatewayError(
                "say what to put right: --name, --dfe-number, --urn, --number, --schools or --contact"
            )

    def carry_out(self, context: ActContext) -> ActDone:
        """Change the given columns and contacts; decide files waiting for the schools again."""
        wanted = self._wanted()
        with context.recording() as record:
            enroller = _enroller(record)
            changed = [self._set_columns(record, dict(wanted))] if wanted else []
            if self.contact is not None:
                kept = Contact(
                    provider=self.id, role=self.contact, email=self.email, telephone=self.telephone
                )
                changed.append(enroller.keep_contact(kept, self.why))
            if self.forget_contact is not None:
                enroller.forget_contact(self.id, self.forget_contact, self.why)
                changed.append(True)
        if not any(changed):
            return ActDone(f"{self.id} is on record so already")
        said = f"{self.id} is changed"
        if wanted.keys() & {"schools", "dfe_number", "urn"}:
            from gateway.record.reconsider import reconsider_schools  # noqa: PLC0415 - few need it

            with context.open_registrar() as registrar:
                gone_on = reconsider_schools(registrar, self.id)
            said += f"\n{counted(gone_on, 'file')} decided anew" if gone_on else ""
        return ActDone(said)

    def _wanted(self) -> dict[str, str]:
        given = (
            self.name, numbers.dfe_number(self.dfe_number), numbers.urn(self.urn),
            numbers.schools(self.schools), self.number,
        )  # fmt: skip
        return {column: value for column, value in zip(_NUMBERS, given, strict=True) if value is not None}

    def _set_columns(self, record: Recording, wanted: dict[str, str]) -> bool:
        """Put columns right, and tell whether anything is new."""
        session, bodies = record.session, record.registrar.catalogue.bodies
        row = providers.provider_row(session, self.id)
        if (number := wanted.pop("number", None)) is not None:
            wanted[numbers.column_of(row.kind, bodies)] = numbers.own_number(number, row.kind, bodies) or ""
        if all((getattr(row, column) or "") == value for column, value in wanted.items()):
            return False
        if wanted.get("schools") and not bodies.of(row.kind).speaks_for_others:
            raise GatewayError(f"the policies let no provider of the kind {row.kind} send for others")
        for column, value in wanted.items():
            setattr(row, column, value or None)
        session.add(row)
        session.flush()
        provider = providers.get_provider(session, self.id)
        providers.check_numbers(session, provider)
        said = [f"sends for {', '.join(provider.schools) or 'itself alone'}"] if "schools" in wanted else []
        note = "; ".join([*said, *([self.why] if self.why else [])])
        _enroller(record).note("provider-changed", provider, note or None)
        return True


class _ChangeAccess(Act):
    right: ClassVar = AccessRight.ENROL
    suspended: ClassVar[bool]

    id: str = argument("The provider, by its short name.", metavar="ID", names="school")
    why: Why | None = option("Why: for the record, without personal data.", None)

    def carry_out(self, context: ActContext) -> ActDone:
        """Change the access of the provider."""
        with context.recording(access=True) as record:
            providers.set_suspended(record.session, self.id, suspended=self.suspended)
            provider = providers.get_provider(record.session, self.id)
            kind: Kind = "provider-suspended" if self.suspended else "provider-resumed"
            _enroller(record).note(kind, provider, self.why)
        return ActDone(f"{self.id} is {'suspended' if self.suspended else 'back'}")


class SuspendProvider(_ChangeAccess):
    """Suspend a provider's access until resumed; files sent before wait for a person."""

    command: ClassVar = "providers suspend"
    by_program: ClassVar = True
    suspended: ClassVar = True


class ResumeProvider(_ChangeAccess):
    """Resume the access of a suspended provider."""

    command: ClassVar = "providers resume"
    suspended: ClassVar = False


def _enroller(record: Recording) -> Enroller:
    return Enroller(session=record.session, by=record.by, at=record.at)


def _counting(context: ActContext) -> RatificationsThatCount:
    return years_at(context.clock(), load_catalogue(context.home.policies_in_force))


def judged_key(record: Recording, data: bytes) -> NewKey:
    """Judge a key of a provider. Refusal for an unfit key."""
    from gateway.enrolment.key_file import judge  # noqa: PLC0415 - loads asyncssh
    from gateway.openpgp.verified_kinds import VerifiedKinds  # noqa: PLC0415 - few judge a key

    registrar = record.registrar
    verified = VerifiedKinds(registrar.settings.processor)
    return judge(data, record.at, registrar.catalogue.methods.strength.rsa_bits, verified)
