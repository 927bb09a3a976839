"""Acts on providers: enrol, invite, show, correct, suspend, close, convert, merge and remove."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, fields
from datetime import date
from typing import ClassVar

from pydantic import ValidationError

from gateway.access import AccessRight
from gateway.acts.act import (
    Act,
    ActContext,
    ActDetails,
    ActDone,
    ActListing,
    FieldGroup,
    ReadingAct,
    Recording,
    Revealed,
)
from gateway.acts.fields import GivenFile, OneLine, ProviderId, Why, argument, option
from gateway.acts.keys import RING_TO_CONFIRM_KEY, enrol_key
from gateway.acts.listing import ListingAct, Row, columns_of
from gateway.enrolment import numbers
from gateway.errors import ChoiceError, GatewayError, Refusal
from gateway.home import provider_of
from gateway.home.settings import load_settings
from gateway.log.leaf import Kind
from gateway.model import NewKey, Provider, counted
from gateway.model.invitation import ProviderInvitation, place_of
from gateway.openpgp.sealer import clearsign
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import local_day
from gateway.policy.ratification import years_at
from gateway.policy.schools import OF_OTHERS
from gateway.policy.small_schemas import BodiesFile
from gateway.publish.projection import SET_ASIDE
from gateway.registry import keys, letters, log, providers, register, waits
from gateway.registry.tables import ContactRow, ProviderRow
from gateway.zones.spool import waiting

_COLUMNS = ("id", "name", "kind", "dfe_number", "schools", "suspended", "ratified", "closed_on")
_NUMBERS = ("name", "dfe_number", "urn", "schools", "number")
_INVITED = """Send {0} this file, as {0}.invitation. Ring them on a number you know, and read out six words:
  {1}
