"""Run the demo, one scene after another, with real services and files."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
import urllib.request
from datetime import UTC, date, datetime
from http import HTTPStatus
from pathlib import Path
from random import Random
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from gateway.errors import Fault
from gateway.examiner import confinement
from gateway.homes.demo.parties import Party, Running, Stage, until
from gateway.samples import MARKER, TODAY, School, make, school

_MARK = MARKER.encode()
_FOLDERS = ("central-data-team", "education-welfare")
_ABOUT = ".about.txt"
_STYLES = {"accepted": "green", "held": "yellow", "refused": "red"}


class Story:
    """Plays the demo, scene by scene, on `console`, with all files in `folder`."""

    def __init__(self, console: Console, folder: Path) -> None:
        self._console = console
        self._folder = folder
        self._stage = Stage(folder / "home")

    def tell(self) -> None:
        """Play all scenes. Raises Fault where the gateway deviates from the script."""
        self._scene("A local authority makes a gateway, and enrols two schools and two of its staff")
        with self._console.status("making keys and a home"):
            self._stage.done(
                "init", "--organisation", "Demonstration County Council", "--log-origin", "demo.invalid/log"
            )
            parties, schools = _enrol(self._stage, self._folder)
            certificate = self._stage.done("keys", "gateway", "export")
        self._say("Oak Primary School has ratified this year's agreement. Elm Academy has not, yet.")
        self._say("Jane is in the central data team, Sam in education welfare.")
        with self._console.status("starting the four services"):
            services = self._stage.running(self._folder / "services.log")
        with services as running:
            sent = _uploads(parties, schools, certificate)
            self._scene(f"The schools upload {len(sent)} files over SFTP, to 127.0.0.1:{running.intake[1]}")
            for sender, name, remark, data in sent:
                parties[sender].put(running.intake, f"/in/{name}", data)
                self._say(f"{sender} puts  {name:34} {remark}")
            transfers = self._outcomes(len(sent))
            self._what_oak_sees(running, parties["oak"], transfers)
            self._what_staff_see(running, parties)
            self._elm_ratifies(running, parties["jane"])
            self._receipts_are_evidence(running, parties["oak"], transfers)
            self._the_console_is_offered(running)
        self._scene("On the disk: what was uploaded as it was sealed, and no pupil's data in the clear")
        home = self._folder / "home"
        files = [path for path in home.rglob("*") if path.is_file()]
        self._expect(not [path for path in files if _MARK in path.read_bytes()], "nothing lies in the clear")
        self._say(
            f"{len(files)} files of the home searched for the mark of every invented pupil: none has it."
        )
        self._say("Even the file that came without encryption was not written down.")
        # Print missing confinement, because the demo works without and nobody would notice.
        for lack in confinement.missing():
            self._say(f"Note: {lack}. In production, `gateway doctor` says so too.")

    def _outcomes(self, number: int) -> list[dict[str, Any]]:
        self._scene(
            "The gateway opens each file in memory, looks at what is in it, and lets the agreement decide"
        )
        began = time.monotonic()
        with self._console.status("deciding"):
            transfers = self._stage.await_decided(number)
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        for heading in ("from", "file", "outcome", "kind of data", "why"):
            table.add_column(heading)
        for transfer in transfers:
            why = transfer["reasons"][0]
            outcome = Text(transfer["state"], style=_STYLES[transfer["state"]])
            said = f"{why['sentence']} [clause {why['clause']}]"
            table.add_row(
                transfer["provider"], transfer["name"], outcome, transfer["data_type"] or "-", Text(said)
            )
        self._console.print(table)
        self._say(f"All were decided within {time.monotonic() - began:.1f} s of the last upload.")
        self._expect(
            [t["provider"] for t in transfers if t["state"] == "held"] == ["elm"]
            and sum(t["state"] == "accepted" for t in transfers) == 3  # noqa: PLR2004 - the three good files
            and sum(t["state"] == "refused" for t in transfers) == 3,  # noqa: PLR2004
            "the outcomes are three accepted, three refused, one held",
        )
        return transfers

    def _what_oak_sees(self, running: Running, oak: Party, transfers: list[dict[str, Any]]) -> None:
        self._scene("What Oak sees: a signed receipt for every file")

        def receipts() -> list[str] | None:
            with oak.sftp(running.intake) as session:
                names: list[str] = session.listdir("/receipts")
            return names if len(names) >= 2 * len(transfers) - 2 else None

        names = until(receipts, "the receipts")
        refused = next(t for t in transfers if t["reasons"][0]["code"] == "open:wrong-signer")
        name = next(n for n in names if refused["reference"] in n and n.endswith(".txt"))
        self._say(f"{len(names)} files in /receipts. One of them, {name}:")
        receipt = oak.get(running.intake, f"/receipts/{name}").decode()
        body, _, _ = receipt.partition("\nThe file\n")
        self._console.print(Panel(Text(body.strip()), width=80))

    def _what_staff_see(self, running: Running, parties: dict[str, Party]) -> None:
        self._scene("What the staff see: their own teams' mailboxes, and nothing else")
        for person in (parties["jane"], parties["sam"]):
            with person.sftp(running.mailboxes) as session:
                for folder in (name for name in session.listdir("/") if name in _FOLDERS):
                    for name in session.listdir(f"/{folder}"):
                        self._say(f"{person.name} sees  /{folder}/{name}")
        with parties["sam"].sftp(running.mailboxes) as session:
            listed = session.listdir("/education-welfare")
            name = next(n for n in listed if "_student-core_" in n and not n.endswith(_ABOUT))
        content = parties["sam"].get(running.mailboxes, f"/education-welfare/{name}")
        self._expect(_MARK in content, "what Sam opened is what Oak sealed")
        self._expect(b"SENprovision" not in content, "but not what is for the special needs team")
        self._say(
            f"sam opens {name}: {len(content):,} bytes, what his team may have of the file, made in memory"
        )
        self._say("for this one reading, and logged. Beside it stands what was left out, and why:")
        told = parties["sam"].get(running.mailboxes, f"/education-welfare/{name}{_ABOUT}").decode()
        self._console.print(Panel(Text(told.strip()), width=80))

    def _elm_ratifies(self, running: Running, jane: Party) -> None:
        self._scene("Elm ratifies the agreement, and its waiting file goes on by itself")
        self._command("agreement", "ratify", "elm", "--signatory", "The Principal")
        with jane.sftp(running.mailboxes) as session:
            names = [
                n for n in session.listdir("/central-data-team") if "_elm_" in n and not n.endswith(_ABOUT)
            ]
        self._expect(len(names) == 1, "Elm's file has reached the central data team")
        self._say(f"jane now sees  /central-data-team/{names[0]}")

    def _receipts_are_evidence(self, running: Running, oak: Party, transfers: list[dict[str, Any]]) -> None:
        self._scene("Years later: a receipt is checked offline, against nothing but the gateway's public key")
        accepted = next(t for t in transfers if t["state"] == "accepted")
        receipt = self._folder / "receipt.txt"
        receipt.write_bytes(
            oak.get(running.intake, f"/receipts/{accepted['name']}.{accepted['reference']}.txt")
        )
        key = self._folder / "gateway.asc"
        key.write_bytes(oak.get(running.intake, "/keys/gateway.asc"))
        self._command("receipts", "verify", str(receipt), "--gateway-key", str(key))
        self._say("One letter of it changed:")
        receipt.write_text(receipt.read_text().replace("ACCEPTED", "REFUSED", 1))
        result = self._stage.gateway("receipts", "verify", str(receipt), "--gateway-key", str(key))
        self._expect(result.returncode == 1, "the changed receipt is not believed")
        self._console.print(Text(result.stdout.strip(), style="red"), soft_wrap=True)

    def _the_console_is_offered(self, running: Running) -> None:
        """Show a link into the console that works once, and wait for a person at a terminal."""
        self._scene("Jane works in her browser: the console, on this machine alone")
        self._command("roles", "grant", "jane", "triage", "--why", "the demo")
        link = self._stage.done("staff", "invite", "jane").strip()
        with urllib.request.urlopen(f"{running.console}/login", timeout=10) as page:  # noqa: S310 - our own page
            self._expect(page.status == HTTPStatus.OK, "the console answers")
        self._say("Open this link once, with a browser of this machine, to make a passkey and look around:")
        self._console.print(Text(f"  {link}", style="bold"), soft_wrap=True)
        if self._console.is_interactive and sys.stdin.isatty():
            self._console.input("  Press Enter once you are in: your passkey is confirmed, as by telephone. ")
            self._stage.confirm("jane", "--staff")
            self._console.input("  Press Enter to go on; the console ends then. ")

    def _command(self, *arguments: str) -> None:
        shown = [str(a).replace(f"{self._folder}/", "") for a in arguments]
        line = " ".join(f'"{word}"' if " " in word else word for word in shown)
        self._console.print(Text(f"  $ gateway {line}", style="cyan"), soft_wrap=True)
        for said in self._stage.done(*arguments).strip().splitlines():
            self._say(said)

    def _scene(self, title: str) -> None:
        self._console.print()
        self._console.print(Text(title, style="bold"))

    def _say(self, text: str) -> None:
        self._console.print(Text(f"  {text}"), soft_wrap=True)

    def _expect(self, true: bool, what: str) -> None:
        if not true:
            raise Fault(f"the demo did not go as told: {what}; see {self._folder}")


def demonstrate(console: Console) -> None:
    """Run the demo in a temporary folder and remove the folder; keep it after a failure."""
    folder = Path(tempfile.mkdtemp(prefix="gateway-demo-"))
    began = time.monotonic()
    Story(console, folder).tell()
    shutil.rmtree(folder)
    console.print()
    console.print(
        f"That was the gateway, in {time.monotonic() - began:.0f} s. Its home is cleaned up. Next: README.md"
    )


def _enrol(stage: Stage, folder: Path) -> tuple[dict[str, Party], dict[str, School]]:
    """Enrol two schools and two members of staff with fresh keys; Oak has ratified the agreement."""
    rng = Random(9)  # noqa: S311 - invented pupils, not secrets
    schools = {"oak": school(rng, 0), "elm": school(rng, 1)}
    parties = {name: Party(name, folder / name) for name in (*schools, "jane", "sam")}
    for name, full, kind in (("oak", "Oak Primary School", "school"), ("elm", "Elm Academy", "academy")):
        stage.done(
            "providers", "add", name, "--name", full, "--kind", kind,
            "--dfe-number", schools[name].dfe_number,
            "--ssh-key", str(parties[name].ssh_public), "--openpgp-key", str(parties[name].certificate),
        )  # fmt: skip
        stage.confirm(name)
    stage.done("agreement", "ratify", "oak", "--signatory", "The Headteacher")
    for name, team in (("jane", "central-data-team"), ("sam", "education-welfare")):
        stage.done("staff", "add", name, "--team", team, "--ssh-key", str(parties[name].ssh_public))
    return parties, schools


def _uploads(
    parties: dict[str, Party], schools: dict[str, School], certificate: str
) -> list[tuple[str, str, str, bytes]]:
    """Return the uploads, good files and common mistakes: sender, file name, remark and content."""

    def sample(name: str, data_type: str, variant: str, today: date = TODAY) -> bytes:
        rng = Random(schools[name].dfe_number)  # noqa: S311 - invented pupils, not secrets
        return make(data_type, variant, rng=rng, school=schools[name], pupils=25, today=today)

    oak, elm = parties["oak"], parties["elm"]
    core = sample("oak", "student-core", "ctf-full")
    census = sample("oak", "school-census", "xml-summer")
    marks = sample("oak", "attendance", "csv-weekly", datetime.now(UTC).date())  # Of a week just over.
    sealed = oak.seal(census, certificate)
    return [
        ("oak", "core data.xml.pgp", "signed and encrypted", oak.seal(core, certificate)),
        ("oak", "summer census.xml.pgp", "signed and encrypted", sealed),
        ("oak", "holiday-photos.zip.pgp", "an attendance file under a misleading name",
         oak.seal(marks, certificate)),
        ("oak", "core again.xml.pgp", "signed by Elm, sent by Oak", elm.seal(core, certificate)),
        ("oak", "core.xml", "not encrypted at all", core),
        ("oak", "census.xml.pgp", "cut off in the middle", sealed[: len(sealed) // 2]),
        ("elm", "core.xml.pgp", "good, but Elm has not ratified the agreement",
         elm.seal(sample("elm", "student-core", "ctf-full"), certificate)),
    ]  # fmt: skip
