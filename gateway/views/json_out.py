"""Records as JSON: a list of objects, each with the columns that are filled."""

from __future__ import annotations

import json

from gateway.classify.content import Row
from gateway.views.tables import Rows, Write


class JsonWriter:
    """Writes one table as a JSON list of objects, one a line, in UTF-8 (RFC 8259). Every value is a text."""

    def __init__(self, write: Write) -> None:
        self._write = write

    def table(self, header: Row, rows: Rows) -> None:
        """Write a whole table."""
        between = "["
        for batch in rows:
            lines = []
            for row in batch:
                record = {name: text for name, text in zip(header, row, strict=True) if text}
                lines.append(f"{between}\n{json.dumps(record, ensure_ascii=False)}")
                between = ","
            self._write("".join(lines).encode("utf-8", "replace"))
        self._write(b"\n]\n" if between == "," else b"[]\n")