When {0}.keys has come: gateway keys add {0} {0}.keys
They read six words out, too: gateway keys confirm {0} WORD WORD WORD WORD WORD WORD"""


class AddProvider(Act, command="providers add", right=AccessRight.ENROL):
    """Enrol a provider, with keys where at hand. All or nothing."""

    field_groups: ClassVar = (
        FieldGroup("Who it is", ("name", "id", "kind", "dfe_number", "urn", "number")),
        FieldGroup(
            "Its keys, where they are at hand",
            ("ssh_key", "openpgp_key"),
            "A key counts once somebody has read its fingerprint out to you by telephone.",
            folded=True,
        ),
        FieldGroup("A provider whose place it takes", ("succeeds",), folded=True),
    )

    id: str = argument(
        "Short name: 1 to 32 of a-z, 0-9 and hyphen; it stays for good.", metavar="ID",
        form="The short name of it: 1 to 32 of a-z, 0-9 and hyphen; it stays for good.",
    )  # fmt: skip
    name: OneLine = option("Name of the provider, as receipts show it.")
    kind: str = option("Kind, one that the policies list, such as school.", form="What kind of body it is.")
    ssh_key: tuple[GivenFile, ...] = option("A file with an SSH public key.", ())
    openpgp_key: tuple[GivenFile, ...] = option("A file with an OpenPGP certificate.", ())
    dfe_number: str | None = option("LA and establishment number, 7 digits, such as 999/1234.", None)
    urn: str | None = option("Unique reference number, 6 digits.", None)
    number: str | None = option("The number by which such a body is known, as the policies write it.", None)
    succeeds: str | None = option(
        "The closed provider whose place it takes.", None, metavar="ID", names="school"
    )

    @classmethod
    def known(cls, catalogue: Catalogue) -> Mapping[str, Mapping[str, str]]:
        """Return the kinds of provider, by id, with names for people."""
        return {"kind": {one.id: one.name for one in catalogue.bodies.kind}}

    @classmethod
    def revealed(cls, catalogue: Catalogue) -> Revealed:
        """Return the identifying numbers for which a form asks, such as the URN, by kind of provider."""
        bodies, both = catalogue.bodies, ("dfe_number", "urn")
        asked: dict[str, tuple[str, ...]] = {
            one.id: both if one.own_pupils or numbers.column_of(one.id, bodies) in both else ("number",)
            for one in bodies.kind
            if one.own_pupils or one.identifier
        }
        asked[""] = (*both, "number")  # Of no kind: no form asks for a number that no kind has.
        return {"kind": {kind: dict.fromkeys(names, ()) for kind, names in asked.items()}}

    def carry_out(self, context: ActContext) -> ActDone:
        """Record the provider, and its keys as pending; return fingerprints and the next steps."""
        from gateway.enrolment.key_file import described  # noqa: PLC0415 - loads asyncssh

        given = [("ssh", one) for one in self.ssh_key] + [("openpgp", one) for one in self.openpgp_key]
        with context.recording(access=True) as record:
            bodies = record.registrar.catalogue.bodies
            provider = self._provider(bodies)
            enrol(record, provider, succeeds=self.succeeds)
            for kind, file in given:
                key = judged_key(record, file.content)
                if key.kind != kind:
                    raise Refusal("key:not-an-ssh-key" if kind == "ssh" else "key:not-a-certificate")
                enrol_key(record, "provider", provider.id, key, state="pending")
        shown = [
            f"{label:>14}  {value}"
            for _, file in given
            for label, value in described(file.content, context.clock())
        ]
        said = [*shown, f"enrolled {self.id}"]
        if given:
            said.append(RING_TO_CONFIRM_KEY.format(self.id))
        column = numbers.column_of(self.kind, bodies)
        asked = bodies.identifier_of(self.kind) is None or column == "dfe_number"
        if self.kind in bodies.with_own_pupils and asked and provider.dfe_number is None:
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


class InviteProvider(Act, command="providers invite", right=AccessRight.ENROL):
    """Make a provider's invitation, the file by which its computer knows this gateway.

    The answer shows six words, to be read out to the provider by telephone. An invitation made again has the
    same words as long as the gateway's keys are the same.
    """

    id: ProviderId
    address: OneLine | None = option(
        "The gateway as schools reach it, HOST or HOST:PORT (else that of intake); `address` of "
        "gateway.toml if not given.",
        None,
        form="The gateway as schools reach it; as the settings say if not given.",
    )

    def carry_out(self, context: ActContext) -> ActDone:
        """Return the invitation, signed with the gateway's key, and its six words; log the invitation's
        digest.
        """
        from gateway.ssh import server  # noqa: PLC0415 - loads asyncssh

        settings = load_settings(context.home)
        if (address := self.address or settings.address) is None:
            raise GatewayError(
                "say how schools reach the gateway: --address HOST, or `address` in the settings"
            )
        secret = context.home.spool.host / "ssh_host_ed25519_key"
        shown = (server.fingerprint(one) for one in (secret, server.next_file(secret)))
        if not (known := tuple(one for one in shown if one is not None)):
            raise GatewayError("intake has no host key yet; it makes one at its first start: gateway run")
        with context.recording() as record:
            signing = record.registrar.signing
            provider = providers.get_provider(record.session, self.id)
            host, port = place_of(address, settings.intake.port)
            try:
                invitation = ProviderInvitation(
                    provider=provider.id, name=provider.name, organisation=settings.organisation,
                    host=host, port=port, host_keys=known, gateway_key=signing.fingerprint,
                    certificate=signing.certificate,
                )  # fmt: skip
            except ValidationError as error:
                raise GatewayError(f"{error.errors()[0]['loc'][0]} cannot stand in an invitation") from None
            digest = hashlib.sha256(invitation.text().encode()).hexdigest()
            note(record, "provider-invited", provider, more={"sha256": digest})
        return ActDone(
            _INVITED.format(self.id, " ".join(invitation.words())),
            clearsign(signing.openpgp, invitation.text()),
        )


class ListProviders(ListingAct, command="providers list", right=AccessRight.LOOK):
    """List every provider."""

    columns: ClassVar = _COLUMNS
    narrow: ClassVar = ("id", "kind", "name", "ratified", "closed_on")
    empty: ClassVar = "no provider is enrolled; add one with: gateway providers add"

    def rows(self, context: ActContext) -> list[Row]:
        """Return a row for each provider, with the ratification as of today."""
        with context.reading() as session:
            found = register.of(session).enrolled(years_at(context.clock(), context.catalogue))
        return [*columns_of(found, *(field.name for field in fields(Provider)))]  # No deep copies.


class ShowProvider(ReadingAct, command="providers show", right=AccessRight.LOOK):
    """Show a provider with contacts, keys and history."""

    beside: ClassVar = (
        "providers set:id", "letters chase:provider", "flows nil:identifier", "flows expect:identifier",
        "agreement notice:provider", "providers invite:id", "providers suspend:id", "providers resume:id",
        "providers merge:former", "providers close:provider",
    )  # fmt: skip
    named_by: ClassVar = "id"

    id: ProviderId

    def carry_out(self, context: ActContext) -> ActDetails:
        """Return a provider's record with contacts, keys and log entries."""
        with context.reading() as session:
            counting = years_at(context.clock(), context.catalogue)
            row = asdict(register.of(session).provider(self.id, counting))
            everybody = providers.list_providers(session)
            row["succeeds"] = [one.id for one in everybody if one.succeeded_by == self.id]
            reached = [
                one.model_dump(exclude={"recorded_at", "recorded_by"})
                for one in providers.contacts(session, self.id)
            ]
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
                ActListing([row], (*_COLUMNS, "succeeded_by", "succeeds"), empty=""),
                ActListing(reached, ("role", "email", "telephone"), empty="no contact is on record"),
                ActListing(held, key_columns, empty="no keys"),
                ActListing(past, ("at", "kind", "by", "why"), empty="nothing was done"),
            ),
        )


