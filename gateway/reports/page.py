"""Render a document as an HTML page, for screen and print.

The page has no script and fetches nothing. The templates escape every text.
"""

from itertools import accumulate

from jinja2 import Environment, PackageLoader, StrictUndefined

from gateway.reports.document import Details, Document, Paragraph, Points, ReportTable, clean

# Start of the bars of a chart, length of the longest, and height of each, in pixels.
_LEFT, _LONGEST, _HEIGHT = 220, 460, 22


def as_html(document: Document) -> str:
    """Return a document as the text of an HTML page."""
    return _TEMPLATES.get_template("report.html").render(document=document)


def _drawn(chart: ReportTable) -> list[tuple[str, list[tuple[int, float, float]]]]:
    """Return the bars of a table: label, and for each number its colour, start and length in pixels."""
    counted = [(label, [*map(int, values)]) for label, *values in chart.rows]
    longest = max((sum(values) for _, values in counted), default=0) or 1
    bars = []
    for label, values in counted:
        lengths = [value * _LONGEST / longest for value in values]
        starts = accumulate(lengths, initial=_LEFT)
        parts = zip(range(len(values)), starts, lengths, strict=False)
        bars.append((label, [(number, round(x, 1), round(length, 1)) for number, x, length in parts]))
    return bars


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("gateway.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: clean(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    kinds = {"paragraph": Paragraph, "points": Points, "details": Details}
    made.tests |= {name: lambda block, kind=kind: isinstance(block, kind) for name, kind in kinds.items()}
    made.filters["drawn"] = _drawn
    made.globals |= {"left": _LEFT, "height": _HEIGHT, "width": _LEFT + _LONGEST + 10}
    return made


_TEMPLATES = _environment()
