"""A gateway in one process with a clock that can be set, and schools that keep their keys with GnuPG."""

from __future__ import annotations

import hashlib
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import asyncssh
import pysequoia

from gateway.enrolment.key_file import judge
from gateway.home import Home
from gateway.homes.create import found
from gateway.keys.changes import Clerk, clerk_of, sign_head
from gateway.model import Folder, KeyKind, Provider, Transfer, Upload
from gateway.processor.reconsider import reconsider
from gateway.processor.service import open_processor, open_registrar
from gateway.publish.projection import publish_access, publish_receipts
from gateway.registry import agreements, keys, log, providers, receipts, transfers
from gateway.registry.database import Registry
from gateway.registry.keys import Key
from gateway.settings import Settings, load_settings
from gateway.zones.spool import hand_over, reserve_reference
from tests.content import core_data
from tests.openpgp.gnupg import Gnupg
from tests.site import until

_BEHIND = 80


@dataclass
class School:
    """A provider with keys of its own: one for SSH, and GnuPG's."""

    name: str
    ssh: asyncssh.SSHKey
    gpg: Gnupg
    clock: Callable[[], datetime]
    fingerprint: str = ""

    def run(self, *arguments: str, given: bytes = b"") -> bytes:
        """gpg on the school's computer, whose clock agrees with the gateway's."""
        return self.gpg.run(*arguments, given=given, at=self.clock())

    def certificate(self, fingerprint: str = "") -> bytes:
        return self.run("--armor", "--export", fingerprint or self.fingerprint)

    def new_key(self, *, expires: str = "2y") -> str:
        """Another key of the school, with the same user id; its fingerprint."""
        before = set(self.fingerprints())
        self.run(
            "--quick-generate-key", f"{self.name} <{self.name}@x.invalid>", "default", "default", expires
        )
        return next(iter(set(self.fingerprints()) - before))

    def fingerprints(self) -> list[str]:
        lines = self.run("--with-colons", "--list-keys").decode().splitlines()
        primary = [number for number, line in enumerate(lines) if line.startswith("pub")]
        return [
            next(line for line in lines[n:] if line.startswith("fpr")).split(":")[9].lower() for n in primary
        ]

    def subkeys(self) -> list[str]:
        """The fingerprints of the subkeys of its first key."""
        lines = self.run("--with-colons", "--list-keys", self.fingerprint).decode().splitlines()
        return [line.split(":")[9].lower() for line in lines if line.startswith("fpr")][1:]

    def extend(self, fingerprint: str = "", until: str = "2y") -> None:
        self.run("--quick-set-expire", fingerprint or self.fingerprint, until)
        self.run("--quick-set-expire", fingerprint or self.fingerprint, until, "*")

    def signed(self, data: bytes, *how: str, by: str = "") -> bytes:
        return self.run(*how, "--local-user", by or self.fingerprint, given=data)

    def sealed(self, data: bytes, certificate: str, *, by: str = "") -> bytes:
        """`data` as the guide has it: signed and encrypted with GnuPG's defaults."""
        recipient = self.gpg.home / "gateway.asc"
        recipient.write_text(certificate)
        return self.run(
            "--sign", "--encrypt", "--local-user", by or self.fingerprint,
            "--recipient-file", str(recipient), given=data,
        )  # fmt: skip

    def revocation(self, fingerprint: str = "", reason: int = 0) -> bytes:
        """What `gpg --gen-revoke` writes; reasons as GnuPG numbers them: 1 is compromised, 2 superseded."""
        fake = ["--faked-system-time", f"{self.clock():%Y%m%dT%H%M%S}!"]
        answers = f"y\n{reason}\n\ny\n"
        command = [
            "gpg",
            *["--command-fd", "0", "--no-tty", "--pinentry-mode", "loopback", "--passphrase"],
            "",
            *fake,
        ]
        command += ["--gen-revoke", fingerprint or self.fingerprint]
        return subprocess.run(
            command, input=answers.encode(), env=self.gpg._environment, capture_output=True, check=True
        ).stdout