class SetProvider(Act, command="providers set", right=AccessRight.ENROL):
    """Correct the record of a provider. Files held because of the schools named in them are decided again.

    A contact is a role with an e-mail address, a telephone number, or both.
    """

    field_groups: ClassVar = (
        FieldGroup("The provider", ("id", "why")),
        FieldGroup(
            "Its name and numbers",
            ("name", "dfe_number", "urn", "number", "schools", "same_school"),
            folded=True,
        ),
        FieldGroup("A contact to set", ("contact", "email", "telephone"), folded=True),
        FieldGroup("A contact to forget", ("forget_contact",), folded=True),
    )

    id: ProviderId
    dfe_number: str | None = option("LA and establishment number, 7 digits.", None)
    urn: str | None = option("Unique reference number, 6 digits.", None)
    number: str | None = option("The number by which such a body is known, as the policies write it.", None)
    name: OneLine | None = option("The provider's name, as receipts show it.", None)
    schools: str | None = option(
        'Numbers (DfE or URN) of the schools for which it sends, as a trust does, by commas; "" for none.',
        None,
    )
    same_school: bool = option(
        "The school was the same by its former number: its copies stay.", default=False
    )
    contact: str | None = option('Whom to ask for, such as "data manager"; no name.', None, metavar="ROLE")
    email: str | None = option("The contact's e-mail address.", None)
    telephone: str | None = option("The contact's telephone number.", None)
    forget_contact: str | None = option("Delete the contact of this role.", None, metavar="ROLE")
    why: Why | None = option("Why: for the record, without personal data.", None)

    def check(self, context: ActContext) -> None:  # noqa: ARG002 - as every act
        """Raise GatewayError if no change is given, or contact details without the role of a contact."""
        if self.contact is None and (self.email or self.telephone):
            raise GatewayError("say whose address that is: --contact ROLE")
        if not self._wanted() and self.contact is None and self.forget_contact is None:
            raise GatewayError(
                "say what to put right: --name, --dfe-number, --urn, --number, --schools or --contact"
            )

    def carry_out(self, context: ActContext) -> ActDone:
        """Change the record and contacts; after new numbers, put copies and held files right."""
        from gateway.acts import notices  # noqa: PLC0415 - as in decide_again

        wanted, others = self._wanted(), list[str]()
        with context.recording(copies=bool(wanted)) as record:
            before = providers.get_provider(record.session, self.id)
            changed = [self._set_columns(record, dict(wanted))] if wanted else []
            if wanted.keys() & {"dfe_number", "urn", "number"}:
                others = notices.hold_back(context, record, before, self.why, same_school=self.same_school)
            if self.contact is not None:
                reached = (self.contact, self.email, self.telephone)
                changed.append(keep_contact(record, self.id, *reached, why=self.why))
            if self.forget_contact is not None:
                providers.forget_contact(record.session, self.id, self.forget_contact)
                _note_contact(record, self.id, self.why)
                changed.append(True)
        said = f"{self.id} is changed" if any(changed) else f"{self.id} is on record so already"
        gone_on = 0
        # Even if a fault came between, and it is repeated.
        if wanted.keys() & {"schools", "dfe_number", "urn", "number"}:
            gone_on = decide_again(context, self.id)
        return ActDone("\n".join([said, *others, *_decided_anew(gone_on)]))

    def _wanted(self) -> dict[str, str]:
        given = (
            self.name, numbers.dfe_number(self.dfe_number), numbers.urn(self.urn),
            numbers.schools(self.schools), self.number,
        )  # fmt: skip
        return {column: value for column, value in zip(_NUMBERS, given, strict=True) if value is not None}

    def _set_columns(self, record: Recording, wanted: dict[str, str]) -> bool:
        """Write the `wanted` values, by column, into the provider's row; return True if any value is new."""
        session, bodies = record.session, record.registrar.catalogue.bodies
        row = providers.provider_row(session, self.id)
        if (number := wanted.pop("number", None)) is not None:
            wanted[numbers.column_of(row.kind, bodies)] = numbers.own_number(number, row.kind, bodies) or ""
        if all((getattr(row, column) or "") == value for column, value in wanted.items()):
            return False
        if wanted.get("schools") and not bodies.of(row.kind).speaks_for_others:
            raise GatewayError(f"the policies let no provider of the kind {row.kind} send for others")
        provider = set_columns(record, row, wanted)
        said = [f"sends for {', '.join(provider.schools) or 'itself alone'}"] if "schools" in wanted else []
        note(record, "provider-changed", provider, "; ".join(filter(None, (*said, self.why))) or None)
        return True


