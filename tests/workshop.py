"""A home, its processor and its people in this process, under a clock that the test sets.

Everything is real but the clock: files are landed as intake lands them, examined in a child process,
decided and published by the processor itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.demo.parties import Party
from gateway.errors import NotFoundError
from gateway.home import Home
from gateway.homes.create import found
from gateway.model import Folder, Provider, ProviderKind, Transfer, Upload
from gateway.openpgp.certificates import admit
from gateway.processor.service import open_processor, open_registrar
from gateway.record.registrar import Registrar
from gateway.registry import agreements, keys, log, providers, receipts, transfers
from gateway.registry.database import Registry
from gateway.registry.tables import EventRow
from gateway.settings import Settings, load_settings
from gateway.zones.spool import fsync_folder, hand_over, new_reference
from tests.children import Children
from tests.commands import invoke


class Desk:
    """One gateway. `now` is what its processor takes the time to be; commands use the real time."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.now = datetime.now(UTC).replace(microsecond=0)
        self.home = Home(root / "home")
        found(self.home, Settings(log_origin="test.invalid/log"), self.now)
        self.registry = Registry(load_settings(self.home).database_url(self.home))
        self.children = Children()
        self.certificate = (self.home.published.common / "keys" / "gateway.asc").read_text()

    def close(self) -> None:
        self.children.end()
        self.registry.close()

    # People.

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
        material = party.certificate.read_text()
        known = Provider(id=identifier, name=f"The {identifier}", kind=kind, dfe_number=dfe_number)
        with self.registry.write() as session:
            providers.add_provider(session, known, self.now)
            keys.add_key(
                session, "provider", identifier, "openpgp", at=self.now, by="admin", material=material,
                fingerprint=admit(material.encode(), self.now).fingerprint,
            )  # fmt: skip
            for year in years:
                self.ratify(session, identifier, year)
        return party

    def ratify(self, session: object, identifier: str, year: str) -> None:
        agreements.ratify(
            session, identifier, year, signatory="The Head", on=self.now.date(), at=self.now, by="admin",
            text_sha256="0" * 64,
        )  # type: ignore[arg-type] # fmt: skip

    # Files.

    def land(
        self,
        party: Party,
        data: bytes,
        name: str = "data.xml.pgp",
        folder: Folder = "in",
        reference: str = "",
        *,
        client: str = "",
    ) -> str:
        """Hand `data` over as intake does, as `reference` where that is given; its reference."""
        reference = reference or new_reference(party.name, self.now)
        content = self.home.spool.root / f"{reference}.part"
        content.write_bytes(data)
        upload = Upload(
            reference=reference, provider=party.name, name=name, folder=folder, size=len(data),
            sha256=hashlib.sha256(data).hexdigest(), started_at=self.now, landed_at=self.now,
            ssh_key="SHA256:" + "A" * 43, client=client,
        )  # fmt: skip
        hand_over(self.home.spool, upload, content)
        fsync_folder(self.home.spool.landed)
        return reference

    def send(self, party: Party, content: bytes, name: str = "data.xml.pgp") -> str:
        """Seal `content` and land it; its reference."""
        return self.land(party, party.seal(content, self.certificate), name)

    def process(self) -> None:
        """Start a processor, let it do all there is to do, and stop it."""
        with open_processor(self.home, lambda: self.now, examiners=self.children.lent) as processor:
            assert processor.drain() == 0

    def pass_time(self, **spans: float) -> None:
        self.now += timedelta(**spans)

    @contextmanager
    def registrar(self) -> Iterator[Registrar]:
        with open_registrar(self.home, lambda: self.now) as registrar:
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
        """The latest text receipt as published, its lines joined."""
        with self.registry.read() as session:
            row = receipts.latest(session, reference)
        assert row is not None
        (path,) = self.receipts(row.provider, f"*.{reference}.txt")
        assert path.read_text() == row.text
        return " ".join(row.text.split())

    def receipts(self, provider: str, pattern: str = "*.txt") -> list[Path]:
        return sorted((self.home.published.provider(provider) / "receipts").glob(pattern))

    def events(self, subject: str) -> list[EventRow]:
        with self.registry.read() as session:
            return list(log.events(session, subject))

    def kinds(self, subject: str) -> list[str]:
        return [event.kind for event in self.events(subject)]

    # Commands.

    def gateway(self, *arguments: str, given: str | None = None, code: int = 0) -> str:
        """What `gateway ARGUMENTS` says; what it asks or complains of too, with answers or another `code`."""
        result = invoke(self.home.root, *arguments, given=given)
        assert result.exit_code == code, (result.exit_code, result.output, result.stderr)
        return result.stdout if code == 0 and given is None else result.output
