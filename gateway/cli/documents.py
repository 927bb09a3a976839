"""Print a report, or write it to files: as a page, or as a table for a spreadsheet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from gateway.cli.console import err, exact_cell, out, print_exactly, print_json
from gateway.errors import GatewayError
from gateway.reports.document import ReportTable, as_csv, as_object, as_text
from gateway.zones.spool import write_durably

if TYPE_CHECKING:
    from gateway.reports.document import Document

HtmlOption = Annotated[Path | None, "--html", "Write a self-contained page here instead; print it for a PDF."]
CsvOption = Annotated[Path | None, "--csv", "Write it as one table here, for a spreadsheet."]
AnnexOption = Annotated[bool, "--annex", "Also print the annex: each opening, log entry and transfer."]


def deliver(
    document: Document, html: Path | None, csv: Path | None = None, *, as_json: bool, annex: bool = True
) -> None:
    """Print a report as text or JSON, or write it to files `html` and `csv` that only their owner can read.
    `annex`: print the report together with its annex. GatewayError if a file cannot be written, or if `csv`
    is given and the report has no table.
    """
    if as_json:
        print_json(as_object(document))
    if html is None and csv is None and not as_json:
        print_exactly(as_text(document, annex=annex))
    if html is not None:
        from gateway.reports.page import as_html  # noqa: PLC0415 - loads the templates

        _write(html, as_html(document), as_json=as_json)
    if csv is not None:
        if document.data is None:
            raise GatewayError("this report is no table")
        _write(csv, as_csv(document.data), as_json=as_json)


def write_listing(
    place: Path, columns: Sequence[str], rows: Sequence[Mapping[str, Any]], *, as_json: bool
) -> None:
    """Write rows to the CSV file `place`, which only its owner can read. GatewayError if that fails."""
    cells = tuple(tuple(exact_cell(row.get(column)) for column in columns) for row in rows)
    headings = tuple(column.replace("_", " ") for column in columns)
    _write(place, as_csv(ReportTable(headings, cells)), as_json=as_json)


def _write(place: Path, text: str, *, as_json: bool) -> None:
    try:
        write_durably(place, text.encode(), mode=0o600)
    except OSError as error:
        raise GatewayError(f"{place} cannot be written: {error.strerror}") from None
    (err if as_json else out).print(f"wrote {place}", soft_wrap=True)
