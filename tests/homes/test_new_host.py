"""What a host hands on is put down in its own places alone, and only where it is whole."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from gateway.cli import hosts
from gateway.errors import ConfigurationError, GatewayError
from gateway.home import Home
from gateway.homes.new_host import new_code, packed, unpacked
from gateway.openpgp.sealer import lock
from tests.commands import invoke

SETTINGS = b'[host]\nname = "two"\n'
SHARED = """
organisation = "Somerset County Council"
database = "postgresql+psycopg://gateway@/gateway"
[store]
url = "s3://bucket/folder"
credentials_file = "/etc/gateway/s3"
[host]
name = "one"
"""


def handed_on(code: str, files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return lock(content.getvalue(), code)


@pytest.mark.parametrize(
    "files",
    [
        {"gateway.toml": SETTINGS, "sealed/x": b"x"},
        {"gateway.toml": SETTINGS, "spool/landed/x.json": b"x"},
        {"gateway.toml": SETTINGS, "registry.db": b"x"},
        {"gateway.toml": SETTINGS, "keys/../../x": b"x"},
        {"gateway.toml": SETTINGS, "/tmp/x": b"x"},
        {"keys/x": b"x"},
        {},
    ],
)
def test_what_no_host_hands_on_is_not_put_down(tmp_path: Path, files: dict[str, bytes]) -> None:
    code, home = new_code(), tmp_path / "home"
    with pytest.raises(GatewayError, match="not what a host hands on"):
        unpacked(handed_on(code, files), Home(home), code)
    assert not home.exists()


def test_a_host_whose_file_cannot_be_written_is_not_put_on_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "two"
    file.write_bytes(b"of somebody else")
    monkeypatch.setattr(hosts, "packed", lambda *_: b"sealed")
    monkeypatch.setattr(hosts, "registrar_of", lambda _: pytest.fail("put on record"))
    done = invoke(tmp_path / "home", "hosts", "add", "two", str(file))
    assert done.exit_code == 1
    assert "is there already" in done.stderr
    assert file.read_bytes() == b"of somebody else"


def test_a_file_whose_host_cannot_be_put_on_record_does_not_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "packed", lambda *_: b"sealed")
    done = invoke(tmp_path / "no-home", "hosts", "add", "two", str(tmp_path / "two"))
    assert done.exit_code == 1
    assert not (tmp_path / "two").exists()


@pytest.mark.parametrize(("name", "said"), [("one", "one is this host"), ("Two!", "a host: name")])
def test_a_name_that_cannot_be_another_host_s_is_refused(tmp_path: Path, name: str, said: str) -> None:
    home = Home(tmp_path)
    home.settings.write_text(SHARED, "utf-8")
    with pytest.raises(ConfigurationError, match=said):
        packed(home, name, new_code())
