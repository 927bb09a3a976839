"""What docs/vendors.md says: its two clients, its sandbox, its events, and the schema of receipts."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import paramiko
import pytest

from tests import warm
from tests.clients.ways import NODE
from tests.content import core_data
from tests.ending import ending
from tests.waiting import until
from tests.whole import whole

pytestmark = pytest.mark.long

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "vendors.md").read_text("utf-8")
SCHEMA = json.loads((DOCS / "receipt.schema.json").read_text("utf-8"))


class Sandbox:
    """The sandbox of the page, made by its one command."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "sandbox"
        command = [sys.executable, "-m", "gateway", "sandbox", "--folder", str(self.folder)]
        self.process = warm.Popen(command, stdout=warm.PIPE, text=True)
        assert self.process.stdout is not None
        self.host, _, self.port = self.process.stdout.readline().split()[-1].rpartition(":")
        self.fingerprint = self.process.stdout.readline().split()[-1]

    def send(self, client: list[str], name: str, content: bytes) -> list[str]:
        """State, reference and code that a client prints."""
        (file := self.folder / name).write_bytes(content)
        place = [self.host, self.port, "sandbox", self.fingerprint, str(self.folder / "keys"), str(file)]
        done = subprocess.run([*client, *place], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    def events(self) -> dict[str, str]:
        """The state of each file by its reference, as the events have it."""
        ssh = paramiko.SSHClient()
        ssh.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        ssh.connect(self.host, int(self.port), "sandbox", key_filename=str(self.folder / "keys" / "ssh"))
        with ssh, ssh.open_sftp() as sftp, sftp.open("/receipts/events.jsonl") as file:
            lines = [json.loads(line) for line in file]
        return {one["reference"]: one["state"] for one in lines}


# `make clients` installs what the client for Node needs, and runs it.
LANGUAGES = ["python", *(["js"] if (NODE / "node_modules" / "openpgp").is_dir() else [])]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    made = Sandbox(tmp_path_factory.mktemp("vendor"))
    with ending(made.process):
        yield made


def client(language: str, folder: Path) -> list[str]:
    """A client of the page, as whoever reads it would run it."""
    (code,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    script = folder / f"client.{language}"
    script.write_text(code, "utf-8")
    if language == "python":
        return [sys.executable, str(script)]
    (folder / "node_modules").symlink_to(NODE / "node_modules")
    return ["node", str(script)]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("language", LANGUAGES)
def test_each_client_of_the_page_gets_each_outcome(language: str, sandbox: Sandbox, tmp_path: Path) -> None:
    run = client(language, tmp_path)
    rows = re.findall(
        r"^\| `([\w.-]+)` \| .*?(accepted|held|refused)(?:, `([\w:-]+)`)? \|$", PAGE, re.MULTILINE
    )
    assert len(rows) == 5
    told = {}
    for number, (name, state, code) in enumerate(rows):
        content = core_data(seed=40 + 10 * LANGUAGES.index(language) + number)
        said, reference, first = sandbox.send(run, name, content)
        assert (said, first) == (state, code or first), name
        told[reference] = said

    def told_in_events() -> bool:
        events = sandbox.events()
        return all(events.get(reference) == state for reference, state in told.items())

    until(told_in_events, "the events", seconds=120)


def test_every_receipt_is_as_the_schema_says_and_every_field_is_on_the_page() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    validator = jsonschema.Draft202012Validator(SCHEMA)
    found = [
        json.loads(path.read_text())
        for path in whole().home.published.root.glob("providers/*/receipts/*.json")
    ]
    receipts = [one for one in found if "folder" in one["receipt"]]
    assert {one["receipt"]["state"] for one in receipts} >= {"accepted", "refused"}
    for one in receipts:
        validator.validate(one)
    fields = [*SCHEMA["properties"], *SCHEMA["properties"]["receipt"]["properties"]]
    assert [one for one in fields if f"| `{one}` |" not in PAGE and f"`{one}`" not in PAGE] == []
