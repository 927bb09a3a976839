"""Files expected of a provider, by kind, phase and own exceptions."""

from collections.abc import Iterator, Mapping

from gateway.model import Provider
from gateway.policy.calendar_schema import CalendarFile
from gateway.policy.catalogue import Catalogue
from gateway.policy.schema import Flow, FlowDataType


def owes_anything(provider: Provider) -> bool:
    """Return False for suspended providers, and for those acting only for schools with their own duties."""
    no_school_itself = bool(provider.schools) and provider.dfe_number is None
    return not provider.suspended and not no_school_itself


def expected_of(
    provider: Provider, catalogue: Catalogue, told: Mapping[str, bool]
) -> Iterator[tuple[Flow, FlowDataType, bool | None]]:
    """Yield each data type the provider may send: True if required, False if optional, None if excused."""
    spared = _not_expected(provider, catalogue.calendar) | {*catalogue.bodies.of(provider.kind).not_expected}
    for flow in catalogue.flows.flow:
        sends = provider.kind in flow.senders
        for entry in flow.data_type:
            if not sends and provider.kind not in flow.on_behalf:
                continue
            if entry.id in told:
                yield flow, entry, sends if told[entry.id] else None
            elif entry.id not in spared:
                yield flow, entry, sends and entry.id not in catalogue.calendar.optional


def _not_expected(provider: Provider, calendar: CalendarFile) -> frozenset[str]:
    number = (provider.dfe_number or "")[-4:]
    if not number.isdecimal():
        return frozenset()
    establishment = int(number)
    return frozenset(
        data_type
        for phase in calendar.phase
        if any(first <= establishment <= last for first, last in phase.establishments)
        for data_type in phase.not_expected
    )
