"""A home, its processor and its people in this process, under a clock that the test sets.

Everything is real but the clock: files are landed as intake lands them, examined in a child process,
decided and published by the processor itself.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import asyncssh
from sqlmodel import Session

from gateway.enrolment.key_file import judge
from gateway.errors import NotFoundError
from gateway.home import Home
from gateway.home.settings import Settings, load_settings
from gateway.homes.create import create_home
from gateway.homes.demo.parties import Party
from gateway.intake.server import Intake, read_settings
from gateway.keys.changes import Clerk, clerk_of, sign_head
from gateway.model import Folder, KeyKind, Provider, ProviderKind, Transfer, Upload
from gateway.openpgp.certificates import admit
from gateway.policy.catalogue import load_catalogue
from gateway.policy.ratification import years_at
from gateway.processor.service import open_processor, open_registrar
from gateway.publish.on_request import is_events
from gateway.publish.projection import publish_access, publish_receipts
from gateway.record.reconsider import reconsider
from gateway.record.registrar import Registrar
from gateway.registry import agreements, keys, log, providers, receipts, transfers
from gateway.registry.database import Registry
from gateway.registry.keys import Key
from gateway.registry.tables import EventRow, RatificationRow
from gateway.ssh.serving import LoggedIn
from gateway.zones.spool import fsync_folder, hand_over, reserve_reference
from tests.children import Children
from tests.clock import Clock
from tests.commands import invoke
from tests.content import core_data
from tests.openpgp.gnupg import Gnupg
from tests.registry.cluster import shared_cluster
from tests.school import School
from tests.waiting import until

# Sequoia takes no signature from the true future: a clock that is to run ahead begins some months ago.
BEHIND = timedelta(days=80)
# All that tests of a workshop show is to hold in PostgreSQL too: `make test-postgresql`.
ON_POSTGRESQL = "GATEWAY_TEST_POSTGRESQL" in os.environ
_DATABASES = (f"workshop_{number}" for number in itertools.count())
_SEEDS = iter(range(1, 1_000_000))


class Workshop:
    """One gateway. `now` is what its processor takes the time to be; commands use the real time.

    Its clock stands still but for what a test does. With `at_work` one runs, and from `with` on a processor
    that works by it in a thread of its own.
    """

    def __init__(
        self,
        root: Path,
        *,
        clock: Clock | None = None,
        organisation: str | None = None,
        policies: Path | None = None,
    ) -> None:
        self.root = root
        self.home = Home(root / "home")
        self.clock = clock or Clock()
        url = shared_cluster().database(next(_DATABASES)) if ON_POSTGRESQL else None
        settings = Settings(log_origin="test.invalid/log", database=url)
        if organisation is not None:
            settings = settings.model_copy(update={"organisation": organisation})
        create_home(self.home, settings, self.now, policies=policies)
        self._set("workers = 0", "workers = 1")
        self._open()

    @classmethod
    def at_work(cls, root: Path) -> Self:
        """One whose processor can be set to work."""
        made = cls(root, clock=Clock(behind=BEHIND), organisation="Test County Council")
        made._set("rescan_seconds = 5.0", "rescan_seconds = 0.2")
        return made

    def _open(self) -> None:
        self.registry = Registry(load_settings(self.home).database_url(self.home))
        self.children = Children()
        self._stop = threading.Event()
        self._processor: threading.Thread | None = None

    def _set(self, before: str, after: str) -> None:
        text = self.home.settings.read_text()
        assert before in text
        self.home.settings.write_text(text.replace(before, after))

    def copied(self, root: Path) -> Self:
        """The same home and people elsewhere, to be changed or spoiled."""
        copy = object.__new__(type(self))
        shutil.copytree(self.home.root, root / "home")
        copy.root, copy.home, copy.clock = root, Home(root / "home"), Clock()
        copy.clock.set(self.now)
        if ON_POSTGRESQL:
            self.registry.close()
            found = re.search(r"workshop_\d+", copy.home.settings.read_text())
            assert found is not None
            copied = next(_DATABASES)
            shared_cluster().copy(copied, of=found[0])
            copy._set(f"/{found[0]}?", f"/{copied}?")
            self.registry = Registry(load_settings(self.home).database_url(self.home))
        copy._open()
        return copy

    def close(self) -> None:
        self.children.end()
        self.registry.close()

    # Time.

    @property
    def now(self) -> datetime:
        return self.clock()

    @now.setter
    def now(self, moment: datetime) -> None:
        self.clock.set(moment)

    def pass_time(self, **spans: float) -> None:
        self.clock.set(self.now + timedelta(**spans))

    def catch_up(self) -> None:
        """Let a clock that stands go on to the true time, so that what is made now is not from its future."""
        if not self.clock.runs:
            self.now = max(self.now, datetime.now(UTC).replace(microsecond=0))

    # People.

    @property
    def certificate(self) -> str:
        """What a provider finds in /keys/gateway.asc now."""
        return (self.home.published.common / "keys" / "gateway.asc").read_text()

    def provider(
        self,
        identifier: str,
        kind: ProviderKind = "school",
        *,
        years: tuple[str, ...] = (),
        dfe_number: str | None = None,
    ) -> Party:
        """Enrol a provider with fresh keys, which has ratified these academic years."""
        party = Party(identifier, self.root / "parties" / identifier)
        self.catch_up()
        material = party.certificate.read_text()
        known = Provider(id=identifier, name=f"The {identifier}", kind=kind, dfe_number=dfe_number)
        with self.registry.write() as session:
            providers.add_provider(session, known, self.now)
            keys.add_key(
                session, "provider", identifier, "openpgp", at=self.now, by="admin", material=material,
                fingerprint=admit(material.encode(), self.now).fingerprint,
            )  # fmt: skip
            keys.add_key(
                session, "provider", identifier, "ssh", at=self.now, by="admin", fingerprint=login_of(party),
                material=party.ssh_public.read_text("ascii").strip(),
            )  # fmt: skip
            for year in years:
                self.ratify(session, identifier, year)
        return party

    def school(self, name: str, gpg: Gnupg, *, expires: str = "2y", ratified: bool = True) -> School:
        """Enrol a school with fresh keys of GnuPG's, which has ratified the years in force."""
        school = School(name, asyncssh.generate_private_key("ssh-ed25519"), gpg, self.clock)
        school.run("--quick-generate-key", f"{name} <{name}@x.invalid>", "default", "default", expires)
        school.fingerprint = school.fingerprints()[-1]
        with self.registry.write() as session:
            providers.add_provider(session, Provider(id=name, name=f"The {name}", kind="school"), self.now)
        with self.changing() as clerk:
            for data in (school.ssh.export_public_key(), school.certificate()):
                clerk.add("provider", name, judge(data, self.now, 2048), tell=False)
        if ratified:
            self.ratify_all(name)
        publish_access(self.registry, self.home.published, self.now)
        return school

    def ratify(self, session: Session, identifier: str, year: str, *, text_sha256: str = "0" * 64) -> None:
        row = RatificationRow(
            provider=identifier, academic_year=year, signatory="The Head", ratified_on=self.now.date(),
            recorded_at=self.now, recorded_by="admin", text_sha256=text_sha256,
        )  # fmt: skip
        agreements.ratify(session, row, instead=False)

    def ratify_all(self, identifier: str) -> None:
        """The academic years that are in force."""
        with self.registrar() as registrar, self.registry.write() as session:
            for year in years_at(self.now, registrar.catalogue).years:
                self.ratify(session, identifier, year)

    @contextmanager
    def changing(self, person: str | None = "admin") -> Iterator[Clerk]:
        """A clerk, whose changes of keys are committed and brought out."""
        with self.registry.write() as session:
            clerk = clerk_of(session, self.home, self.now, person)
            yield clerk
            sign_head(clerk)
        with self.registrar() as registrar:
            reconsider(registrar)
            registrar.publish()

    # Files.

    def land(
        self,
        sender: Party | School,
        data: bytes,
        name: str = "data.xml.pgp",
        folder: Folder = "in",
        reference: str = "",
        *,
        client: str = "",
    ) -> str:
        """Hand `data` over as intake does, as `reference` where that is given; its reference."""
        self.home.spool.landed.mkdir(exist_ok=True)
        reference = reference or reserve_reference(self.home.spool, sender.name, self.now)
        content = self.home.spool.root / f"{reference}.part"
        content.write_bytes(data)
        upload = Upload(
            reference=reference, provider=sender.name, name=name, folder=folder, size=len(data),
            sha256="", started_at=self.now, landed_at=self.now,
            ssh_key=login_of(sender), client=client,
        )  # fmt: skip
        hand_over(self.home.spool, upload, content)
        fsync_folder(self.home.spool.landed)
        return reference

    def send(self, party: Party, content: bytes, name: str = "data.xml.pgp") -> str:
        """Seal `content` and land it; its reference."""
        sealed = party.seal(content, self.certificate)
        self.catch_up()
        return self.land(party, sealed, name)

    def sent(
        self, sender: Party | School, data: bytes, folder: Folder = "in", name: str = "file"
    ) -> Transfer:
        """Land `data` as it is, let it be processed, and the outcome."""
        reference = self.land(sender, data, name, folder)
        self.process(reference)
        return self.transfer(reference)

    # The processor.

    def process(self, *references: str) -> None:
        """Let it do all there is to do, or as much as decides these where one is at work in a thread."""
        if self._processor is None:
            with open_processor(self.home, self.clock, examiners=self.children.lent) as processor:
                assert processor.drain() == 0
            return

        def decided() -> bool:
            with self.registry.read() as session:
                known = transfers.known(session, references)
                landed = set(transfers.landed(session))
            return known == set(references) and not landed.intersection(references or landed)

        until(decided, "the outcome")

    def __enter__(self) -> Self:
        """Set a processor to work."""
        ready = threading.Event()

        def run() -> None:
            with open_processor(self.home, self.clock, examiners=self.children.lent) as processor:
                processor.run(self._stop, ready=ready.set)

        self._processor = threading.Thread(target=run)
        self._processor.start()
        assert ready.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self._stop.set()
        if self._processor is not None:
            self._processor.join(60)
        self.close()

    @property
    def rules(self) -> str:
        """The digest of the rules in force."""
        return load_catalogue(self.home.policies_in_force).rules

    @contextmanager
    def registrar(self) -> Iterator[Registrar]:
        with open_registrar(self.home, self.clock) as registrar:
            yield registrar

    # What is seen.

    def transfer(self, reference: str) -> Transfer:
        with self.registry.read() as session:
            return transfers.get(session, reference)

    def state(self, reference: str) -> str:
        """The state of a transfer; nothing where it has not landed yet."""
        try:
            return self.transfer(reference).state
        except NotFoundError:
            return ""

    def codes(self, reference: str) -> list[str]:
        return [reason.code for reason in self.transfer(reference).reasons]

    def receipt(self, reference: str) -> str:
        """The text of the receipt in force, as published, its lines joined."""
        with self.registry.read() as session:
            row = receipts.latest(session, reference)
        assert row is not None

        if self.home.published.on_request.exists():
            self.look(row.provider)

        def published() -> list[str]:
            return [path.read_text() for path in self.receipts(row.provider, f"*.{reference}.txt")]

        if self._processor is not None:
            until(lambda: published() == [row.text], "the receipt")
        assert published() == [row.text]
        return " ".join(row.text.split())

    def look(self, provider: str) -> list[str]:
        """What a provider who looks into /receipts at the door of this host sees, by name."""

        async def listed() -> list[str]:
            intake = Intake(self.home.spool, self.home.published, read_settings(self.home.published).limits)
            tree = intake.tree(LoggedIn(provider, "SHA256:", "a test"))
            return [
                one if isinstance(one, str) else one.name async for one in await tree.listing(b"/receipts")
            ]

        self.home.spool.asked.mkdir(exist_ok=True)  # As intake does at its start.
        return sorted(asyncio.run(listed()))

    def receipts(self, provider: str, pattern: str = "*.txt") -> list[Path]:
        found = (self.home.published.provider(provider) / "receipts").glob(pattern)
        return sorted(path for path in found if not is_events(path.name))

    def notices(self, provider: School) -> list[str]:
        """The published notices about keys."""
        publish_receipts(self.registry, self.home.published)
        return [path.read_text() for path in self.receipts(provider.name, "key-notice.*.txt")]

    def events(self, subject: str) -> list[EventRow]:
        with self.registry.read() as session:
            return list(log.events(session, subject))

    def kinds(self, subject: str) -> list[str]:
        """What the log tells of a subject, in order; that a file landed only where its decision took long."""
        return [step.kind for step in log.steps(self.events(subject))]

    def teams_given(self, reference: str) -> set[str]:
        """The teams that the log says a file was passed on to."""
        return {str(step.team) for step in log.steps(self.events(reference)) if step.kind == "delivered"}

    def key(self, owner: School, fingerprint: str, kind: KeyKind = "openpgp") -> Key | None:
        with self.registry.read() as session:
            return keys.holder(session, kind, fingerprint.lower() if kind == "openpgp" else fingerprint)

    def gateway_keys(self) -> list[Key]:
        with self.registry.read() as session:
            return list(keys.list_keys(session, "gateway", "gateway"))

    def current(self) -> str:
        """The fingerprint of the key that the gateway signs with."""
        return (self.home.keys / "signing").read_text().strip()

    # Commands.

    def gateway(self, *arguments: str, given: str | None = None, code: int = 0) -> str:
        """What `gateway ARGUMENTS` says; what it asks or complains of too, with answers or another `code`."""
        result = invoke(self.home.root, *arguments, given=given)
        assert result.exit_code == code, (result.exit_code, result.output, result.stderr)
        return result.stdout if code == 0 and given is None else result.output


Desk = Workshop
"""What tests call the one whose clock stands."""


def login_of(sender: Party | School) -> str:
    """The fingerprint of the key that a sender logs in with."""
    if isinstance(sender, School):
        return sender.ssh.get_fingerprint()
    return asyncssh.read_public_key(str(sender.ssh_public)).get_fingerprint()


def codes(transfer: Transfer) -> set[str]:
    return {reason.code for reason in transfer.reasons}


def fresh() -> bytes:
    """Core data that was not sent before."""
    return core_data(seed=next(_SEEDS), pupils=2)