class Workshop:
    """One gateway, whose processor runs in a thread of its own. Its clock may be put forward."""

    def __init__(self, root: Path, *, passphrase: str | None = None) -> None:
        self.set_right()
        self.home = Home(root / "home")
        self.number = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        settings = Settings(log_origin="test.invalid/log", organisation="Test County Council")
        found(self.home, settings, self.now, passphrase)
        self.registry = Registry(settings.database_url(self.home))

    def clock(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    @property
    def now(self) -> datetime:
        return self.clock()

    def set_right(self) -> None:
        """Begin some months ago, since Sequoia takes no signature from the true future."""
        self._ahead = timedelta(days=-_BEHIND)

    def later(self, **by: float) -> None:
        self._ahead += timedelta(**by)

    @property
    def certificate(self) -> str:
        """What a school finds in /keys/gateway.asc now."""
        return (self.home.published.common / "keys" / "gateway.asc").read_text()

    def school(self, name: str, gpg: Gnupg, *, expires: str = "2y", ratified: bool = True) -> School:
        """Enrol a school with fresh keys."""
        school = School(name, asyncssh.generate_private_key("ssh-ed25519"), gpg, self.clock)
        school.run("--quick-generate-key", f"{name} <{name}@x.invalid>", "default", "default", expires)
        school.fingerprint = school.fingerprints()[-1]
        with self.registry.write() as session:
            providers.add_provider(session, Provider(id=name, name=f"The {name}", kind="school"), self.now)
        with self.changing() as clerk:
            for data in (school.ssh.export_public_key(), school.certificate()):
                clerk.add("provider", name, judge(data, self.now, 2048), tell=False)
        if ratified:
            self.ratify(name)
        publish_access(self.registry, self.home.published, self.now)
        return school

    def ratify(self, name: str) -> None:
        with open_registrar(self.home, self.clock) as registrar:
            for year in registrar.years(self.now):
                with self.registry.write() as session:
                    agreements.ratify(
                        session, name, year, signatory="The Head", on=self.now.date(), at=self.now,
                        by="test", text_sha256="0" * 64,
                    )  # fmt: skip

    @contextmanager
    def changing(self, person: str | None = "admin") -> Iterator[Clerk]:
        """A clerk, whose changes are committed and brought out."""
        with self.registry.write() as session:
            clerk = clerk_of(session, self.home, self.now, person)
            yield clerk
            sign_head(clerk)
        with open_registrar(self.home, self.clock) as registrar:
            reconsider(registrar)
            registrar.publish()

    def upload(self, school: School, data: bytes, folder: Folder = "in", name: str = "file") -> str:
        """Put a file where intake hands it over; its reference."""
        self.number += 1
        self.home.spool.landed.mkdir(exist_ok=True)
        reference = reserve_reference(self.home.spool, school.name, self.now)
        content = self.home.spool.root / f"content-{self.number}"
        content.write_bytes(data)
        upload = Upload(
            reference=reference,
            provider=school.name,
            name=name,
            folder=folder,
            size=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            started_at=self.now,
            landed_at=self.now,
            ssh_key=school.ssh.get_fingerprint(),
        )
        hand_over(self.home.spool, upload, content)
        return reference

    def __enter__(self) -> Self:
        """Start the processor."""
        text = self.home.settings.read_text().replace("rescan_seconds = 5.0", "rescan_seconds = 0.2")
        self.home.settings.write_text(text.replace("workers = 0", "workers = 1"))
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,))
        self._thread.start()
        assert started.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(30)
        self.registry.close()

    def _run(self, started: threading.Event) -> None:
        with open_processor(self.home, self.clock) as processor:
            processor.run(self._stop, ready=started.set)

    def process(self, *references: str) -> None:
        """Wait until these are decided; all that landed, where none is named."""

        def decided() -> bool:
            with self.registry.read() as session:
                known = transfers.known(session, references)
                landed = set(transfers.landed(session))
            return known == set(references) and not landed.intersection(references or landed)

        until(decided, "the outcome", 60)

    def sent(self, school: School, data: bytes, folder: Folder = "in", name: str = "file") -> Transfer:
        """Upload, process, and the outcome."""
        reference = self.upload(school, data, folder, name)
        self.process(reference)
        return self.transfer(reference)

    def transfer(self, reference: str) -> Transfer:
        with self.registry.read() as session:
            return transfers.get(session, reference)

    def key(self, school: School, fingerprint: str, kind: KeyKind = "openpgp") -> Key | None:
        with self.registry.read() as session:
            return keys.holder(session, kind, fingerprint.lower() if kind == "openpgp" else fingerprint)

    def gateway_keys(self) -> list[Key]:
        with self.registry.read() as session:
            return list(keys.list_keys(session, "gateway", "gateway"))

    def current(self) -> str:
        return (self.home.keys / "signing").read_text().strip()

    def receipts(self, school: School, like: str = "*.txt") -> list[str]:
        """The published receipts and notices whose names match."""
        publish_receipts(self.registry, self.home.published)
        folder = self.home.published.provider(school.name) / "receipts"
        return [path.read_text() for path in sorted(folder.glob(like))]

    def notices(self, school: School) -> list[str]:
        return self.receipts(school, "key-notice.*.txt")

    def receipt(self, reference: str) -> str:
        """The text of the receipt in force."""
        with self.registry.read() as session:
            found = receipts.latest(session, reference)
        assert found is not None
        return found.text

    def events(self, subject: str) -> list[str]:
        with self.registry.read() as session:
            return [event.kind for event in log.events(session, subject)]


def codes(transfer: Transfer) -> set[str]:
    return {reason.code for reason in transfer.reasons}


_SEEDS = iter(range(1, 1_000_000))


def fresh() -> bytes:
    """Core data that was not sent before."""
    return core_data(seed=next(_SEEDS), pupils=2)


def verified(text: str, certificate: str) -> bool:
    """Whether a clearsigned text is signed by the key of a certificate, as GnuPG would say."""
    cert = pysequoia.Cert.from_bytes(certificate.encode())
    try:
        return len(pysequoia.verify(bytes=text.encode(), store=lambda _: [cert]).valid_sigs) == 1
    except RuntimeError:
        return False


__all__ = ["School", "Workshop", "codes", "fresh", "load_settings", "verified"]
