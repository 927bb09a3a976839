"""Listings say what is asked and no more, of any number of things, in one line each at 80 columns."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar, cast

import pytest

from gateway.access import EVERYTHING
from gateway.acts.act import ActContext
from gateway.acts.listing import DatedListing, GroupedListing, ListingAct, Row
from gateway.cli.console import print_json, print_json_list
from gateway.errors import GatewayError
from gateway.home import Home, as_reference
from gateway.policy.catalogue import load_catalogue
from gateway.registry.database import Registry
from gateway.registry.transfer_lists import TransfersWanted, count, pages
from tests.cli import a_year
from tests.commands import invoke
from tests.policies import POLICIES
from tests.site import Site

UNTIL = date(2025, 9, 12)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Some thousand transfers of 300 schools, put into the registry in bulk."""
    made = Site(tmp_path_factory.mktemp("site"), workers=1)
    with _registry(made).write() as session:
        a_year.fill(session, load_catalogue(made.home / "policies"), until=UNTIL)
    return made


def _registry(site: Site) -> Registry:
    return Registry(f"sqlite:///{Home(site.home).registry}")


@pytest.fixture
def registry(site: Site) -> Iterator[Registry]:
    opened = _registry(site)
    yield opened
    opened.close()


@pytest.mark.long
def test_fifty_are_listed_unless_all_are_asked_for(site: Site) -> None:
    result = site.result("transfers", "list")
    listed = [line for line in result.stdout.splitlines() if "school-" in line]
    with _registry(site).read() as session:
        there = count(session, TransfersWanted(sight=EVERYTHING))
    assert len(listed) == 50
    assert f"50 of {there} shown; all of them: --limit 0" in result.stderr
    every = site.gateway("transfers", "list", "--limit", "0").splitlines()
    assert sum("school-" in line for line in every) == there
    assert sum(line.startswith("reference") for line in every) == 1
    assert len(site.transfers()) == there  # Programs get all.
    assert [one["reference"] for one in site.transfers("--limit", "2")] == [
        one["reference"] for one in site.transfers()[-2:]
    ]


def test_a_list_is_written_as_a_table_and_printed_as_json(site: Site, tmp_path: Path) -> None:
    table = tmp_path / "schools.csv"
    found = json.loads(site.result("providers", "list", "--limit", "2", "--csv", str(table), "--json").stdout)
    assert len(found) == len(table.read_text().splitlines()) - 1 == 2


@pytest.mark.parametrize("noun", [("providers", "list"), ("flows", "status"), ("agreement", "status")])
def test_every_long_listing_is_cut_and_says_so(site: Site, noun: tuple[str, str]) -> None:
    result = site.result(*noun)
    assert "shown; all of them: --limit 0" in result.stderr
    # Whose providers are called school-…; a kind of data, in a sentence behind the list, is school-census.
    assert sum("school-" in line.replace("school-census", "") for line in result.stdout.splitlines()) == 50


def test_transfers_are_found_by_day_type_team_and_reason(site: Site) -> None:
    def found(*options: str) -> set[tuple[str, str]]:
        return {(one["data_type"], one["landed_at"][:10]) for one in site.transfers(*options)}

    assert found("--data-type", "attendance", "--from", "2025-09-05", "--to", "2025-09-05") == {
        ("attendance", "2025-09-05")
    }
    assert {day for _, day in found("--to", "2025-09-02")} == {"2025-09-01", "2025-09-02"}
    assert found("--team", "sen") == found("--why", "policy:embargo") == found("--why", "policy") == set()


def test_every_list_is_searched_filtered_and_sorted_in_one_way(site: Site) -> None:
    def ids(*options: str) -> list[str]:
        return [one["id"] for one in site.json("providers", "list", *options)]

    every = ids()
    assert ids("--sort", "-id") == sorted(every, reverse=True) != every
    assert ids("--search", every[7].upper()) == [one for one in every if every[7] in one]
    assert ids("--where", f"id={every[7]}", "--where", "kind=school") == [every[7]]
    assert ids("--where", "kind=nobody") == []
    for name in ("nothing", "id=x"):
        refused = invoke(site.home, "providers", "list", "--sort", name)
        assert refused.exit_code == 2
        assert f"there is no column {name};" in " ".join(refused.stderr.replace("│", " ").split())
    newest = site.transfers("--limit", "3", "--sort", "-landed_at")
    assert [one["landed_at"] for one in newest] == sorted((one["landed_at"] for one in newest), reverse=True)
    assert newest[0]["landed_at"] == max(one["landed_at"] for one in site.transfers())
    name = newest[0]["provider_name"]
    found = site.transfers("--search", name.upper())
    assert found
    assert {one["provider_name"] for one in found} == {name}


