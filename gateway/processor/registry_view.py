"""Export metrics of the gateway for Prometheus, from the registry at each scrape.

Decisions and their duration are counted from the log's entries since the service started.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlmodel import col, select

from gateway.errors import Fault
from gateway.home import Home
from gateway.home.settings import WatchSettings
from gateway.record.snapshot import Snapshot, problems, take
from gateway.registry import log
from gateway.registry.database import Registry
from gateway.registry.tables import EventRow, TransferRow

_RULINGS = ("decided", "released", "refused", "withdrawn")
_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 14_400, 86_400)


class RegistryView(Collector):
    """Exports the state of the gateway as gauges, and the decisions since the start as counters."""

    def __init__(
        self,
        home: Home,
        registry: Registry,
        watch: WatchSettings,
        clock: Callable[[], datetime],
        metrics: CollectorRegistry,
    ) -> None:
        self._home = home
        self._registry = registry
        self._watch = watch
        self._clock = clock
        self._lock = threading.Lock()
        metrics.register(self)  # Before the counters: each scrape counts the log's new entries first.
        self._decided = Counter(
            "gateway_decisions", "Decisions by outcome and reason code.", ["state", "code"], registry=metrics
        )
        self._landed = Counter("gateway_landed", "Transfers put on record.", registry=metrics)
        self._seconds = Histogram(
            "gateway_decision_seconds",
            "From landing to the first decision.",
            buckets=_SECONDS,
            registry=metrics,
        )
        with registry.read() as session:
            self._read_to = log.size(session)

    def health(self) -> Sequence[str]:
        """Return the codes of the gateway's current problems."""
        try:
            return list(problems(take(self._home, self._registry, self._clock()), self._watch))
        except (Fault, OSError):
            return ["registry-unreachable"]

    def describe(self) -> Iterator[Metric]:
        """Yield no metric: registering a collector must not read the registry."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Yield the gateway's present state as gauges, after adding the new log entries to the counters."""
        try:
            # Count the new entries of the log; one scrape at a time.
            with self._lock, self._registry.read() as session:
                size = log.size(session)
                query = (
                    select(EventRow, TransferRow.landed_at)
                    .join(TransferRow, col(TransferRow.reference) == col(EventRow.subject), isouter=True)
                    .where(col(EventRow.number) >= self._read_to, col(EventRow.number) < size)
                    .where(col(EventRow.kind).in_((*_RULINGS, "landed")))
                    .order_by(col(EventRow.number))
                )
                for event, landed_at in session.exec(query):
                    if event.kind == "landed":
                        self._landed.inc()
                        continue
                    fields = event.fields
                    if event.kind == "decided" and "folder" in fields:  # Decided within a moment.
                        self._landed.inc()
                    for code in filter(None, str(fields.get("reasons", "")).split(",")):
                        self._decided.labels(fields["state"], code).inc()
                    if event.kind == "decided" and landed_at is not None:
                        self._seconds.observe(max(0.0, (event.at - landed_at).total_seconds()))
                self._read_to = size
            snapshot = take(self._home, self._registry, self._clock())
        except (Fault, OSError):
            yield GaugeMetricFamily("gateway_registry_up", "Whether the registry answers.", value=0)
            return
        yield GaugeMetricFamily("gateway_registry_up", "Whether the registry answers.", value=1)
        for name, text, labels, values in _gauges(snapshot):
            family = GaugeMetricFamily(name, text, labels=labels)
            for key, value in values:
                family.add_metric([key] if isinstance(key, str) else list(key), value)
            yield family


_Rows = Iterable[tuple[str | tuple[str, ...], float]]


def _gauges(snapshot: Snapshot) -> Iterator[tuple[str, str, list[str], _Rows]]:
    """Yield for each gauge its name, help text, names of labels, and values.
    The values are pairs: first the label's value (a tuple for several labels, () for none), then the number.
    """
    now = snapshot
    yield "gateway_transfers", "Transfers by state.", ["state"], now.states.items()
    yield "gateway_held", "Held transfers by what they wait for.", ["waits_for"], now.held.items()
    yield "gateway_reasons", "Transfers by state and reason code.", ["state", "code"], now.reasons.items()
    yield "gateway_queue_spool", "Uploads in the spool, not on record yet.", [], [((), now.spool)]
    landed = [((), now.states["landed"])]
    yield "gateway_queue_landed", "Transfers on record as landed, not yet decided.", [], landed
    text = "The age of what has waited longest to be decided; 0 where nothing waits."
    yield "gateway_oldest_landed_age_seconds", text, [], [((), now.oldest or 0.0)]
    text = "The age of the letter that has waited longest for the mail relay; 0 where none waits."
    yield "gateway_oldest_letter_age_seconds", text, [], [((), now.oldest_letter)]
    text = "Whether a web hook takes nothing lately, or messages for it were given up."
    yield "gateway_hook_failing", text, ["hook"], [(name, bool(why)) for name, why in now.hooks.items()]
    yield "gateway_log_entries", "Entries of the log.", [], [((), now.log_entries)]
    for which, kind, text in ((0, "free", "Free bytes on"), (1, "size", "Size of")):
        sizes = [(part, disk[which]) for part, disk in now.disks.items()]
        yield f"gateway_disk_{kind}_bytes", f"{text} the disk that holds a part of the home.", ["part"], sizes
    for name, text, value in (
        ("gateway_host_silent_seconds", "Seconds since a host said that it is at work.", "silent_seconds"),
        ("gateway_host_spool", "Uploads in the spool of a host, not on record yet.", "spool"),
        ("gateway_host_oldest_age_seconds", "The age of what has waited there longest.", "oldest_seconds"),
        ("gateway_host_clock_ahead_seconds", "The clock of a host before the database's.", "ahead_seconds"),
    ):
        yield name, text, ["host"], [(one.name, getattr(one, value)) for one in now.hosts]
    text, labels = "Days until the last key of an owner stops to count.", ["owner_kind", "owner", "kind"]
    yield "gateway_key_expiry_days", text, labels, now.expiries.items()