class _ChangeAccess(Act, right=AccessRight.ENROL):
    """An act that suspends or resumes a provider's access."""

    suspended: ClassVar[bool]

    id: ProviderId
    why: Why | None = option("Why: for the record, without personal data.", None)

    def carry_out(self, context: ActContext) -> ActDone:
        """Suspend or resume the provider; publish the keys that may log in to intake."""
        with context.recording(access=True) as record:
            providers.provider_row(record.session, self.id).suspended = self.suspended
            provider = providers.get_provider(record.session, self.id)
            kind: Kind = "provider-suspended" if self.suspended else "provider-resumed"
            note(record, kind, provider, self.why)
            if not self.suspended:
                waits.settle_again(record.session, self.id, "policy:suspended")
        return ActDone(f"{self.id} is {'suspended' if self.suspended else 'back'}")


class SuspendProvider(_ChangeAccess, command="providers suspend", by_program=True):
    """Suspend a provider's access until resumed; files sent before wait for a person."""

    suspended: ClassVar = True


class ResumeProvider(_ChangeAccess, command="providers resume"):
    """Resume the access of a suspended provider."""

    suspended: ClassVar = False


class CloseProvider(Act, command="providers close", right=AccessRight.ENROL):
    """Record that a provider has closed: nothing more is owed, and receipts may still be fetched.

    Later files wait for a person.
    """

    provider: ProviderId
    why: Why
    on: date | None = option("Its last day; today if not given.", None)

    def carry_out(self, context: ActContext) -> ActDone:
        """Close the provider as of the last day."""
        with context.recording() as record:
            closed = _close(record, self.provider, self.on, self.why)
        return ActDone(f"{self.provider} is closed; its last day was {closed.closed_on}")


class ReopenProvider(Act, command="providers reopen", right=AccessRight.ENROL):
    """Take back the closure of a provider."""

    provider: ProviderId
    why: Why

    def carry_out(self, context: ActContext) -> ActDone:
        """Undo the closure. Decide again the files held because of it, and order the copies that the provider
        missed.
        """
        from gateway.record import consequences, reconsider  # noqa: PLC0415 - as in decide_again

        with context.recording() as record:
            since = providers.get_provider(record.session, self.provider).closed_on
            reopened = providers.reopen(record.session, self.provider)
            if since is not None:
                reconsider.owe_missed(record.registrar, record.session, reopened, record.at, since=since)
            consequences.restore_full_roll(record.registrar, record.session, self.provider, record.at)
            note(record, "provider-reopened", reopened, self.why)
            waits.settle_again(record.session, self.provider, "policy:closed")
        gone_on = _decided_anew(decide_again(context, self.provider))
        return ActDone("\n".join([f"{self.provider} is open again", *gone_on]))


