"""Build all of a release from the commit that is checked out: the same bytes in any folder.

    python packaging/release.py OUT [--only deb image] [--suite resolute] [--sign-with KEY]

Each file holds a bill of materials (CycloneDX); the image is of the package, and made as root. A statement
(in-toto v1 with SLSA provenance v1) names each file by its SHA-256, the commit and the locks. `--sign-with`
signs the statement with an OpenPGP secret key that has no passphrase; `gateway verify-release FILE` checks
both. What is not committed is left out.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
STATEMENT = "gateway-release.intoto.json"
MATERIALS = "sbom.cdx.json"
PARTS = ("sdist", "wheel", "kit", "man", "web", "deb", "image")


def run(*words: str | Path, at: Path = REPOSITORY, **variables: str) -> str:
    """Return what a program prints. CalledProcessError where it fails."""
    environment = {**os.environ, **variables}
    done = subprocess.run(words, cwd=at, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


class Release:
    """A release in the making: the tree of the commit, and the folder for what is built of it."""

    def __init__(self, tree: Path, out: Path, suite: str | None) -> None:
        """Unpack the commit that is checked out into an empty folder."""
        self.tree, self.out, self.suite = tree, out, suite
        self.commit = run("git", "rev-parse", "HEAD").strip()
        self.epoch = run("git", "show", "--no-patch", "--format=%ct", "HEAD").strip()
        packed = subprocess.run(
            ["git", "archive", "HEAD"], cwd=REPOSITORY, stdout=subprocess.PIPE, check=True
        )
        with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
            archive.extractall(tree, filter="data")
        project = tomllib.loads((tree / "pyproject.toml").read_text("utf-8"))["project"]
        self.version = str(project["version"])

    def python(self, *words: str | Path) -> str:
        """Run this Python on the modules of the tree."""
        return run(
            sys.executable, *words,
            at=self.tree, PYTHONPATH=str(self.tree), PYTHONDONTWRITEBYTECODE="1", SOURCE_DATE_EPOCH=self.epoch
        )  # fmt: skip

    def materials(self, lock: Path) -> bytes:
        """Return the bill of materials of a lock, as CycloneDX in JSON."""
        told = ("--output-reproducible", "--pyproject", self.tree / "pyproject.toml", "--output-file", "-")
        return self.python("-m", "cyclonedx_py", "requirements", *told, lock).encode()

    def with_materials(self, wheel: Path, materials: bytes) -> None:
        """Add a bill of materials to a wheel (PEP 770), and put its files in one order, with one time."""
        with zipfile.ZipFile(wheel) as archive:
            files = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
        (record,) = (name for name in files if name.endswith(".dist-info/RECORD"))
        name = f"{record.removesuffix('RECORD')}sboms/gateway.cdx.json"
        files[name] = materials
        digest = base64.urlsafe_b64encode(hashlib.sha256(materials).digest()).rstrip(b"=").decode()
        files[record] = f"{name},sha256={digest},{len(materials)}\n".encode() + files[record]
        with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
            for each in sorted(files):
                info = zipfile.ZipInfo(each)  # of 1980-01-01
                info.external_attr = 0o644 << 16
                info.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(info, files[each])

    def pack(self, files: dict[str, Path], name: str) -> None:
        """Write files into an archive NAME.tar.gz, in one order, with the time of the commit and nobody's."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for inside, path in sorted(files.items()):
                info = tarfile.TarInfo(f"{name}/{inside}")
                info.size, info.mtime = path.stat().st_size, int(self.epoch)
                with path.open("rb") as opened:
                    archive.addfile(info, opened)
        (self.out / f"{name}.tar.gz").write_bytes(gzip.compress(packed.getvalue(), mtime=0))

    def python_package(self, kind: str) -> Path:
        """Build the sdist or the wheel, with the tools that requirements-build.lock names; return it."""
        locked = ("--build-constraints", "requirements-build.lock", "--require-hashes")
        with tempfile.TemporaryDirectory() as made:
            self.python("-m", "uv", "build", "--quiet", *locked, f"--{kind}", "--out-dir", made, ".")
            (built,) = (path for path in Path(made).iterdir() if path.name.startswith("gateway-"))
            return built.rename(self.out / built.name)

    def sdist(self) -> None:
        """Write the source, with a bill of materials."""
        built = self.python_package("sdist")
        name = built.name.removesuffix(".tar.gz")
        with tempfile.TemporaryDirectory() as made:
            with tarfile.open(built) as archive:
                archive.extractall(made, filter="data")
            (Path(made) / name / MATERIALS).write_bytes(self.materials(self.tree / "requirements.lock"))
            files = (path for path in (Path(made) / name).rglob("*") if path.is_file())
            self.pack({str(path.relative_to(Path(made) / name)): path for path in files}, name)

    def wheel(self) -> None:
        """Write the wheel of both sides."""
        self.with_materials(self.python_package("wheel"), self.materials(self.tree / "requirements.lock"))

    def kit(self) -> None:
        """Write the wheel of a provider's side alone, into its own folder: it has the same name."""
        place = self.out / "kit"
        place.mkdir()
        self.python("packaging/kit_wheel.py", place)
        (place / ".gitignore").unlink(missing_ok=True)  # uv writes one where it builds.
        lock = self.tree / "build" / "requirements-kit.lock"
        lock.parent.mkdir(exist_ok=True)
        # A provider's computer has the part of the lock that the extra `server` does not ask for.
        self.python(
            "-m", "uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11",
            "--no-annotate", "--no-header", "--generate-hashes", "--constraint", "requirements.lock",
            "--output-file", lock, "pyproject.toml",
        )  # fmt: skip
        (built,) = place.glob("*.whl")
        self.with_materials(built, self.materials(lock))

    def man(self) -> None:
        """Write the manual pages, with the bill of materials of what they are made from."""
        made = self.tree / "build" / "man"
        self.python("packaging/man_pages.py", made)
        (made / MATERIALS).write_bytes(self.materials(self.tree / "requirements.lock"))
        self.pack({path.name: path for path in made.iterdir()}, f"gateway-man-{self.version}")

    def web(self) -> None:
        """Write the page on which schools send, for whoever compares it with what a gateway serves."""
        taken = tomllib.loads((self.tree / "packaging/web.toml").read_text("utf-8"))["taken"]
        told = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1}
        materials = self.tree / "build" / MATERIALS
        materials.parent.mkdir(exist_ok=True)
        materials.write_text(json.dumps({**told, "components": [library(one) for one in taken]}), "ascii")
        files = [*(self.tree / "gateway/web/static").iterdir(), materials]
        self.pack({path.name: path for path in files}, f"gateway-web-{self.version}")

    def deb(self) -> None:
        """Write the package of the distribution that this runs on, or of the suite that is asked for."""
        with tempfile.TemporaryDirectory() as made:
            beside = Path(made)
            self.python("packaging/man_pages.py", beside / "man")
            for lock in sorted(self.tree.glob("requirements*.lock")):
                name = lock.name.replace("requirements", "sbom").replace(".lock", ".cdx.json")
                (beside / name).write_bytes(self.materials(lock))
            scripts = self.tree / "packaging/debian"
            build = [scripts / "deb.sh"] if self.suite is None else [scripts / "elsewhere.sh", self.suite]
            run("sh", *build, self.tree, beside, self.out, SOURCE_DATE_EPOCH=self.epoch)

    def image(self) -> None:
        """Write the image of that package, as an OCI archive."""
        with tempfile.TemporaryDirectory() as made:
            for built in self.out.glob("gateway_*.deb"):
                shutil.copy(built, made)
            script, archive = self.tree / "packaging/oci/image.sh", f"gateway-image-{self.version}.tar"
            run("bash", script, made, self.out / archive, SOURCE_DATE_EPOCH=self.epoch)

    def statement(self) -> bytes:
        """Return the statement on all that lies in the folder (in-toto v1, SLSA provenance v1)."""
        files = sorted(path for path in self.out.rglob("*") if path.is_file())
        locks = sorted(self.tree.glob("requirements*.lock"))
        build = {
            "buildType": "https://gateway.invalid/build/release/v1",
            "externalParameters": {"commit": self.commit, "command": "make release"},
            "internalParameters": {"SOURCE_DATE_EPOCH": self.epoch},
            "resolvedDependencies": [
                {"name": "source", "digest": {"gitCommit": self.commit}},
                *({"name": lock.name, "digest": {"sha256": digest(lock)}} for lock in locks),
            ],
        }
        told = {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [
                {"name": str(path.relative_to(self.out)), "digest": {"sha256": digest(path)}}
                for path in files
            ],
            "predicateType": "https://slsa.dev/provenance/v1",
            "predicate": {
                "buildDefinition": build,
                "runDetails": {"builder": {"id": "https://gateway.invalid/builder/packaging-release"}},
            },
        }
        return json.dumps(told, indent=1).encode() + b"\n"


