"""The life of a provider: closing, reopening, becoming an academy, or merging into another."""

import shutil
from datetime import date
from typing import ClassVar

from gateway.access import AccessRight
from gateway.acts.act import Act, ActContext, ActDone, Area, OneLine, Recording, Why, argument, option
from gateway.enrolment import numbers
from gateway.errors import GatewayError
from gateway.home import provider_of
from gateway.policy.dates import local_day
from gateway.record.enroller import Enroller
from gateway.registry import provider_life, providers
from gateway.zones.landed import waiting

AREA = Area.SCHOOLS


class _ProviderAct(Act):
    """An act of an administrator on one provider."""

    right: ClassVar = AccessRight.ENROL

    provider: str = argument("The provider, by its short name.", metavar="ID", names="school")


class CloseProvider(_ProviderAct):
    """Record that a provider has closed: nothing more is owed, and receipts may still be fetched.

    Later files wait for a person.
    """

    command: ClassVar = "providers close"

    why: Why
    on: date | None = option("Its last day; today if not given.", None)

    def carry_out(self, context: ActContext) -> ActDone:
        """Close the provider as of the last day."""
        with context.recording() as record:
            today = _today(record)
            closed = _enroller(record).close(self.provider, self.on or today, self.why, today=today)
        return ActDone(f"{self.provider} is closed; its last day was {closed.closed_on}")


class ReopenProvider(_ProviderAct):
    """Take a closure back."""

    command: ClassVar = "providers reopen"

    why: Why

    def carry_out(self, context: ActContext) -> ActDone:
        """Open the provider again."""
        with context.recording() as record:
            _enroller(record).reopen(self.provider, self.why)
        return ActDone(f"{self.provider} is open again")


class ConvertProvider(_ProviderAct):
    """Record that a school has become an academy; keys, history and receipts stay."""

    command: ClassVar = "providers convert"

    kind: str = option("Its new kind, such as academy.")
    why: Why
    name: OneLine | None = option("The provider's name, as receipts show it.", None)
    dfe_number: str | None = option("Its DfE number, if that is new.", None)
    urn: str | None = option("Its URN, which is new for an academy.", None)

    def carry_out(self, context: ActContext) -> ActDone:
        """Change the provider's kind, and the new numbers."""
        with context.recording() as record:
            bodies = record.registrar.catalogue.bodies
            if self.kind not in bodies.kinds():
                raise GatewayError(f"a provider is one of {', '.join(bodies.kinds())}")
            before = providers.get_provider(record.session, self.provider)
            changed = _enroller(record).convert(
                self.provider,
                self.kind,
                self.why,
                may_become=bodies.of(before.kind).becomes,
                name=self.name,
                dfe_number=numbers.dfe_number(self.dfe_number),
                urn=numbers.urn(self.urn),
            )
        said = f"{self.provider} is {changed.kind} now, with its keys, history and receipts"
        if self.urn is None:
            said += f"\nif it has a new URN: gateway providers set {self.provider} --urn NUMBER"
        return ActDone(said)


class MergeProvider(Act):
    """Record that a provider has become part of another: the former closes, the other succeeds."""

    command: ClassVar = "providers merge"
    right: ClassVar = AccessRight.ENROL

    former: str = argument("The provider that is no more.", metavar="FROM", names="school")
    into: str = argument("The provider that has its place.", metavar="INTO", names="school")
    why: Why
    on: date | None = option("The last day of the former one; today if not given.", None)

    def carry_out(self, context: ActContext) -> ActDone:
        """Close the former provider, if open, and record the other as successor."""
        with context.recording() as record:
            if providers.get_provider(record.session, self.into).is_closed:
                raise GatewayError(f"{self.into} has closed: nothing can become part of it")
            gone, today = providers.get_provider(record.session, self.former), _today(record)
            if not gone.is_closed:
                gone = _enroller(record).close(self.former, self.on or today, self.why, today=today)
            provider_life.succeed(record.session, self.former, self.into)
            _enroller(record).note("provider-merged", gone, self.why, {"provider": self.into})
        return ActDone(
            f"{self.former} is closed, and {self.into} has its place\n"
            f"the pupils of {self.former} are on the roll of {self.into} once {self.into} sends them"
        )


class RemoveProvider(_ProviderAct):
    """Delete a provider enrolled by mistake, while nothing was sent. Afterwards closing is the only way."""

    command: ClassVar = "providers remove"
    in_console: ClassVar = False  # The service behind the console may not write into published/.

    why: Why

    def carry_out(self, context: ActContext) -> ActDone:
        """Delete the provider with all keys, in the registry and in published/."""
        landed = [one for one in waiting(context.home.spool) if provider_of(one) == self.provider]
        if landed:
            files = "1 file" if len(landed) == 1 else f"{len(landed)} files"
            raise GatewayError(f"{files} of {self.provider} landed: gateway process")
        with context.recording() as record:
            provider = providers.get_provider(record.session, self.provider)
            provider_life.remove(record.session, self.provider)
            _enroller(record).note("provider-removed", provider, self.why)
        shutil.rmtree(context.home.published.provider(self.provider), ignore_errors=True)
        return ActDone(f"{self.provider} is removed, with its keys")


def _enroller(record: Recording) -> Enroller:
    return Enroller(session=record.session, by=record.by, at=record.at)


def _today(record: Recording) -> date:
    return local_day(record.at, record.registrar.catalogue.calendar.timezone)
