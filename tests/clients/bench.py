"""A fresh intake for each thing that is done with a program, and the judgement on what came of it."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from gateway.home import Home
from tests.intake.running import Running, sealed

SECONDS = 60.0
SFTP_ONLY = "This gateway takes files by SFTP only"
_GONE = re.compile(r"no such file|not exist|handed over|not found", re.IGNORECASE)
_TELLING = re.compile(r"error|fail|denied|cannot|no such|not |handed", re.IGNORECASE)

PUT, PUT_FOLDER, RESUME, FETCH, REMOVE, OLD_SCP = (
    "send a file",
    "send a folder of folders",
    "go on with a cut-off file",
    "fetch the gateway's key",
    "delete what was handed over",
    "send by the old protocol of scp",
)


class Bench:
    """A fresh intake, files to send, and what the programs need to log in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running = Running(Home(folder / "home"))
        self.running.publish()
        self.key = self.running.provider("avon")
        public = self.running.home.published.provider("avon") / "authorized_keys"
        self.key.with_suffix(".key.pub").write_bytes(public.read_bytes())
        self.running.start()
        self.port = str(self.running.port)
        self.file = folder / "pupils.gpg"
        self.file.write_bytes(sealed(400_000))
        self.many = folder / "Autumn"
        (self.many / "Year 4").mkdir(parents=True)
        for name in ("a.gpg", "Year 4/a.gpg", "Year 4/b.gpg"):
            (self.many / name).write_bytes(sealed(30_000))
        self.got = folder / "got"
        self.config = folder / "ssh_config"
        self.config.write_text(
            "Host gateway\n HostName 127.0.0.1\n User avon\n IdentitiesOnly yes\n LogLevel ERROR\n"
            " StrictHostKeyChecking no\n UserKnownHostsFile /dev/null\n"
            f" Port {self.port}\n IdentityFile {self.key}\n"
        )

    def run(self, *command: str | Path, text: str = "") -> str:
        """What a program says; its exit status stands at the end where it is not 0."""
        done = subprocess.run(
            [str(part) for part in command], input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=SECONDS, check=False, env={**os.environ, "HOME": str(self.folder)},
        )  # fmt: skip
        return done.stdout + (f"\nexit {done.returncode}" if done.returncode else "")

    def cut_off(self) -> None:
        """Leave the first part of the file behind, as a lost connection does."""
        with self.running.transport() as transport:
            client = transport.open_sftp_client()
            assert client is not None
            half = client.open("/in/pupils.gpg", "wb")
            half.write(self.file.read_bytes()[:150_000])
            half.flush()
            client.stat("/in/pupils.gpg")
            assert transport.sock is not None
            transport.sock.close()

    def landed(self) -> list[bytes]:
        return sorted(self.running.content(upload) for upload in self.running.landed())

    def judge(self, what: str, said: str) -> str:
        """What came of it, in a few words; what is not as it should be is in bold."""
        if what == FETCH:
            fetched = self.got.exists() and self.got.read_text() == "the gateway's certificate\n"
            return "fetched" if fetched else f"**not fetched**: {_short(said)}"
        if what == OLD_SCP:
            if self.landed():
                return "**landed**"
            told = SFTP_ONLY in said
            return "fails, and says to use SFTP" if told else f"**fails, and says** “{_short(said)}”"
        return self._judge_sent(what, said)

    def _judge_sent(self, what: str, said: str) -> str:
        landed = self.landed()
        if what in {PUT, RESUME, REMOVE} and landed != [self.file.read_bytes()]:
            return f"**did not land**: {_short(said)}"
        if what == PUT_FOLDER and landed != sorted(p.read_bytes() for p in self.many.rglob("*.gpg")):
            return f"**{len(landed)} of 3 landed**: {_short(said)}"
        if what == REMOVE:
            gone = _GONE.search(said)
            return f"kept; says “{_short(said)}”" if gone else f"**kept, without a word**: {_short(said)}"
        return "lands" if what == PUT else "each file lands once" if what == PUT_FOLDER else "goes on, lands"


def _short(said: str) -> str:
    """The last line that says something, without paths and numbers of this run."""
    lines = [line.strip() for line in said.splitlines() if line.strip() and not line.startswith("exit ")]
    telling = [line for line in lines if _TELLING.search(line)]
    line = (telling or lines or ["nothing"])[-1]
    line = re.sub(r"^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d ", "", line)
    line = re.sub(r"/tmp/\S+?/([^/\s]+)(?=[\s:,]|$)", r"\1", line)
    return re.sub(r"127\.0\.0\.1:\d+", "HOST", line).replace("|", "\\|")[:150]