def test_a_list_goes_on_where_a_page_ended_though_rows_came_or_went() -> None:
    class Numbers(ListingAct):
        columns = ("number",)
        empty = "none"
        there: ClassVar[list[int]] = [1, 2, 3, 4, 5, 6]

        def rows(self, context: ActContext) -> list[Row]:
            return [{"number": one} for one in self.there]

    def page(after: str = "") -> tuple[list[int], str]:
        answer = Numbers().page(context, 2, after)
        return [one["number"] for one in answer.rows], answer.following

    context = cast("ActContext", None)
    shown, after = page()
    assert shown == [1, 2]
    Numbers.there.insert(0, 0)
    assert page(after)[0] == [3, 4]
    Numbers.there.remove(2)
    assert page(after)[0] == [3, 4]
    shown, after = page(page(after)[1])
    assert (shown, after) == ([5, 6], "")
    for wrong in ("here", "9" * 5000):
        with pytest.raises(GatewayError, match="the cursor of no page"):
            page(wrong)


@pytest.mark.parametrize(
    ("span", "shown"),
    [
        ({"from_": date(2026, 7, 2)}, [2, 3]),
        ({"to": date(2026, 7, 2)}, [1, 2]),
        ({"from_": date(2026, 7, 2), "to": date(2026, 7, 2)}, [2]),
        ({}, [0, 1, 2, 3]),
    ],
)
def test_a_list_begins_and_ends_with_a_local_day(span: dict[str, date], shown: list[int]) -> None:
    class Steps(DatedListing):
        columns = ("number", "at")
        empty = "none"
        when = "at"

        def rows(self, context: ActContext) -> list[Row]:
            # In summer a day begins at 23:00 UTC.
            told = (datetime(2026, 7, day, 23, tzinfo=UTC) - timedelta(seconds=1) for day in (1, 2, 3))
            return [{"number": number, "at": at} for number, at in enumerate((None, *told))]

    context = cast("ActContext", SimpleNamespace(catalogue=load_catalogue(POLICIES)))
    assert [one["number"] for one in Steps.model_validate(span).page(context, 9).rows] == shown


def test_a_grouped_list_is_read_group_by_group_with_the_number_of_each() -> None:
    class Cards(GroupedListing):
        columns = ("suit", "value")
        groups = ("suit",)
        empty = "none"
        latest = True

        def rows(self, context: ActContext) -> list[Row]:
            told = (("spade", 2), ("heart", 9), ("spade", 7), ("heart", 3), ("spade", 5))
            return [{"suit": suit, "value": value} for suit, value in told]

    def shown(rows: Iterable[Row]) -> list[int]:
        return [one["value"] for one in rows]

    context = cast("ActContext", None)
    first = Cards(group="suit").page(context, 3)
    assert shown(first.rows) == [3, 9, 5]
    assert first.group_of == ("heart", "heart", "spade")
    assert [(one["value"], one["number"]) for one in first.groups] == [("heart", 2), ("spade", 3)]
    second = Cards(group="suit").page(context, 3, first.following)
    assert (second.first, shown(second.rows), second.following) == (4, [7, 2], "")
    assert shown(Cards(group="suit", sort="-value").page(context, 9).rows) == [9, 3, 7, 5, 2]
    assert shown(Cards(group="suit", where=("suit=spade",)).page(context, 9).rows) == [5, 7, 2]
    assert shown(Cards(group="suit").carry_out(context).rows) == [9, 3, 2, 7, 5]
    assert Cards().page(context, 9).groups == ()


def test_a_line_is_a_line_at_80_columns(site: Site) -> None:
    result = invoke(site.home, "transfers", "list", environment={"COLUMNS": "80"})
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["reference", "outcome", "why", "landed", "at"]
    assert max(map(len, lines)) <= 80
    assert len(lines) == 53


def test_pages_are_in_order_and_hold_little(registry: Registry) -> None:
    with registry.read() as session:
        tracemalloc.start()
        sequences, most = [], 0
        for page in pages(session, TransfersWanted(sight=EVERYTHING)):
            sequences += [one.sequence for one in page]
            most = max(most, len(session.identity_map))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert sequences == sorted(sequences)
    assert most <= 500
    assert peak < 20 * 1024**2


def test_a_streamed_list_is_the_same_json(capsys: pytest.CaptureFixture[str]) -> None:
    for rows in ([], [{"a": 1, "b": ["ä", None]}], [{"a": datetime(2026, 1, 1)}, {}, []]):  # noqa: DTZ001
        print_json_list(rows)
        streamed = capsys.readouterr().out
        print_json(rows)
        assert streamed == capsys.readouterr().out
        json.loads(streamed)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("261124-OAK-7k2mx", "261124-oak-7K2MX"),
        (" 261124-oak-school-7k2mo", "261124-oak-school-7K2M0"),
        ("261124-oak-7K2MX", "261124-oak-7K2MX"),
        ("nonsense", "nonsense"),
    ],
)
def test_a_reference_is_understood_however_it_was_typed(typed: str, meant: str) -> None:
    assert as_reference(typed) == meant
