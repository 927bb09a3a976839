"""Acts on penalties: waiting times of network addresses with too many failed logins."""

from collections.abc import Iterator
from typing import ClassVar

from gateway.access import AccessRight
from gateway.acts.act import Act, ActContext, ActDone
from gateway.acts.fields import argument
from gateway.acts.listing import ListingAct, Row
from gateway.errors import GatewayError, as_fault
from gateway.publish.penalties import lift
from gateway.zones import penalty_files
from gateway.zones.penalty_files import Listed


class ListPenalties(ListingAct, command="penalties list", right=AccessRight.LOOK):
    """List the addresses under a penalty, with service and remaining time; the list is a few seconds old."""

    beside: ClassVar = ("penalties lift:address",)
    leads: ClassVar = {}
    columns: ClassVar = ("service", "address", "until", "seconds")
    personal_columns: ClassVar = ("address",)
    empty: ClassVar = "nobody has to wait"

    def rows(self, context: ActContext) -> list[Row]:
        """Return a row for each address under a penalty, with the service that keeps the address waiting."""
        at = context.clock()
        return [
            {
                "service": service,
                "address": source,
                "until": until,
                "seconds": round((until - at).total_seconds()),
            }
            for service, listed in _listed(context)
            for source, until in sorted(listed.until.items())
            if until > at
        ]


class LiftPenalty(Act, command="penalties lift", right=AccessRight.ENROL):
    """Let an address in again at once. The service follows within seconds."""

    address: str = argument("The address, as the list of penalties has it.", personal=True)

    def carry_out(self, context: ActContext) -> ActDone:
        """Record that the penalty is lifted. On the command line, also tell the service to let the address
        in. After an act in the console, the processor tells the service instead.
        """
        try:
            source = penalty_files.as_source(self.address)
        except ValueError:
            raise GatewayError(f"{self.address} is not an address") from None
        if not any(source in listed.until for _, listed in _listed(context)):
            raise GatewayError(f"{source} does not have to wait")
        with context.recording() as record:
            record.note("penalty-lifted", "penalties", note=source)
        if record.registrar.brings_out:
            lift(context.home, source, record.at)
        return ActDone(f"{source} may try again within a few seconds")


def _listed(context: ActContext) -> Iterator[tuple[str, Listed]]:
    """Yield for each service the addresses under a penalty. GatewayError if a list cannot be read."""
    files_of = penalty_files.of_home if context.mailboxes is None else penalty_files.seen_inside
    for service, files in files_of(context.home).items():
        try:
            with as_fault(f"the list of penalties of {service} cannot be read", GatewayError):
                yield service, files.read_listed()
        except ValueError:
            raise GatewayError(f"the list of penalties of {service} is not valid") from None
