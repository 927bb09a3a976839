"""The results in an awarding body's fixed-width file as a table: one line a result."""

from collections.abc import Iterator
from itertools import chain, islice

from gateway.classify.content import Row, Source
from gateway.classify.delimited import BATCH, Header, Table, line_batches
from gateway.classify.jcq import LEARN_FROM, candidate_in, centre_in, grades_in
from gateway.classify.jcq_layout import JcqLayout, learn, result_in
from gateway.classify.rules import Rules

_COLUMNS = {
    "centre-number": "Centre Number",
    "candidate-number": "Candidate Number",
    "upn": "UPN",
    "uci": "UCI",
    "uln": "ULN",
    "surname": "Surname",
    "forename": "Forename",
    "entry-code": "Entry Code",
    "exam-grade": "Grade",
}


def read_results(source: Source, rules: Rules) -> Table:
    """Return the results as a table. Other content of a record, such as options, has no column."""
    header = Header(tuple(_COLUMNS.values()), 0, "")
    return Table(header, _batches(_results(source, rules)))


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(islice(rows, BATCH)):
        yield batch


def _candidates(source: Source) -> Iterator[tuple[str, str]]:
    """Yield each candidate's record with its centre."""
    centre = ""
    for line in chain.from_iterable(line_batches(source)):
        if line[1:2] in ("3", "5"):
            centre = centre_in(line) or centre
        if line[1:2] == "5":
            yield centre, line


def _results(source: Source, rules: Rules) -> Iterator[Row]:
    grades = rules.code_sets["exam-grade"]
    first = [line for _, line in islice(_candidates(source), LEARN_FROM) if result_in(line) is None]
    layout = learn(first, grades)
    for centre, line in _candidates(source):
        for said in _of_record(line, layout, grades, rules):
            values = {"centre-number": centre, **said}
            yield [values.get(key, "").strip() for key in _COLUMNS]


def _of_record(
    line: str, layout: JcqLayout | None, grades: frozenset[str], rules: Rules
) -> Iterator[dict[str, str]]:
    one = result_in(line)
    if one is not None:
        yield {
            "candidate-number": one.candidate,
            "uci": one.uci,
            "uln": one.uln,
            "entry-code": one.unit,
            "exam-grade": one.grade,
        }
        return
    rule = rules.data_types.jcq
    candidate = candidate_in(line, rule)
    for code, grade in grades_in(line, layout, grades, rule):
        yield {**candidate, "entry-code": code, "exam-grade": grade}
