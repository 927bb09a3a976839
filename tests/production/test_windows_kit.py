"""The offline installer for Windows, built here; that it runs, only a Windows can show.

A stand-in takes the place of Python's embeddable package, which is not on the package index: the archive has
the same layout, and its python.exe is none.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.production.guide import REPOSITORY

pytestmark = [pytest.mark.install, pytest.mark.timeout(900), pytest.mark.needs("makensis", "git")]
BUILD = REPOSITORY / "packaging/windows/build.py"


def build(archive: Path, sha256: str, out: Path) -> subprocess.CompletedProcess[str]:
    words = ["--python", str(archive), "--sha256", sha256, "--out", str(out)]
    return subprocess.run(
        [sys.executable, str(BUILD), *words], capture_output=True, text=True, check=False, timeout=800
    )


def test_an_installer_is_made_of_wheels_for_windows_alone(tmp_path: Path) -> None:
    archive = tmp_path / "python-3.13.0-embed-amd64.zip"
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("python.exe", b"MZ, no more")
        made.writestr("python313._pth", "python313.zip\n.\n\n#import site\n")
        made.writestr("python313.zip", b"")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    out = tmp_path / "gateway-windows.exe"
    wrong = build(archive, "0" * 64, out)
    assert (wrong.returncode, "SHA-256" in wrong.stderr) == (1, True)
    done = build(archive, digest, out)
    assert done.returncode == 0, done.stderr
    head = out.read_bytes()
    assert head[:2] == b"MZ"
    begin = int.from_bytes(head[60:64], "little")
    assert head[begin : begin + 6] == b"PE\0\0\x64\x86"  # Of 64 bits, as its Python is.
    assert b"NullsoftInst" in head
    assert len(head) > 10_000_000
    if (unpacker := shutil.which("7z")) is not None:
        shown = subprocess.run([unpacker, "l", str(out)], capture_output=True, text=True, check=True).stdout
        for name in (".pyd", "flows.toml", "gateway.cmd", "python313._pth"):
            assert name in shown
        assert ".so\n" not in shown
