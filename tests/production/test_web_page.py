"""The page on which schools send by browser, built anew on a clean Debian: the same to the byte.

`make install-check`. It takes Python's standard library, and whatever `packaging/web.toml` locks.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from web_page import ROOT, STATIC, libraries

from gateway.web.page import digest
from tests.production.clean_root import CERTIFICATES

pytestmark = [
    pytest.mark.install,
    pytest.mark.root,
    pytest.mark.timeout(900),
    pytest.mark.needs("mmdebstrap"),
]
PLACE = "srv/another path/of-this"
# Another user, umask, time and place of the world, and no UTF-8.
ELSEWHERE = (
    "umask 0077; export TZ=Asia/Kathmandu LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 PYTHONPATH=.;"
    f' cd "/{PLACE}" && python3 packaging/web_page.py --fetch'
    " && faketime '2031-03-04 05:06:07' python3 packaging/web_page.py"
)


@pytest.fixture(scope="module")
def root() -> Iterator[Path]:
    """A fresh Debian 13 with Python and the sources, without whatever of the page is made or fetched."""
    folder = Path(tempfile.mkdtemp(prefix="gateway-page-", dir="/var/tmp"))
    try:
        made = folder / "root"
        with_these = "--include=python3-minimal,libpython3-stdlib,ca-certificates,faketime"
        subprocess.run(
            ["mmdebstrap", "--quiet", "--variant=minbase", with_these, "trixie", str(made)], check=True
        )
        shutil.copy("/etc/resolv.conf", made / "etc/resolv.conf")
        if (Path("/") / CERTIFICATES).exists():  # A proxy on the way may have a certificate of its own.
            shutil.copy(Path("/") / CERTIFICATES, made / CERTIFICATES)
        (made / "dev/shm").mkdir(exist_ok=True)
        (made / "dev/shm").chmod(0o1777)  # For faketime.
        sources = made / PLACE
        for name in ("packaging", "gateway"):
            shutil.copytree(ROOT / name, sources / name, ignore=shutil.ignore_patterns("__pycache__"))
        (sources / "CHANGELOG.md").write_text("page sha256=" + "0" * 64 + "\n")
        static = sources / STATIC.relative_to(ROOT)
        for name in ("words.js", "welsh.js", *(library["as"] for library in libraries())):
            (static / name).unlink()
        page = static / "index.html"
        page.write_text(re.sub(r'integrity="[^"]*"', 'integrity=""', page.read_text("utf-8")), "utf-8")
        subprocess.run(["chown", "--recursive", "1234:1234", str(sources)], check=True)
        yield made
    finally:
        subprocess.run(["rm", "--recursive", "--force", "--one-file-system", str(folder)], check=True)


def test_the_page_is_the_same_to_the_byte_on_another_machine(root: Path) -> None:
    inside = [
        "chroot",
        "--userspec=1234:1234",
        str(root),
        "env",
        "-i",
        "PATH=/usr/bin",
        "sh",
        "-c",
        ELSEWHERE,
    ]
    built = subprocess.run(inside, check=False, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    assert built.stdout.split("\n") == [f"page sha256={digest()}"] * 2 + [""]
    there = root / PLACE / STATIC.relative_to(ROOT)
    assert {path.name for path in there.iterdir()} == {path.name for path in STATIC.iterdir()}
    assert all((there / path.name).read_bytes() == path.read_bytes() for path in STATIC.iterdir())
    assert (root / PLACE / "CHANGELOG.md").read_text() == f"page sha256={digest()}\n"
