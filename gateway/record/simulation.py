"""Simulation of recent files under other policies. Nothing is opened or changed.

Each file is decided twice, by the stored contents and at the landing time: under the policies `before` and
`after`. The rules of recognition (data_types.toml, items.toml, sensitive.toml) have no effect, since no file
is read again.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session

from gateway.model import Decision, Held, Transfer
from gateway.policy.catalogue import Catalogue
from gateway.policy.decide import decide
from gateway.policy.ratification import years_at
from gateway.registry import register, transfers

EXAMPLES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedOutcome:
    """The compared parts of an outcome: state, teams, reasons and the end of waiting."""

    state: str
    teams: tuple[str, ...]
    reasons: tuple[str, ...]
    until: datetime | None

    @property
    def told(self) -> str:
        """The outcome in a few words: the teams, or the reasons against."""
        if self.state == "accepted":
            return f"accepted for {', '.join(self.teams) or 'nobody'}"
        return f"{self.state}: {', '.join(self.reasons)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """The number of files, and for each pair of different outcomes the number and some references."""

    files: int
    same: int
    changes: tuple[tuple[SimulatedOutcome, SimulatedOutcome, int, tuple[str, ...]], ...] = field(default=())


def simulate(session: Session, before: Catalogue, after: Catalogue, since: datetime) -> Simulated:
    """Decide the files landed since a moment by both policies; the most frequent changes come first."""
    counted: Counter[tuple[SimulatedOutcome, SimulatedOutcome]] = Counter()
    examples: defaultdict[tuple[SimulatedOutcome, SimulatedOutcome], list[str]] = defaultdict(list)
    files = same = 0
    for some in transfers.landed_since(session, since):
        for reference, was, now in _both(session, some, before, after):
            files += 1
            if was == now:
                same += 1
                continue
            counted[was, now] += 1
            if len(examples[was, now]) < EXAMPLES:
                examples[was, now].append(reference)
    changes = tuple((*pair, count, tuple(examples[pair])) for pair, count in counted.most_common())
    return Simulated(files=files, same=same, changes=changes)


def _both(
    session: Session, some: Sequence[Transfer], before: Catalogue, after: Catalogue
) -> Iterator[tuple[str, SimulatedOutcome, SimulatedOutcome]]:
    """Yield each opened file of pupils' data with both outcomes."""
    for transfer in some:
        if transfer.content is not None and transfer.upload.folder == "in":
            was, now = (_outcome(session, transfer, catalogue) for catalogue in (before, after))
            yield transfer.upload.reference, was, now


def _outcome(session: Session, transfer: Transfer, catalogue: Catalogue) -> SimulatedOutcome:
    at = transfer.upload.landed_at
    provider = register.of(session).provider(transfer.upload.provider, years_at(at, catalogue))
    assert transfer.content is not None  # noqa: S101 - for the type checker
    decision: Decision = decide(transfer.content, catalogue, provider, at)
    return SimulatedOutcome(
        state=decision.state,
        teams=decision.teams if decision.state == "accepted" else (),
        reasons=tuple(dict.fromkeys(reason.code for reason in decision.reasons)),
        until=decision.until if isinstance(decision, Held) else None,
    )
