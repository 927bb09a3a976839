"""The schemas that editors go by are those of the shapes, and each policy file names its own."""

import json

import pytest
from policy_schemas import schema_name, schemas

from gateway.policy.catalogue import load_unchecked
from gateway.record.policy_check import SHAPES, check
from tests.policies import POLICIES
from tests.record.test_policy_check import policies

__all__ = ["policies"]


@pytest.mark.parametrize("name", schemas())
def test_each_schema_that_ships_is_that_of_its_shape(name: str) -> None:
    """`make docs` writes them."""
    assert (POLICIES / "schemas" / name).read_text("utf-8") == schemas()[name]


@pytest.mark.parametrize("file", [name for name in SHAPES if name != "hand_ons.toml"])
def test_the_first_line_of_each_file_tells_an_editor_its_schema(file: str) -> None:
    first = (POLICIES / file).read_text("utf-8").splitlines()[0]
    assert first == f"#:schema schemas/{schema_name(file)}"
    assert (POLICIES / first.removeprefix("#:schema ")).is_file()


def test_what_is_handed_on_ships_with_no_policies() -> None:
    assert not (POLICIES / "hand_ons.toml").exists()


def test_a_schema_describes_what_is_written() -> None:
    flows = json.loads(schemas()["flows.schema.json"])
    assert flows["$defs"]["Flow"]["properties"]["ratification"]["type"] == "string"
    assert "latest file" in flows["$defs"]["FlowDataType"]["description"]


def test_a_byte_order_mark_is_told_plainly_and_all_else_is_still_read(policies) -> None:
    path = policies / "teams.toml"
    path.write_text("\ufeff" + path.read_text("utf-8").replace('"sen"', '"Sen"', 1), "utf-8")
    told = [fault.message for fault in check(policies) if fault.file == "teams.toml"]
    assert any("byte order mark (BOM): save it as UTF-8 without one" in each for each in told)
    assert any("write small letters a to z" in each for each in told)


def test_curly_quotation_marks_are_told_plainly(policies) -> None:
    path = policies / "teams.toml"
    path.write_text(path.read_text("utf-8").replace('id = "sen"', "id = \u201csen\u201d", 1), "utf-8")
    (fault,) = [fault for fault in check(policies) if fault.file == "teams.toml"]
    assert "curly quotation marks stand here" in fault.message
    assert fault.line is not None
    assert path.read_text("utf-8").splitlines()[fault.line - 1] == "id = \u201csen\u201d"


def test_what_ships_can_be_read_without_its_schemas() -> None:
    assert load_unchecked(POLICIES).flows.flow
