"""Files that are no data type of the agreement, some of them about something sensitive."""

from __future__ import annotations

import io
import zipfile
from functools import partial

from tests.classify import made
from tests.corpus.children import NOTE, Columns, among, csv, xlsx
from tests.corpus.corpus import Files

_NAMES: Columns = {"Surname": lambda c: c.surname, "Forename": lambda c: c.forename}
_CAMHS: Columns = {**_NAMES, "Referral": "CAMHS", "Date": "01/10/2026", "Outcome": "Waiting list"}
_TRIP: Columns = {**_NAMES, "Consent": "Y", "Paid": "Y", "Coach": among("1", "2")}
_LETTER = "Dear colleague,\n\nthe child protection conference for Tamsin is on Monday at ten.\n"
_COLLECTIONS = {"CIN": "Children in Need", "SWF": "School Workforce"}


def _collection(name: str) -> bytes:
    return made.census_around([made.census_pupil(c) for c in made.children(3)], collection=name).encode()


def _word_document(text: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr("[Content_Types].xml", "<Types/>")
        packed.writestr("word/document.xml", f"<w:document><w:p><w:t>{text}</w:t></w:p></w:document>")
    return out.getvalue()


FILES: Files = {
    "camhs-list.csv": partial(csv, _CAMHS),
    "camhs-list.xlsx": partial(xlsx, _CAMHS),
    "trip.csv": partial(csv, _TRIP),
    "letter.txt": _LETTER.encode,
    "letter.docx": lambda: _word_document(_LETTER),
    "minutes.docx": lambda: _word_document("Minutes of the transport meeting of 3 October"),
    "detentions.csv": partial(csv, {**_NAMES, "Detention": "Friday", "Reason": NOTE, "Staff": "A Person"}),
    "children-in-need.xml": partial(_collection, "CIN"),
    "school-workforce.xml": partial(_collection, "SWF"),
    "children-looked-after.xml": partial(_collection, "SSDA903"),
}
