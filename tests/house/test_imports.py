"""Who uses whom: no cycles, and contracts that forget no room.

Imports within functions and those for type checkers count like all others.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import grimp

REPOSITORY = Path(__file__).parents[2]
PYPROJECT = REPOSITORY / "pyproject.toml"
LINTER: dict[str, Any] = tomllib.loads(PYPROJECT.read_text("utf-8"))["tool"]["importlinter"]
LAYERED, OUTSIDE, *_ = LINTER["contracts"]
# What the outside zone may use: the base that everyone stands on, and the rooms of both zones.
SHARED = {"errors", "home", "intake", "model", "observe", "reasons", "ssh", "words", "zones"}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where what was read of each file is kept from one look at all of them to the next."""
    return tmp_path_factory.mktemp("imports")


@pytest.fixture(scope="module")
def graph(cache: Path) -> grimp.ImportGraph:
    import grimp  # noqa: PLC0415 - takes a second, in every worker that looks for tests

    return grimp.build_graph("gateway", cache_dir=str(cache))


def test_no_modules_import_each_other_in_a_circle(graph: grimp.ImportGraph) -> None:
    circles = {
        f"{importer} -> {imported}"
        for importer in graph.modules
        for imported in graph.find_modules_directly_imported_by(importer)
        if graph.chain_exists(importer=imported, imported=importer)
    }
    assert circles == set()


def test_the_outside_zone_is_kept_from_every_room_inside() -> None:
    """A new room is inside until somebody says here that it is not."""
    assert OUTSIDE["source_modules"] == ["gateway.intake"]
    all_of_it = {
        path.stem
        for path in (REPOSITORY / "gateway").iterdir()
        if (path / "__init__.py").exists() or path.suffix == ".py"
    }
    kept_from = {name.removeprefix("gateway.") for name in OUTSIDE["forbidden_modules"]}
    assert all_of_it - {"__init__", "__main__"} - SHARED - kept_from == set()
    assert kept_from <= all_of_it


@pytest.mark.parametrize("room", ["console", "web"])
def test_who_serves_browsers_is_kept_from_every_room_but_the_shared_ones(room: str) -> None:
    """It shows what it is answered: no key, no registry and no policy is in its reach."""
    (contract,) = [one for one in LINTER["contracts"] if one.get("source_modules") == [f"gateway.{room}"]]
    kept_from = {name.removeprefix("gateway.") for name in contract["forbidden_modules"]}
    outside = {name.removeprefix("gateway.") for name in OUTSIDE["forbidden_modules"]}
    assert kept_from == (outside - {room, "browsing"}) | {"intake", "ssh"}


@pytest.mark.parametrize("line", LAYERED["layers"])
def test_no_line_of_the_layers_can_be_left_out(line: str, tmp_path: Path, cache: Path) -> None:
    text = PYPROJECT.read_text("utf-8")
    written = f'    "{line}",\n'
    assert text.count(written) == 1
    without = tmp_path / "pyproject.toml"
    without.write_text(text.replace(written, ""), "utf-8")
    assert not _kept(without, cache)


def test_the_contracts_are_kept(cache: Path) -> None:
    assert _kept(PYPROJECT, cache)


def _kept(configuration: Path, cache: Path) -> bool:
    from importlinter import cli  # noqa: F401, PLC0415 - sets import-linter up; as above
    from importlinter.application.use_cases import lint_imports  # noqa: PLC0415

    # What else may go wrong is raised.
    return lint_imports(str(configuration), cache_dir=str(cache), is_debug_mode=True, no_logo=True)
