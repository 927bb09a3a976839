"""Build the offline installer for Windows, on Linux: `make kit-windows`.

    python packaging/windows/build.py --python python-3.13.9-embed-amd64.zip --sha256 HEX --out NAME.exe

A person fetches Python's embeddable package for Windows from python.org, with the SHA-256 that it tells.
All else comes from the package index, in the versions of requirements.lock, by hashes, for Windows. What is
built is what is committed.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
PLATFORM = "x86_64-pc-windows-msvc"
SOURCE_ALONE = ("pgpy", "standard-imghdr")
"""Published without a wheel; pure Python, so that one built here fits."""
_PATHS = re.compile(r"python(3)([0-9]{2})\._pth")
_GATEWAY = '@"%~dp0python\\python.exe" -m gateway %*\r\n'
_INSTALLED = "%LOCALAPPDATA%\\Programs\\gateway\\gateway.cmd"
"""Where the command is unless another folder was chosen."""
_PROMPT = '@set "PATH=%~dp0;%PATH%"\r\n@cd /d "%USERPROFILE%"\r\n@gateway send --help\r\n'


def stage(folder: Path, embeddable: Path, sha256: str) -> None:
    """Lay out in `folder` what the installer brings. SystemExit where the archive is not what was meant."""
    if hashlib.sha256(embeddable.read_bytes()).hexdigest() != sha256.lower():
        raise SystemExit(f"{embeddable} has not the SHA-256 that was given: fetch it again, from python.org")
    python = folder / "python"
    with zipfile.ZipFile(embeddable) as archive:
        archive.extractall(python)
    found = [path for path in python.glob("*._pth") if _PATHS.fullmatch(path.name)]
    if len(found) != 1 or not (python / "python.exe").is_file():
        raise SystemExit(f"{embeddable} is not Python's embeddable package for Windows")
    with found[0].open("a", encoding="utf-8") as paths:
        paths.write("\nLib\\site-packages\n")
    packages = python / "Lib" / "site-packages"
    _install(packages, ".".join(_PATHS.findall(found[0].name)[0]))
    shutil.move(packages / "share", python / "share")  # Where sysconfig looks for the data of packages.
    shutil.rmtree(packages / "bin", ignore_errors=True)  # Programs of this machine's.
    (folder / "gateway.cmd").write_text(_GATEWAY, "ascii", newline="")
    (folder / "prompt.cmd").write_text(_PROMPT, "ascii", newline="")


def _install(packages: Path, version: str) -> None:
    """Install the packages of the provider's side for Windows, and our own wheel, into a folder."""
    target = ["--python-platform", PLATFORM, "--python-version", version]
    binary = ["--only-binary", ":all:", *(word for name in SOURCE_ALONE for word in ("--no-binary", name))]
    locked = ["--generate-hashes", "--constraint", REPOSITORY / "requirements.lock"]
    into = ["--no-deps", "--target", packages]
    with tempfile.TemporaryDirectory() as folder:
        wanted, source = Path(folder) / "wanted.txt", Path(folder) / "source.zip"
        _uv("compile", *locked, *target, *binary, "--output-file", wanted, REPOSITORY / "pyproject.toml")
        _uv("install", "--require-hashes", *into, *target, *binary, "--requirement", wanted)
        archive = ["git", "archive", "--format=zip", "--prefix=gateway/", "--output", source, "HEAD"]
        subprocess.run(archive, check=True, cwd=REPOSITORY)
        build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, source]
        subprocess.run(build, check=True)
        (own,) = Path(folder).glob("gateway-*.whl")
        _uv("install", *into, *target, own)


def _uv(verb: str, *arguments: str | Path) -> None:
    subprocess.run([sys.executable, "-m", "uv", "pip", verb, "--quiet", *arguments], check=True)


def pack(folder: Path, out: Path) -> None:
    """Make the installer of what was laid out."""
    version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    defined = {"VERSION": version, "STAGE": folder.absolute(), "OUT": out.absolute()}
    words = [f"-D{name}={value}" for name, value in defined.items()]
    subprocess.run(["makensis", "-V2", "-WX", *words, HERE / "kit.nsi"], check=True)


def main() -> None:
    """Run as a command."""
    parser = argparse.ArgumentParser(prog="build.py")
    parser.add_argument("--python", type=Path, required=True, help="python-3.X.Y-embed-amd64.zip")
    parser.add_argument("--sha256", required=True, help="its SHA-256, as python.org tells it")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        stage(Path(folder), asked.python, asked.sha256)
        pack(Path(folder), asked.out)


if __name__ == "__main__":
    main()
