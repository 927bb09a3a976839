"""Build the wheel of the provider's side alone: `make kit`.

    python packaging/kit_wheel.py FOLDER

What the commands of a provider import is followed through the source, into functions too; the rooms of the
authority's side are left out, and with them every module that is reached through those alone.
"""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import tomlkit

REPOSITORY = Path(__file__).parents[1]
AUTHORITYS = frozenset(
    {
        "acts", "browsing", "console", "courier", "enrolment", "examiner", "homes", "intake", "keys",
        "mailboxes", "passage", "processor", "publish", "record", "registry", "reports", "secrets", "ssh",
        "store", "supervisor", "web",
    }
)  # fmt: skip
"""The rooms of which the provider's side knows nothing, as the contract in pyproject.toml says."""
COMMANDS = (
    "gateway.__main__",
    "gateway.cli.classify",
    "gateway.cli.receipts",
    "gateway.cli.samples",
    "gateway.cli.send",
    "gateway.cli.verify_release",
)


def kept() -> set[str]:
    """Return the modules that the provider's commands import, and the packages that these lie in."""
    found: set[str] = set()
    waiting = list(COMMANDS)
    while waiting:
        name = waiting.pop()
        if name in found or set(name.split(".")[1:2]) & AUTHORITYS or _file(name) is None:
            continue
        found.add(name)
        waiting += [name.rpartition(".")[0]] if "." in name else []
        waiting += _imported(name)
    return found


def _file(name: str) -> Path | None:
    path = REPOSITORY.joinpath(*name.split("."))
    files = (path / "__init__.py", path.with_suffix(".py"))
    return next((file for file in files if file.is_file()), None)


def _imported(name: str) -> Iterator[str]:
    file = _file(name)
    for node in ast.walk(ast.parse(file.read_text("utf-8"))) if file else ():
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("gateway"))
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("gateway"):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def lay_out(folder: Path) -> None:
    """Write the project of the kit into an empty folder, ready to be built."""
    names = kept()
    for name in names:
        file = _file(name)
        if file is not None:
            target = folder / file.relative_to(REPOSITORY)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
    setuptools = project["tool"]["setuptools"]
    data = {name: files for name, files in setuptools["package-data"].items() if name in names}
    for name, patterns in data.items():
        room = REPOSITORY.joinpath(*name.split("."))
        for file in (found for pattern in patterns for found in room.glob(pattern)):
            target = folder / file.relative_to(REPOSITORY)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
    for name in ("policies", "README.md", "LICENSE"):
        source = REPOSITORY / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    project["project"].pop("optional-dependencies")
    setuptools["package-data"] = data
    setuptools["data-files"] = {
        place: files
        for place, files in setuptools["data-files"].items()
        if place.startswith("share/gateway/policies")
    }
    for tool in set(project["tool"]) - {"setuptools"}:
        project["tool"].pop(tool)
    (folder / "pyproject.toml").write_text(tomlkit.dumps(project), "utf-8")


def build(folder: Path) -> Path:
    """Build the kit's wheel into a folder, and return it."""
    with tempfile.TemporaryDirectory() as made:
        lay_out(Path(made))
        subprocess.run(
            [
                sys.executable,
                "-m",
                "uv",
                "build",
                "--quiet",
                "--wheel",
                "--out-dir",
                str(folder.absolute()),
                made,
            ],
            check=True,
        )
    version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    return folder / f"gateway-{version}-py3-none-any.whl"


if __name__ == "__main__":
    print(build(Path(sys.argv[1])))  # noqa: T201 - the path, for whoever calls it
