"""No address of a page holds personal data: whatever names a person is sent in the body of a form."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

import pytest
from openpyxl import load_workbook

from gateway.acts.fields import every_act, fields_of, personal_given
from gateway.console.act_pages import spreadsheet
from gateway.mailboxes.console_api import carrying_out
from tests.console.served import Served

NAMES_A_PERSON = {"upn", "surname", "forename", "born", "search"}
# Each text that the form of a reading act may put into an address: none is of a person.
IN_ADDRESSES = {
    "provider",
    "reference",
    "id",
    "sort",
    "where",
    "data_type",
    "team",
    "why",
    "hand_on",
    "group",
}

NAMES_PEOPLE = {
    "accounts", "by", "declared_by", "header", "heading", "listed_by", "made_by", "not_second_to", "notes",
    "owner", "people", "placed_by", "read_by", "recipient", "refused", "signatory", "to",
}  # fmt: skip
NAMES_NOBODY = {  # A code, or the name of a school, machine or program.
    *((f"{noun} list", "name") for noun in ("hooks", "hosts", "programs", "providers")),
    ("agreement status", "name"), ("held list", "why"), ("transfers list", "why"),
}  # fmt: skip


def personal() -> Iterator[tuple[str, str]]:
    """Each act, with each of its fields that names a person."""
    for name, act in every_act().items():
        for field in fields_of(act):
            if field.personal and act.in_console:
                yield name, field.name


def test_whatever_names_a_person_is_declared_to() -> None:
    fields = [(name, field) for name, act in every_act().items() for field in fields_of(act)]
    found = {(name, field.name) for name, field in fields}
    declared = {(name, field.name) for name, field in fields if field.personal}
    assert {(name, field) for name, field in found if field in NAMES_A_PERSON} <= declared


def test_a_field_declares_what_it_names() -> None:
    known = {"provider": "school", "team": "team", "data_type": "kind", "as_": "kind", "person": "person"}
    found = {
        (name, field.name): field.names
        for name, act in every_act().items()
        for field in fields_of(act)
        if act.in_console and field.kind == "text" and field.name in known
    }
    assert found == {key: known[key[1]] for key in found}


def test_what_a_reading_act_puts_into_an_address_is_of_no_person() -> None:
    texts = {
        (name, field.name)
        for name, act in every_act().items()
        for field in fields_of(act)
        if act.reads and act.in_console and field.kind in {"text", "file"} and not field.personal
    }
    assert {field for _, field in texts} <= IN_ADDRESSES, texts


def test_no_address_filters_a_list_by_what_may_name_a_person() -> None:
    for act in every_act().values():
        for column in getattr(act, "columns", ()):
            said = column in {"why", "name"} and (act.command, column) not in NAMES_NOBODY
            if said or column in NAMES_PEOPLE:
                assert personal_given(act, {"where": f"{column}=Mia"}) == ["where"], (act.command, column)


@pytest.mark.long
def test_no_page_takes_what_names_a_person_from_its_address(served: Served) -> None:
    asked = list(personal())
    assert asked
    for name, field in asked:
        noun, _, verb = name.rpartition(" ")
        path = f"/work/{noun.replace(' ', '.')}/{verb}"
        visitor = served.dora if served.dora.get(path) == 200 else served.mary
        assert visitor.get(path) == 200, name
        assert '<form method="get"' not in visitor.page, name
        assert f'name="{field}"' in visitor.page, name
        assert visitor.get(f"{path}?{field}=Y999123420001") == 400, (name, field)


def test_files_are_found_by_a_form_on_every_page(served: Served) -> None:
    found, other = served.room.deliver(b"found", "central-data-team"), served.room.hold(b"other")
    jane = served.jane
    assert jane.get("/held") == 200
    for text in (found[-5:].lower(), found):
        assert jane.post("/work/transfers/list", search=text) == 200
        assert found in jane.text
        assert other not in jane.text
    assert jane.post("/work/transfers/list", search='& "sons', sort="-reference") == 200  # The school's name.
    assert found in jane.text
    assert other in jane.text
    assert jane.post("/work/transfers/list", search="nobody has such") == 200
    assert "No transfers." in jane.text


def test_a_list_is_shown_in_pages_and_given_whole(served: Served) -> None:
    every = [served.room.deliver(f"{number}".encode(), "central-data-team") for number in range(51)]
    jane = served.jane
    assert jane.get("/work/transfers/list") == 200
    assert every[-1] in jane.text
    assert every[0] not in jane.text
    after = re.search(r'name="after" value="([^"]*)"', jane.page)
    assert after
    assert jane.post("/work/transfers/list", after=after[1]) == 200
    assert every[0] in jane.text
    assert every[-1] not in jane.text
    for kind in ("csv", "xlsx"):
        sent = jane.client.get("/work/transfers/list", params={"file": kind})
        assert sent.headers["content-disposition"] == f'attachment; filename="transfers-list.{kind}"'
        rows = (
            list(csv.reader(io.StringIO(sent.content.decode("utf-8-sig"))))
            if kind == "csv"
            else [list(row) for row in load_workbook(io.BytesIO(sent.content)).active.values]
        )
        assert rows[0][:2] == ["reference", "provider"]
        assert set(every) <= {row[0] for row in rows[1:]}


def test_a_list_that_is_too_long_for_one_file_is_to_be_narrowed(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        served.room.deliver(f"of a file {number}".encode(), "central-data-team")
    monkeypatch.setattr(carrying_out, "_MOST_IN_FILE", 2)
    for asked in ({}, {"sort": "-provider"}, {"where": "landed_at=x"}):
        status = served.jane.client.get("/work/transfers/list", params={"file": "csv", **asked}).status_code
        assert status == (200 if "where" in asked else 403)
    assert served.jane.get("/work/transfers/list?file=xlsx") == 403
    assert "The list has more than 2 rows, too many for one file: narrow it" in served.jane.text


def test_a_spreadsheet_program_knows_how_the_letters_of_a_list_are_encoded() -> None:
    table = {"columns": ["name"], "named": {}, "rows": [["Ysgol Tŷ Gwyn"]]}
    assert bytes(spreadsheet(table, "list", "csv").body) == b"\xef\xbb\xbfname\r\nYsgol T\xc5\xb7 Gwyn\r\n"


def as_csv(cell: str) -> list[list[str]]:
    table = {"columns": ["name"], "named": {}, "rows": [[cell]]}
    return list(csv.reader(io.StringIO(bytes(spreadsheet(table, "list", "csv").body).decode("utf-8-sig"))))


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1", " =1+1", "\u00a0@SUM(A1)", "\t1", "-SUM(A1)", "= ", "+calc|x!A0", "+'\\\\a\\[b.xlsx]C'!A1",
        '+WEBSERVICE ("https://a")', "-1+1", "- late", "\uff1d1+1", "\uff0bcmd",
    ],
)  # fmt: skip
def test_no_cell_of_a_list_is_run_by_a_spreadsheet(cell: str) -> None:
    assert as_csv(cell) == [["name"], [f"'{cell}"]]


@pytest.mark.parametrize("cell", ["-1", "+44 (0)20 7946 0958", "-1,234.50", "-5%", "-", "1-1", "'=1"])
def test_a_number_in_a_list_stays_as_it_is(cell: str) -> None:
    assert as_csv(cell) == [["name"], [cell]]