class ConvertProvider(Act, command="providers convert", right=AccessRight.ENROL):
    """Record that a school has become an academy; keys, history and receipts stay."""

    provider: ProviderId
    kind: str = option("Its new kind, such as academy.", form="What it has become.")
    why: Why
    name: OneLine | None = option("The provider's name, as receipts show it.", None)
    dfe_number: str | None = option("Its DfE number, if that is new.", None)
    urn: str | None = option("Its URN, which is new for an academy.", None)

    @classmethod
    def known(cls, catalogue: Catalogue) -> Mapping[str, Mapping[str, str]]:
        """Return the kinds that a provider may become, with names for people."""
        becomes = {kind for one in catalogue.bodies.kind for kind in one.becomes}
        return {"kind": {one.id: one.name for one in catalogue.bodies.kind if one.id in becomes}}

    def carry_out(self, context: ActContext) -> ActDone:
        """Change the provider's kind and numbers; decide its held files again. Copies that it already has
        stay.
        """
        from gateway.acts import notices  # noqa: PLC0415 - as in decide_again

        with context.recording() as record:
            bodies = record.registrar.catalogue.bodies
            if self.kind not in bodies.kinds():
                raise GatewayError(f"a provider is one of {', '.join(bodies.kinds())}")
            before = providers.get_provider(record.session, self.provider)
            changed = providers.convert(
                record.session,
                self.provider,
                self.kind,
                may_become=bodies.of(before.kind).becomes,
                name=self.name,
                dfe_number=numbers.dfe_number(self.dfe_number),
                urn=numbers.urn(self.urn),
            )
            notices.hold_back(context, record, before, self.why, same_school=True)
            note(record, "provider-converted", changed, self.why)
        said = f"{self.provider} is {changed.kind} now, with its keys, history and receipts"
        if self.urn is None:
            said += f"\nif it has a new URN: gateway providers set {self.provider} --urn NUMBER"
        return ActDone("\n".join([said, *_decided_anew(decide_again(context, self.provider))]))


class MergeProvider(Act, command="providers merge", right=AccessRight.ENROL):
    """Record that a provider has become part of another: the former closes, the other succeeds."""

    former: str = argument("The provider that is no more.", metavar="FROM", names="school")
    into: str = argument("The provider that has its place.", metavar="INTO", names="school")
    why: Why
    on: date | None = option("The last day of the former one; today if not given.", None)

    def carry_out(self, context: ActContext) -> ActDone:
        """Close the former provider, if still open, and record the other provider as its successor."""
        with context.recording() as record:
            if providers.get_provider(record.session, self.into).closed_on is not None:
                raise GatewayError(f"{self.into} has closed: nothing can become part of it")
            gone = providers.get_provider(record.session, self.former)
            if gone.closed_on is None:
                gone = _close(record, self.former, self.on, self.why)
            providers.succeed(record.session, self.former, self.into)
            note(record, "provider-merged", gone, self.why, {"provider": self.into})
        return ActDone(
            f"{self.former} is closed, and {self.into} has its place\n"
            f"the pupils of {self.former} are on the roll of {self.into} once {self.into} sends them"
        )


class RemoveProvider(Act, command="providers remove", right=AccessRight.ENROL):
    """Delete a provider enrolled by mistake. A provider that has sent anything can only be closed."""

    in_console: ClassVar = False  # The service behind the console may not write into published/.

    provider: ProviderId
    why: Why

    def carry_out(self, context: ActContext) -> ActDone:
        """Delete the provider: first its keys from published/, then everything from the registry.
        OSError, with nothing deleted, if the keys cannot be taken from intake. If the commit fails, the
        processor publishes the keys again; if the command is cut off, the processor removes what is left.
        GatewayError if the provider has sent anything.
        """
        published = context.home.published
        aside = published.root / f"{SET_ASIDE}{self.provider}"
        landed = [one for one in waiting(context.home.spool) if provider_of(one) == self.provider]
        if landed:
            raise GatewayError(f"{counted(len(landed), 'file')} of {self.provider} landed: gateway process")
        with context.recording() as record:
            provider = providers.get_provider(record.session, self.provider)
            providers.remove(record.session, self.provider)
            note(record, "provider-removed", provider, self.why)
            # Intake lets in whoever has a key there: a provider whose keys stay is not removed. A renaming
            # takes all files at once, also while the processor writes some of them.
            shutil.rmtree(aside, ignore_errors=True)
            with suppress(FileNotFoundError):
                published.provider(self.provider).rename(aside)
        shutil.rmtree(aside, ignore_errors=True)
        return ActDone(f"{self.provider} is removed, with its keys")


