"""A home as a release of the past left it after a term: `python -m tests.homes.release COMMIT FILE.tar.xz`.

The code of that commit runs in a virtual environment of its own; its clock is moved by libfaketime. The
archive holds `home/`, the keys of the parties, the receipts as oak fetched them, and the head
of the log and the gateway's certificate of the last day. It takes five minutes.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from contextlib import suppress
from datetime import date
from pathlib import Path

from uv import find_uv_bin

from gateway.errors import Fault
from gateway.homes.demo import parties
from gateway.homes.demo.parties import Party, Stage
from tests.content import census, core_data
from tests.ending import ending
from tests.term.clock import begin_again, put_forward

UNKNOWN = b"Ward,Hours\nNorth,12\nSouth,9\n"
SENSITIVE = b"Name,Concern\nSamplia D'Essai,child protection plan\nOscar Specimen,none\n"
"""Unknown to the first release, sensitive today."""
_OWN_EDITS = (("limits.toml", "uploads_per_day = 20_000", "uploads_per_day = 12_000"),)
parties._COMMAND_SECONDS = 600
_HERE = Path(__file__).parents[2]
_TERM = (date(2026, 9, 14), date(2026, 10, 5), date(2026, 11, 16))


class Release:
    """A release at work on the home in `folder`."""

    def __init__(self, commit: str, folder: Path) -> None:
        """Check its code out, and install it."""
        self.folder, self.code, its = folder, folder / "code", folder / "venv"
        tree = subprocess.run(["git", "archive", commit], check=True, capture_output=True, cwd=_HERE).stdout
        with tarfile.open(fileobj=io.BytesIO(tree)) as archive:
            archive.extractall(self.code, filter="data")
        for words in (
            ["venv", "-q", str(its)],
            ["pip", "install", "-q", "--python", str(its), f"{self.code}[server]"],
        ):
            subprocess.run([find_uv_bin(), *words], check=True)
        os.environ["GATEWAY_ADMIN"] = "ann"
        os.chdir(folder)
        sys.executable = str(its / "bin" / "python")
        self.stage = Stage(folder / "home")

    def either(self, *ways: tuple[str, ...]) -> str:
        """Do it in the first way that this release knows."""
        for words in ways[:-1]:
            with suppress(Fault):
                return self.stage.done(*words)
        return self.stage.done(*ways[-1])

    def party(self, name: str) -> Party:
        party = Party(name, self.folder / "parties" / name)
        (party.folder / "secret.asc").write_text(str(party.openpgp))
        return party

    def provider(self, name: str) -> Party:
        party = self.party(name)
        keys = ("--ssh-key", str(party.ssh_public), "--openpgp-key", str(party.certificate))
        self.stage.done("providers", "add", name, "--name", f"The {name}", "--kind", "school", *keys)
        listed = self.stage.json("keys", "list", name)
        pending = [key["fingerprint"] for key in listed if key["state"] == "pending"]
        if pending:  # In the first release keys count at once.
            self.stage.done("keys", "confirm", name, *pending)
        return party

    def day(self, day: date, uploads: list[tuple[Party, str, bytes]]) -> None:
        """Send these, and decide them."""
        put_forward(day)
        self.send(uploads)
        self.stage.done("process", "--once")

    def send(self, uploads: list[tuple[Party, str, bytes]]) -> None:
        intake = subprocess.Popen(
            [sys.executable, "-m", "gateway", "serve", "intake", "--port", "0"],
            env={**os.environ, "GATEWAY_HOME": str(self.stage.home)}, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        with ending(intake):
            assert intake.stdout is not None
            place = "127.0.0.1", int(intake.stdout.readline().rpartition(":")[2])
            for sender, name, data in uploads:
                sender.put(place, name, data)

    def edit(self) -> None:
        policies = self.folder / "home" / "policies"
        for name, before, after in _OWN_EDITS:
            text = (policies / name).read_text()
            (policies / name).write_text(text.replace(before, after, 1))
        with suppress(Fault):  # In the first release whoever edits them decides alone.
            self.stage.done("policy", "propose")
            os.environ["GATEWAY_ADMIN"] = "ben"
            self.stage.done("policy", "approve", "--yes")


def live(commit: str, folder: Path) -> None:
    """Live through the term."""
    release = Release(commit, folder)
    put_forward(_TERM[0], "08:00")
    done = release.stage.done
    done("init", "--organisation", "Anyshire County Council", "--log-origin", "test.invalid/log")
    oak, ash, elm = map(release.provider, ("oak", "ash", "elm"))
    for one in (oak, ash):
        done("agreement", "ratify", one.name, "--signatory", "The Head")
    for name, team in (("jane", "central-data-team"), ("wes", "education-welfare")):
        done("staff", "add", name, "--team", team, "--ssh-key", str(release.party(name).ssh_public))
    for number, day in enumerate(_TERM):
        gateway = done("keys", "gateway", "export")
        uploads = [
            (one, f"core-{number}.xml.pgp", one.seal(core_data(10 * number + place, 20), gateway))
            for place, one in enumerate((oak, ash, elm))
        ]
        uploads += [
            (oak, f"census-{number}.xml.pgp", oak.seal(census(number, 20), gateway)),
            (oak, f"hours-{number}.csv.pgp", oak.seal(UNKNOWN + b"%d,1\n" % number, gateway)),
            (ash, f"notes-{number}.csv.pgp", ash.seal(SENSITIVE + b"Ash,%d\n" % number, gateway)),
            (oak, f"of-ash-{number}.xml.pgp", ash.seal(core_data(number), gateway)),
            (ash, f"plain-{number}.xml", core_data(number)),
        ]
        release.day(day, uploads)
        if day == _TERM[1]:
            done("keys", "gateway", "rotate")
            first = release.stage.json("transfers", "list")[0]["reference"]
            why = ("--why", "a complaint")
            release.either(("legal-holds", "place", first, *why), ("hold", "place", first, *why))
            release.edit()
    put_forward(_TERM[-1], "17:00")
    gateway = done("keys", "gateway", "export")
    release.send([(ash, "in-spool.xml.pgp", ash.seal(core_data(99, 20), gateway))])
    shutil.copytree(folder / "home/published/providers/oak/receipts", folder / "receipts")
    (folder / "gateway.asc").write_text(gateway)
    (folder / "head").write_text(done("log", "head"))


def main() -> None:
    """Make the archive."""
    parser = argparse.ArgumentParser(prog="python -m tests.homes.release")
    parser.add_argument("commit")
    parser.add_argument("archive", type=Path)
    options = parser.parse_args()
    archive_at = options.archive.absolute()
    begin_again("tests.homes.release")
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        live(options.commit, Path(folder))
        with tarfile.open(archive_at, "w:xz") as archive:
            for name in ("home", "parties", "receipts", "gateway.asc", "head"):
                archive.add(Path(folder) / name, name)


if __name__ == "__main__":
    main()
