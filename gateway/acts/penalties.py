"""Penalties: waiting times of addresses with too many failed logins."""

import ipaddress
from typing import ClassVar

from gateway.access import AccessRight
from gateway.acts.act import Act, ActContext, ActDone, Area, argument
from gateway.acts.listing import ListingAct, Row
from gateway.errors import GatewayError, NotFoundError
from gateway.home import Home
from gateway.publish.projection import replace_published
from gateway.zones import penalty_files
from gateway.zones.penalty_files import Lifted, Listed, PenaltyFiles

AREA = Area.RULES


class ListPenalties(ListingAct, command="penalties list", right=AccessRight.LOOK):
    """List the addresses under a penalty, with service and remaining time; a few seconds old."""

    in_console: ClassVar = False  # The service behind the console reaches neither the spool nor published/.
    columns: ClassVar = ("service", "address", "until", "seconds")
    empty: ClassVar = "nobody has to wait"

    def rows(self, context: ActContext) -> list[Row]:
        """Read the lists of the services."""
        at = context.clock()
        return [
            {
                "service": service,
                "address": source,
                "until": until,
                "seconds": round((until - at).total_seconds()),
            }
            for service, files in _services(context.home).items()
            for source, until in sorted(_listed(service, files).until.items())
            if until > at
        ]


class LiftPenalty(Act, command="penalties lift", right=AccessRight.ENROL):
    """Let an address in again at once. The service follows within seconds."""

    in_console: ClassVar = False  # The service behind the console may not write into published/.

    address: str = argument("As `gateway penalties list` shows it.")

    def carry_out(self, context: ActContext) -> ActDone:
        """Tell each service with a penalty on the address."""
        try:
            source = str(ipaddress.ip_network(self.address)).removesuffix("/32")
        except ValueError:
            raise GatewayError(f"{self.address} is not an address") from None
        services = _services(context.home)
        waits = [files for service, files in services.items() if source in _listed(service, files).until]
        if not waits:
            raise NotFoundError(f"{source} does not have to wait")
        for files in waits:
            try:
                known = files.read_lifted()
            except ValueError:
                known = Lifted()
            try:
                replace_published(files.lifted, known.with_one(source, context.clock()).model_dump_json())
            except OSError as error:
                raise GatewayError(f"{files.lifted} cannot be written: {error.strerror}") from None
        return ActDone(f"{source} may try again within a few seconds")


def _services(home: Home) -> dict[str, PenaltyFiles]:
    return {
        "intake": penalty_files.of_intake(home.spool, home.published),
        "mailboxes": penalty_files.of_mailboxes(home),
    }


def _listed(service: str, files: PenaltyFiles) -> Listed:
    try:
        return files.read_listed()
    except ValueError:
        raise GatewayError(f"the list of penalties of {service} is not valid") from None
    except OSError as error:
        raise GatewayError(f"the list of penalties of {service} cannot be read: {error.strerror}") from None
