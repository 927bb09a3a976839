"""JSON is read as a table: each value's column is named by its key and the keys around it."""

from __future__ import annotations

import json
from io import BytesIO

import pytest

from gateway.classify import Rules
from gateway.classify.content import Source, Unreadable, encoding_of
from gateway.classify.delimited import Table
from gateway.classify.json_records import read_table
from gateway.home.settings import ClassifyLimits


def read(rules: Rules, records: object, limits: ClassifyLimits | None = None) -> Table:
    content = BytesIO(json.dumps(records).encode())
    return read_table(Source(content, "utf-8", limits or ClassifyLimits()), rules)


def test_a_list_in_a_record_is_named_once_however_much_is_in_it(rules: Rules) -> None:
    contacts = [{"name": "A", "phone": "1"}, {"name": "B", "phone": "2"}]
    table = read(rules, [{"upn": "X", "surname": "Y", "contacts": contacts, "codes": ["c", "d"]}])
    assert table.header.names == ("upn", "surname", "contact name", "contact phone", "code")
    assert [*table.batches] == [[["X", "Y", "A; B", "1; 2", "c; d"]]]


@pytest.mark.parametrize(
    "records",
    [
        [{"upn": "X", "surname": "Y", **{f"x{n}": 1 for n in range(9)}}],
        [{"upn": "X", "surname": "Y", f"x{n}": 1} for n in range(9)],
    ],
    ids=["in one record", "in all together"],
)
def test_more_columns_than_are_read_are_told_with_the_format(rules: Rules, records: object) -> None:
    with pytest.raises(Unreadable) as caught:
        read(rules, records, ClassifyLimits(columns=10))
    assert caught.value.evidence == ("a table with more columns than this gateway reads",)
    assert caught.value.format == "JSON"
    assert len(read(rules, records, ClassifyLimits(columns=11)).header.names) == 11


def test_a_byte_order_mark_before_json_says_nothing(rules: Rules) -> None:
    content = BytesIO(json.dumps([{"upn": "X", "surname": "Y"}]).encode("utf-8-sig"))
    table = read_table(Source(content, encoding_of(content), ClassifyLimits()), rules)
    assert [*table.batches] == [[["X", "Y"]]]
