"""Acts on exceptions to the flows due by the calendar: data expected of one provider, and nil returns."""

from datetime import date, time
from typing import ClassVar, Literal

from gateway.access import AccessRight
from gateway.acts.act import Act, ActContext, ActDone
from gateway.acts.fields import ProviderId, Why, argument, option
from gateway.acts.listing import ProviderListing, Row
from gateway.errors import GatewayError, NotFoundError
from gateway.log.leaf import rfc3339
from gateway.model import Provider
from gateway.policy import timescale
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import local_day, moment
from gateway.registry import agreements, providers
from gateway.registry.tables import ExpectationRow, NilReturnRow

_EXPECTED = {
    "yes": "is expected",
    "no": "is not expected",
    "default": "is expected as the calendar says",
}


class ExpectFlow(Act, command="flows expect", right=AccessRight.ENROL, by_program=True):
    """Say whether a provider owes a flow, such as A levels from a school with a sixth form."""

    identifier: ProviderId
    data_type: str = argument("The kind of data.", metavar="FLOW", names="kind")
    expected: Literal["yes", "no", "default"] = argument(
        "Whether it is expected: by default as the calendar says.", metavar="EXPECTED"
    )
    why: Why

    def carry_out(self, context: ActContext) -> ActDone:
        """Record whether a data type is expected of a provider; "default" removes such a record."""
        with context.recording() as record:
            provider = providers.get_provider(record.session, self.identifier)
            _check_sends(provider, self.data_type, record.registrar.catalogue)
            if self.expected == "default":
                agreements.forget_expectation(record.session, self.identifier, self.data_type)
            else:
                row = ExpectationRow(
                    provider=self.identifier,
                    data_type=self.data_type,
                    expected=self.expected == "yes",
                    recorded_at=record.at,
                    recorded_by=record.by,
                    why=self.why,
                )
                agreements.expect(record.session, row)
            fields = {"data_type": self.data_type, "state": self.expected}
            record.note("expectation-set", self.identifier, fields, self.why)
        return ActDone(f"{self.data_type} of {self.identifier} {_EXPECTED[self.expected]}")


class NoteNilReturn(Act, command="flows nil", right=AccessRight.ENROL, by_program=True):
    """Record that a provider has nothing to send for a period: a nil return."""

    identifier: ProviderId
    data_type: str = argument("The kind of data.", metavar="FLOW", names="kind")
    why: Why
    on: date | None = option("A day of the period; today if not given.", None)

    def carry_out(self, context: ActContext) -> ActDone:
        """Record the nil return for the period around the day. GatewayError if nothing is due about then."""
        with context.recording() as record:
            catalogue = record.registrar.catalogue
            provider = providers.get_provider(record.session, self.identifier)
            _check_sends(provider, self.data_type, catalogue)
            day = self.on or local_day(record.at, catalogue.calendar.timezone)
            period = timescale.period_on(provider, self.data_type, catalogue, day)
            if period is None:
                raise GatewayError(
                    f"{self.data_type} is due at no set time around {day}: there is nothing to return"
                )
            row = NilReturnRow(
                provider=self.identifier,
                data_type=self.data_type,
                period=period.name,
                recorded_at=record.at,
                recorded_by=record.by,
                why=self.why,
            )
            agreements.nil_return(record.session, row)
            until = moment(period.due, time(), catalogue.calendar.timezone)
            fields = {"data_type": self.data_type, "until": rfc3339(until)}
            record.note("nil-returned", self.identifier, fields, self.why)
        return ActDone(
            f"{self.identifier} has no {self.data_type} to send for {period.name}, "
            f"which is due on {period.due}"
        )


class ListFlowExceptions(ProviderListing, command="flows exceptions", right=AccessRight.LOOK):
    """List the exceptions that people made from the data due by the calendar: who, when and why."""

    columns: ClassVar = ("provider", "data_type", "what", "period", "at", "by", "why")
    personal_columns: ClassVar = ("by", "why")
    empty: ClassVar = "nothing is said: the calendar decides"

    def rows(self, context: ActContext) -> list[Row]:
        """Return a row for each exception on record (expectation, nil return), of one provider or of all."""
        with context.reading() as session:
            self.check_provider(session)
            return agreements.exceptions(session, self.provider)


def _check_sends(provider: Provider, data_type: str, catalogue: Catalogue) -> None:
    flow = catalogue.flow_of(data_type)
    if flow is None:
        raise NotFoundError(f"no flow lists {data_type}; one of: {', '.join(catalogue.data_types())}")
    if provider.kind not in flow.senders:
        raise GatewayError(f"the agreement asks no {data_type} of {provider.id}, which is {provider.kind}")
