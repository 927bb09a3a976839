"""A release is the same bytes in any folder, and `gateway verify-release` tells whether a file is of it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path
from typing import IO

import pytest

from gateway.cli.verify_release import STATEMENT
from gateway.openpgp.sealer import certificate_of, generate_gateway_key, sign_detached
from tests.commands import invoke
from tests.production.test_supply import REPOSITORY

NOW = datetime(2026, 9, 1, tzinfo=UTC)
WHEEL = "gateway-*-py3-none-any.whl"
FILES = (
    WHEEL, "gateway-[0-9]*.tar.gz", "gateway-image-*.tar", "gateway-man-*.tar.gz", "gateway-web-*.tar.gz",
    "gateway_*.deb", f"kit/{WHEEL}",
)  # fmt: skip


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    for name in ("release", "other"):
        secret = generate_gateway_key("releases", NOW)
        (folder / name).write_bytes(secret)
        (folder / f"{name}.asc").write_bytes(certificate_of(secret))
    return folder


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory, keys: Path) -> Path:
    return build(tmp_path_factory.mktemp("one") / "out", "--sign-with", str(keys / "release"))


def build(out: Path, *words: str) -> Path:
    program = [sys.executable, "packaging/release.py", str(out), "--only", "web", *words]
    subprocess.run(program, cwd=REPOSITORY, check=True, timeout=300)
    return out


def page(folder: Path) -> Path:
    (found,) = folder.glob("gateway-web-*.tar.gz")
    return found


def refused(file: Path, certificate: Path) -> str:
    done = invoke(None, "verify-release", str(file), "--key", str(certificate))
    assert done.exit_code == 1
    (line,) = done.stderr.strip().splitlines()
    return line


def in_tar(opened: IO[bytes]) -> Iterator[tuple[str, bytes]]:
    """Each bill of materials in an archive of tar, packed or not, and in the layers of an image."""
    with tarfile.open(fileobj=opened, mode="r:*") as archive:
        for one in archive:
            inside = archive.extractfile(one) if one.isfile() else None
            if inside is not None and one.name.endswith(".cdx.json"):
                yield one.name, inside.read()
            elif inside is not None and one.name.startswith("blobs/"):
                with contextlib.suppress(tarfile.ReadError):  # The image's own settings are blobs, too.
                    yield from in_tar(inside)


def materials(file: Path) -> dict[str, bytes]:
    """The bills of materials in a file of a release, by their names."""
    if file.suffix == ".whl":
        with zipfile.ZipFile(file) as archive:
            return {name: archive.read(name) for name in archive.namelist() if name.endswith(".cdx.json")}
    if file.suffix == ".deb":
        taken = subprocess.run(["dpkg-deb", "--fsys-tarfile", file], check=True, stdout=subprocess.PIPE)
        return dict(in_tar(io.BytesIO(taken.stdout)))
    with file.open("rb") as opened:
        return dict(in_tar(opened))


@pytest.mark.install
@pytest.mark.needs("dpkg-deb")
def test_every_file_tells_its_materials_is_known_and_is_refused_with_another_byte(
    keys: Path, tmp_path: Path
) -> None:
    """Of build/release, as `make release` left it."""
    place = tmp_path / "release"
    shutil.copytree(REPOSITORY / "build/release", place)
    statement = (place / STATEMENT).read_bytes()
    (place / f"{STATEMENT}.asc").write_bytes(sign_detached((keys / "release").read_bytes(), statement))
    files = [place / one["name"] for one in json.loads(statement)["subject"]]
    told = {"SHA256SUMS", STATEMENT, f"{STATEMENT}.asc"}
    assert {file for file in place.rglob("*") if file.is_file()} == {*files, *(place / name for name in told)}
    names = [str(file.relative_to(place)) for file in files]
    assert all(map(fnmatch, names, FILES)), names
    assert len(names) == len(FILES), names
    for file in files:
        found = materials(file)
        assert found, file.name
        for name, bill in found.items():
            assert json.loads(bill)["bomFormat"] == "CycloneDX", (file.name, name)
            assert json.loads(bill)["components"], (file.name, name)
        done = invoke(None, "verify-release", str(file), "--key", str(keys / "release.asc"))
        assert (done.exit_code, ": as released" in done.stdout) == (0, True), file.name
        with file.open("r+b") as opened:
            opened.seek(file.stat().st_size // 2)
            (byte,) = opened.read(1)
            opened.seek(-1, os.SEEK_CUR)
            opened.write(bytes([byte ^ 1]))
        assert "was changed, or is not of this release" in refused(file, keys / "release.asc"), file.name


def test_it_is_the_same_in_another_folder(released: Path, tmp_path: Path) -> None:
    again = build(tmp_path / "two")
    for file in (page(again), again / "SHA256SUMS", again / STATEMENT):
        assert file.read_bytes() == (released / file.name).read_bytes(), file.name


def test_a_file_of_the_release_is_known(released: Path, keys: Path) -> None:
    done = invoke(None, "verify-release", str(page(released)), "--key", str(keys / "release.asc"))
    assert done.exit_code == 0
    assert f"{page(released).name}: as released" in done.stdout


def test_what_it_states_fits_the_checksums(released: Path) -> None:
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=released, check=True)
    told = json.loads((released / STATEMENT).read_bytes())
    assert told["_type"] == "https://in-toto.io/Statement/v1"
    assert [one["name"] for one in told["subject"]] == [page(released).name]
    named = {
        one["name"]: one["digest"] for one in told["predicate"]["buildDefinition"]["resolvedDependencies"]
    }
    assert set(named) >= {"source", "requirements.lock", "requirements-build.lock"}


def test_what_is_changed_foreign_or_missing_is_refused(released: Path, keys: Path, tmp_path: Path) -> None:
    place = tmp_path / "fetched"
    shutil.copytree(released, place)
    file, right = page(place), keys / "release.asc"
    assert "is not signed by other.asc" in refused(file, keys / "other.asc")
    assert "cannot be read" in refused(file, tmp_path / "none.asc")
    file.write_bytes(file.read_bytes() + b"\0")
    assert "was changed, or is not of this release" in refused(file, right)
    statement, signature = place / STATEMENT, place / f"{STATEMENT}.asc"
    kept = statement.read_bytes()
    statement.write_bytes(kept.replace(b"sha256", b"sha512", 1))
    assert "is not signed by release.asc" in refused(file, right)
    statement.write_bytes(b"{}")
    signature.write_bytes(sign_detached((keys / "release").read_bytes(), b"{}"))
    assert "is no statement about a release" in refused(file, right)
    signature.write_bytes(b"no signature")
    assert "is not signed by release.asc" in refused(file, right)
    signature.unlink()
    assert "cannot be read" in refused(file, right)
    statement.unlink()
    assert "cannot be read" in refused(file, right)
