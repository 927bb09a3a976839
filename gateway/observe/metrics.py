"""Counters of the services for Prometheus. No label ever holds a name of a person or file.

Counts begin at 0 when a service starts. Data in the registry are read from there instead (`registry_view`).
"""

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


@dataclass(frozen=True, slots=True)
class DoorCounts:
    """Counters of a service accepting SSH connections."""

    connections: Gauge
    logins: Counter
    offences: Counter
    penalties: Gauge


def _door(service: str, registry: CollectorRegistry) -> DoorCounts:
    name = f"gateway_{service}"
    return DoorCounts(
        Gauge(f"{name}_connections", "Connections that are open.", registry=registry),
        Counter(f"{name}_logins", "Logins that succeeded.", registry=registry),
        Counter(f"{name}_offences", "Offences by code, also those not logged.", ["code"], registry=registry),
        Gauge(f"{name}_penalties", "Addresses that have to wait.", registry=registry),
    )


MAILBOXES = CollectorRegistry()
MAILBOXES_DOOR = _door("mailboxes", MAILBOXES)

INTAKE = CollectorRegistry()
INTAKE_DOOR = _door("intake", INTAKE)
LANDED = Counter("gateway_intake_landed", "Uploads handed over.", registry=INTAKE)
LANDED_BYTES = Counter("gateway_intake_landed_bytes", "Bytes of the uploads handed over.", registry=INTAKE)
HAND_OVER_SECONDS = Histogram(
    "gateway_intake_hand_over_seconds",
    "From the close of an upload until it is durable and its client is told.",
    buckets=_SECONDS,
    registry=INTAKE,
)

PROCESSOR = CollectorRegistry()
FAULTS = Counter(
    "gateway_faults",
    "Failures of ours by kind: examiner-lost, engine, registry, internal.",
    ["kind"],
    registry=PROCESSOR,
)
EXAMINE_SECONDS = Histogram(
    "gateway_examine_seconds",
    "Opening and classifying one file, with what was tried again.",
    buckets=_SECONDS,
    registry=PROCESSOR,
)
for _kind in ("examiner-lost", "engine", "registry", "internal"):
    FAULTS.labels(_kind)
