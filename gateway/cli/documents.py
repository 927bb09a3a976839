"""How a report is handed over: printed, or written as a page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.console import err, out, print_exactly, print_json
from gateway.errors import GatewayError
from gateway.reports.document import Document, as_html, as_object, as_text

HtmlOption = Annotated[
    Path | None, typer.Option("--html", help="Write a self-contained page here instead; print it for a PDF.")
]


def deliver(document: Document, html: Path | None, *, as_json: bool) -> None:
    """Print a report, or write it as a page that only its owner can read."""
    if as_json:
        print_json(as_object(document))
    if html is None and not as_json:
        print_exactly(as_text(document))
    if html is None:
        return
    try:
        descriptor = os.open(html, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(as_html(document))
    except OSError as error:
        raise GatewayError(f"{html} cannot be written: {error.strerror}") from None
    (err if as_json else out).print(f"wrote {html}", soft_wrap=True, markup=False)