def enrol(record: Recording, provider: Provider, *, succeeds: str | None = None) -> None:
    """Enrol and log a provider, as successor of the closed provider `succeeds`, if given.
    GatewayError for a malformed id, for an id or number of another provider, or if `succeeds` is open or has
    another successor.
    """
    if succeeds is not None:
        providers.succeed(record.session, succeeds, provider.id)
    providers.add_provider(record.session, provider, record.at)
    note(record, "provider-added", provider)


def set_columns(record: Recording, row: ProviderRow, new: Mapping[str, str]) -> Provider:
    """Write `new`, values by column, into `row`; return the provider. GatewayError for a number in use."""
    for column, value in new.items():
        setattr(row, column, value or None)
    record.session.add(row)
    record.session.flush()
    provider = providers.get_provider(record.session, row.id)
    providers.check_numbers(record.session, provider)
    return provider


_OF_ITS_RECORD = (*OF_OTHERS, "policy:other-phase", "policy:assessment", "policy:closed")


def decide_again(context: ActContext, provider: str | None = None) -> int:
    """Decide again the files held because of the record of a provider, or of any; return how many changed."""
    from gateway.record.reconsider import reconsider_held_for  # noqa: PLC0415 - few need it

    with context.open_registrar() as registrar:
        return reconsider_held_for(registrar, *_OF_ITS_RECORD, provider=provider)


def _decided_anew(files: int) -> list[str]:
    return [f"{counted(files, 'file')} decided anew"] if files else []


def keep_contact(
    record: Recording, provider: str, role: str, email: str | None, telephone: str | None, *, why: str | None
) -> bool:
    """Store a contact, replacing any with the same role, and log that; return False if nothing is new."""
    contact = ContactRow(
        provider=provider, role=role, email=email, telephone=telephone, recorded_at=record.at,
        recorded_by=record.by,
    )  # fmt: skip
    if is_new := providers.keep_contact(record.session, contact):
        _note_contact(record, provider, why)
    return is_new


def _note_contact(record: Recording, provider: str, why: str | None) -> None:
    """Log a change of a provider's contacts; send unsent letters to the present addresses."""
    record.note("contact-changed", provider, note=why)
    reached = sorted({one.email for one in providers.contacts(record.session, provider) if one.email})
    letters.readdress(record.session, provider, reached, record.registrar.signing.origin, record.at)


def note(
    record: Recording, kind: Kind, provider: Provider, why: str | None = None,
    more: Mapping[str, str] | None = None,
) -> None:  # fmt: skip
    """Append an entry about a provider to the log, with the reason `why` and `more` fields."""
    record.note(kind, provider.id, {"provider_kind": provider.kind, **(more or {})}, why)


def _close(record: Recording, provider: str, on: date | None, why: str) -> Provider:
    """Record the closure of a provider after its last day `on` (None: today). GatewayError for a future
    day.
    """
    today = local_day(record.at, record.registrar.catalogue.calendar.timezone)
    if on is not None and on > today:
        raise GatewayError(f"{on} is still to come: put it on record once it has closed")
    closed = providers.close(record.session, provider, on or today, record.at)
    note(record, "provider-closed", closed, why)
    return closed


def judged_key(record: Recording, data: bytes) -> NewKey:
    """Return the provider's key in `data`, a file's bytes. Refusal if the key is unfit to be enrolled."""
    from gateway.enrolment.key_file import judge  # noqa: PLC0415 - loads asyncssh
    from gateway.openpgp.engines import VerifiedKinds  # noqa: PLC0415 - few judge a key

    registrar = record.registrar
    verified = VerifiedKinds(registrar.settings.processor)
    return judge(data, record.at, registrar.catalogue.methods.strength.rsa_bits, verified)
