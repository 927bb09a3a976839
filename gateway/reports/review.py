"""Review all providers over some weeks: timeliness, quality, ratifications and discrepancies.

The review has names of providers and numbers, and nothing from a file.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from gateway.model import State
from gateway.policy.timescale import State as ReturnState
from gateway.receipts.text import spoken
from gateway.reports.document import Block, Details, Document, Paragraph, ReportTable, Section, table_or

_STATES: tuple[State, ...] = ("accepted", "held", "refused", "landed")
_TO_CALL = 20
_JUDGED: tuple[tuple[ReturnState, ...], ...] = (("on-time", "early"), ("nil",), ("late",), ("missing",))
_IN_TIME, _NIL, _LATE, _MISSING = _JUDGED
"""The groups of states of due returns, in the order of the chart; early counts as in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderReview:
    """The figures on one provider in a review of some weeks.

    `ratified`: None if the provider need not ratify. `kept`: the number of returns by data type and
    state. `files`: the number of files by data type ("" if unrecognised) and state. `faulty`: by data type,
    the number of accepted files with faults. `faults`: by data type, the number of faults in accepted files.
    """

    id: str
    name: str
    kind: str
    ratified: bool | None
    kept: Mapping[tuple[str, ReturnState], int] = field(default_factory=dict)
    files: Mapping[tuple[str, State], int] = field(default_factory=dict)
    faulty: Mapping[str, int] = field(default_factory=dict)
    faults: Mapping[str, int] = field(default_factory=dict)
    discrepancies_opened: int = 0
    discrepancies_open: int = 0

    def returns(self, states: Sequence[ReturnState]) -> int:
        """Return how many of the returns due in the time of the review are in any of the `states`."""
        return sum(number for (_, state), number in self.kept.items() if state in states)

    def in_state(self, state: State) -> int:
        """Return the number of files that landed in the time of the review and are in a state."""
        return sum(number for (_, found), number in self.files.items() if found == state)


def review_report(
    providers: Sequence[ProviderReview],
    made_at: datetime,
    *,
    organisation: str,
    academic_year: str,
    first: date,
    last: date,
    discrepancies: tuple[int, int],
    sees_all: bool = True,
) -> Document:
    """Return the review of all providers from `first` to `last`; the annex lists each provider.
    `discrepancies`: the number that arose from `first` to `last`, and the number open now; a discrepancy
    between several providers counts once. `sees_all`: False if limited to a person's sight.
    """
    of_some = (
        "" if sees_all else " It counts the files that you may know of: what it calls missing may have come."
    )
    return Document(
        f"Review of {first} to {last}",
        f"{organisation}. Report made {spoken(made_at)}. For teams of the authority only.{of_some}",
        (
            Section("In short", (_in_short(providers, discrepancies),)),
            Section("Timeliness", _timeliness(providers)),
            Section("Files, and what became of them", _outcomes(providers)),
            Section("Quality", _quality(providers)),
            Section(f"Ratification for {academic_year}", _ratification(providers)),
            Section("Whom to ring first", _to_call(providers)),
        ),
        (Section("Each provider", (_each(providers),)),),
        _each(providers),
    )


def _in_short(providers: Sequence[ProviderReview], discrepancies: tuple[int, int]) -> Details:
    ratify = [one.ratified for one in providers if one.ratified is not None]
    in_time, late, missing = (
        sum(one.returns(states) for one in providers) for states in (_IN_TIME, _LATE, _MISSING)
    )
    due = in_time + late + missing
    return Details(
        (
            ("Providers", str(len(providers))),
            ("Ratified", f"{ratify.count(True)} of {len(ratify)}"),
            ("Returns due", str(due)),
            ("Came in time", _share(in_time, due)),
            ("Came late", _share(late, due)),
            ("Missing", _share(missing, due)),
            ("Files", str(sum(sum(one.files.values()) for one in providers))),
            ("Discrepancies opened", str(discrepancies[0])),
            ("Discrepancies open now", str(discrepancies[1])),
        )
    )


def _share(part: int, whole: int) -> str:
    return f"{part} ({100 * part / whole:.0f} %)" if whole else str(part)


