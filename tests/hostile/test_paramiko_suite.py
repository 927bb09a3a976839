"""paramiko's own SFTP tests against intake: what uploads passes, all else is denied cleanly.

Their code is not part of this repository: it is taken from the source package of the paramiko that is
installed. Its tests clean up by removing what they sent, which intake denies; that alone is overlooked.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path

import pytest

from gateway.intake.answers import NOT_EMPTY
from tests.intake.running import Running

pytestmark = pytest.mark.long

CLIENT = """
import contextlib, os
import paramiko, pytest

class Client(paramiko.SFTPClient):
    def remove(self, path):
        with contextlib.suppress(OSError):
            super().remove(path)

@pytest.fixture
def sftp(request):
    with paramiko.Transport(("127.0.0.1", int(os.environ["INTAKE_PORT"]))) as transport:
        key = paramiko.Ed25519Key(filename=os.environ["INTAKE_KEY"])
        transport.connect(username="avon", pkey=key)
        client = Client.from_transport(transport)
        client.FOLDER = "in/" + request.node.name  # As with their own server, each test has an empty folder.
        client.mkdir(client.FOLDER)
        yield client
"""

PASSES = {
    "test_chdir",
    "test_close",
    "test_file",
    "test_getcwd",
    "test_listdir",
    "test_listdir_iter",
    "test_putfo_empty_file",
    "test_realpath",
    "test_sftp_attributes_empty_str",
    "test_sftp_can_be_used_as_context_manager",
    "test_sftp_file_can_be_used_as_context_manager",
    "test_write",
}
# Removing what was sent (and then its folder), reading back, overwriting, appending after the close, modes,
# links, other names. "test_mkdir" passes but for the sentence that it wants to read at its end.
DENIED = {
    "test_append",
    "test_bad_readv",
    "test_check",
    "test_flush_seek",
    "test_folder",
    "test_fsetstat",
    "test_get_put",
    "test_get_without_prefetch",
    "test_mkdir",
    "test_non_utf8_data",
    "test_put_without_confirm",
    "test_readline_seek",
    "test_rename",
    "test_seek_append",
    "test_setstat",
    "test_symlink",
    "test_utf8",
    "test_utf8_chdir",
    "test_write_memoryview",
    "test_write_seek",
    "test_x_flag",
    "testa_posix_rename",
}
# They depend on the locales of the machine.
LOCALES = {"test_listdir_in_locale", "test_sftp_attributes_locale_time"}
# A refusal, or a file that is not what a file system would have made of it; never
# a timeout or a lost connection. SFTP has no status of its own for a folder that is not empty.
CLEAN = re.compile(
    rf"PermissionError|FileNotFoundError|AssertionError|assert |OSError: {re.escape(NOT_EMPTY.sentence)}$"
)


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source package of the installed paramiko, with a client of ours. Skipped where it cannot be had,
    which is a failure where all is required.
    """
    folder = tmp_path_factory.mktemp("paramiko")
    wanted = f"paramiko=={version('paramiko')}"
    got = subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "paramiko", wanted],
        cwd=folder, capture_output=True, text=True, check=False, timeout=110,
    )  # fmt: skip
    if got.returncode:
        pytest.skip("the source package of paramiko cannot be had")
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        archive.extractall(folder, filter="data")
    (root,) = folder.glob("paramiko-*/")
    (root / "tests/conftest.py").write_text(CLIENT)
    return root


def test_what_uploads_passes_and_all_else_is_denied(intake: Running, suite: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rA", "--tb=line", "-p", "no:cacheprovider",
         "-c", os.devnull, "--rootdir", str(suite), "tests/test_sftp.py"],
        cwd=suite, capture_output=True, text=True, check=False, timeout=110,
        env={
            **os.environ,
            "INTAKE_PORT": str(intake.port),
            "INTAKE_KEY": str(intake.provider("avon")),
            "PYTHONPATH": str(suite),
            "COLUMNS": "200",
        },
    )  # fmt: skip
    verdicts = re.findall(r"^(PASSED|FAILED) \S+::(\w+)", done.stdout, re.MULTILINE)
    passed = {name for verdict, name in verdicts if verdict == "PASSED"}
    denied = {name for verdict, name in verdicts if verdict == "FAILED"}
    assert denied - LOCALES == DENIED, done.stdout[-3000:]
    assert passed - LOCALES == PASSES, done.stdout[-3000:]
    for line in re.findall(r"^FAILED \S+ - (.*)$", done.stdout, re.MULTILINE):
        assert CLEAN.match(line), line
    with intake.paramiko() as client:
        assert isinstance(client.listdir("/in"), list)