def library(taken: dict[str, str]) -> dict[str, object]:
    """Return a library of the page as a component of CycloneDX."""
    name, _, version = taken["from"].removesuffix(".tgz").rpartition("/")[2].rpartition("-")
    return {
        "type": "library", "name": name, "version": version, "purl": f"pkg:npm/{name}@{version}",
        "licenses": [{"license": {"id": taken["licence"]}}],
        "hashes": [{"alg": "SHA-256", "content": taken["sha256"]}],
    }  # fmt: skip


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextlib.contextmanager
def release(out: Path, suite: str | None) -> Iterator[Release]:
    """Yield a release of the commit, to be built into a folder that is made."""
    out.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="gateway-release-") as made:
        yield Release(Path(made), out, suite)


def main() -> None:
    """Build what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS)
    parser.add_argument("--suite")
    parser.add_argument("--sign-with", type=Path)
    told = parser.parse_args()
    with release(told.out.absolute(), told.suite) as made:
        for part in told.only:
            getattr(made, part)()
        statement = made.statement()
        files = sorted(path for path in made.out.rglob("*") if path.is_file())
        sums = "".join(f"{digest(path)}  {path.relative_to(made.out)}\n" for path in files)
        (made.out / "SHA256SUMS").write_text(sums, "ascii")
        (made.out / STATEMENT).write_bytes(statement)
        if told.sign_with is not None:
            from gateway.openpgp.sealer import sign_detached  # noqa: PLC0415 - signs only where a key is given

            signature = sign_detached(told.sign_with.read_bytes(), statement)
            (made.out / f"{STATEMENT}.asc").write_bytes(signature)


if __name__ == "__main__":
    main()