def _timeliness(providers: Sequence[ProviderReview]) -> tuple[Block, ...]:
    found = defaultdict[str, Counter[ReturnState]](Counter)
    for (data_type, state), number in (each for one in providers for each in one.kept.items()):
        found[data_type][state] += number
    bars = tuple(
        (data_type, *(str(sum(counted[state] for state in states)) for states in _JUDGED))
        for data_type, counted in found.items()
        if any(counted[state] for states in _JUDGED for state in states)
    )
    if not bars:
        return (Paragraph("Nothing was due."),)
    headings = ("Kind of data", "in time", "nothing to send", "late", "missing")
    return (
        ReportTable(headings, bars, "Returns that were due, by kind of data"),
        Paragraph("What a file is about counts, where it says so; else the day on which it came."),
    )


def _outcomes(providers: Sequence[ProviderReview]) -> tuple[Block, ...]:
    kinds = sorted({kind for one in providers for kind, _ in one.files}, key=lambda kind: (not kind, kind))
    bars = tuple(
        (
            kind or "not recognised",
            *(str(sum(one.files.get((kind, state), 0) for one in providers)) for state in _STATES),
        )
        for kind in kinds
    )
    chart = ReportTable(("Kind of data", *_STATES), bars, "Files that arrived, by kind of data")
    return (chart,) if bars else (Paragraph("No file arrived."),)


def _quality(providers: Sequence[ProviderReview]) -> tuple[Block, ...]:
    rows = [
        (
            kind,
            sum(one.files.get((kind, "accepted"), 0) for one in providers),
            sum(one.faulty.get(kind, 0) for one in providers),
            sum(one.faults.get(kind, 0) for one in providers),
        )
        for kind in sorted({kind for one in providers for kind, _ in one.files if kind})
    ]
    bars = tuple((kind, str(files - faulty), str(faulty)) for kind, files, faulty, _ in rows if files)
    if not bars:
        return (Paragraph("No file was accepted."),)
    numbers = tuple(
        (kind, str(faults), f"{faults / faulty:.1f}") for kind, _, faulty, faults in rows if faulty
    )
    headings = ("Kind of data", "without a fault", "with faults")
    chart = ReportTable(headings, bars, "Accepted files, by whether faults were found in them")
    return (chart, *table_or(("Kind of data", "Faults", "In each faulty file"), numbers))


def _ratification(providers: Sequence[ProviderReview]) -> tuple[Block, ...]:
    found: dict[str, list[int]] = {}
    for one in providers:
        if one.ratified is not None:
            found.setdefault(one.kind, [0, 0])[not one.ratified] += 1
    if not found:
        return (Paragraph("Nobody is enrolled who ratifies."),)
    bars = tuple((kind, *map(str, counted)) for kind, counted in sorted(found.items()))
    missing = [f"{one.name} ({one.id})" for one in providers if one.ratified is False]
    chart = ReportTable(("Kind of provider", "ratified", "not yet"), bars, "Who has ratified")
    if not missing:
        return (chart,)
    more = f", and {len(missing) - _TO_CALL} more (annex)" if len(missing) > _TO_CALL else ""
    return chart, Paragraph(f"Not yet: {'; '.join(missing[:_TO_CALL])}{more}.")


def _to_call(providers: Sequence[ProviderReview]) -> tuple[Block, ...]:
    worst = sorted(providers, key=lambda one: (-one.returns(_MISSING), -one.in_state("held"), one.id))
    rows = tuple(
        (
            one.id, one.name, str(one.returns(_MISSING)), str(one.returns(_LATE)),
            str(one.in_state("held")), _yes(one.ratified),
        )
        for one in worst[:_TO_CALL]
        if one.returns(_MISSING) or one.in_state("held")
    )  # fmt: skip
    headings = ("Provider", "Name", "Missing", "Late", "Held files", "Ratified")
    return table_or(headings, rows, "Nobody: nothing is missing, nothing waits.")


def _each(providers: Sequence[ProviderReview]) -> ReportTable:
    headings = (
        "Provider", "Name", "Kind", "Ratified", "In time", "Late", "Nil", "Missing", "Files",
        *(state.title() for state in _STATES), "Files with faults", "Faults",
        "Discrepancies opened", "Discrepancies open",
    )  # fmt: skip
    rows = []
    for one in providers:
        numbers = (
            *map(one.returns, (_IN_TIME, _LATE, _NIL, _MISSING)), sum(one.files.values()),
            *map(one.in_state, _STATES), sum(one.faulty.values()), sum(one.faults.values()),
            one.discrepancies_opened, one.discrepancies_open,
        )  # fmt: skip
        rows.append((one.id, one.name, one.kind, _yes(one.ratified), *map(str, numbers)))
    return ReportTable(headings, tuple(rows))


def _yes(given: bool | None) -> str:
    return {True: "yes", False: "no", None: ""}[given]
