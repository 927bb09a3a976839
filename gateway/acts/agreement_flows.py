"""Acts on flows: list the agreement's flows and the state of each, and record exceptions to the calendar."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import date, time
from typing import ClassVar, Literal

from gateway.access import AccessRight
from gateway.acts.act import Act, ActContext, ActDone
from gateway.acts.fields import ProviderId, Why, argument, option
from gateway.acts.listing import ListingAct, ProviderListing, Row
from gateway.errors import GatewayError, NotFoundError
from gateway.home import DEFAULT_HOME
from gateway.home.settings import load_settings
from gateway.log.leaf import rfc3339
from gateway.model import Provider
from gateway.policy import timescale
from gateway.policy.catalogue import Catalogue, load_catalogue
from gateway.policy.dates import local_day, moment, spoken
from gateway.policy.shipped import shipped_policies
from gateway.registry import agreements, providers
from gateway.registry.flow_status import statuses
from gateway.registry.tables import ExpectationRow, NilReturnRow

_EXPECTED = {
    "yes": "is expected",
    "no": "is not expected",
    "default": "is expected as the calendar says",
}


class ListFlows(ListingAct, command="flows list", right=AccessRight.LOOK, by_program=False):
    """List the rows of Appendix B: senders, data, frequency and teams.

    Without a home, the flows are those of the shipped policies.
    """

    in_console: ClassVar = False  # The pages of the agreement and the schools show them.
    columns: ClassVar = ("clause", "flow", "description", "senders", "timescale", "data_types", "teams")
    empty: ClassVar = "no flow is listed"

    def rows(self, context: ActContext) -> list[Row]:
        """Return a row for each flow of the policies in force."""
        return [
            {
                "clause": flow.clause,
                "flow": flow.id,
                "description": flow.document.description,
                "senders": list(flow.senders),
                "recipients": list(flow.recipients),
                "basis": list(flow.basis),
                "timescale": flow.document.timescales,
                "data_types": [data_type.id for data_type in flow.data_type],
                "teams": sorted({team for data_type in flow.data_type for team in data_type.teams}),
            }
            for flow in self._catalogue(context).flows.flow
        ]

    def closing(self, context: ActContext) -> str:
        """Return lines on systems that the flows mention by a former name."""
        catalogue = self._catalogue(context)
        return "\n".join(_names_of_today(catalogue, local_day(context.clock(), catalogue.calendar.timezone)))

    def _catalogue(self, context: ActContext) -> Catalogue:
        if context.home.root == DEFAULT_HOME and not DEFAULT_HOME.exists():
            return load_catalogue(shipped_policies())
        load_settings(context.home)
        return context.catalogue


class ListFlowStates(ProviderListing, command="flows status", right=AccessRight.LOOK, by_program=False):
    """Show for each provider and flow the due date, and the state, such as on time, late or missing.

    A file counts for the period of its contents. The column `known by` says if the file states the period, or
    if the day of arrival decides.
    """

    in_console: ClassVar = False  # As above.
    columns: ClassVar = (
        "provider", "flow", "data_type", "timescale", "state", "due", "period", "known_by", "last", "missed",
    )  # fmt: skip
    narrow: ClassVar = ("provider", "data_type", "state", "due", "missed")
    empty: ClassVar = "no provider has a flow in such a state"

    on: date | None = option("At the end of a day; today if not given.", None)
    state: tuple[timescale.State, ...] = option("Only flows in this state; may be given again.", ())

    def rows(self, context: ActContext) -> list[Row]:
        """Return a row for each flow of each provider, as of the end of the day."""
        with context.reading() as session:
            catalogue = context.catalogue
            day = self.on or local_day(context.clock(), catalogue.calendar.timezone)
            self.check_provider(session)
            only, sees_all = self.provider and [self.provider], context.sight(session).is_whole
            found = [
                asdict(one) | {"provider": provider.id, "name": provider.name}
                for provider, flows in statuses(session, catalogue, day, only or None, sees_all=sees_all)
                for one in flows
                if not self.state or one.state in self.state
            ]
        return [{name: value for name, value in one.items() if name != "asked"} for one in found]

    def closing(self, context: ActContext) -> str:
        """Return lines on coming requirements, and on systems that the flows mention by a former name."""
        catalogue = context.catalogue
        day = self.on or local_day(context.clock(), catalogue.calendar.timezone)
        coming = [
            f"{asked.data_type}{f' of {spoken(due)}' if due else ''} asks for: {asked.says}"
            for asked, due in timescale.coming_requirements(catalogue, day)
        ]
        if "missing" in self.state:
            coming.insert(
                0, "what did not come before, and is due again now: gateway flows status --sort -missed"
            )
        return "\n".join((*coming, *_names_of_today(catalogue, day)))


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


def _names_of_today(catalogue: Catalogue, day: date) -> Iterator[str]:
    """Yield lines with the present name, on a day, of each system that the flows mention by a former name."""
    rows = " ".join(flow.document.mechanism for flow in catalogue.flows.flow)
    return timescale.present_names(timescale.renamed_references(catalogue, day, rows))
