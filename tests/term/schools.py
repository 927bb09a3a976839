"""Who sends: schools with keys of their own, and the bodies that send results and estimates."""

from __future__ import annotations

import csv
import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path

import asyncssh
import pysequoia

from gateway.home import Home
from gateway.homes.demo.parties import Party
from gateway.law import load_packs, pack_on
from gateway.model import Folder, Upload
from gateway.samples import School, make, school
from gateway.zones.spool import fsync_folder, hand_over, reserve_reference
from tests.layouts.by_layout import draw
from tests.policies import POLICIES

PUPILS = 4
PRIMARY = ("eyfs-profile", "phonics", "ks1")
SECONDARY = ("gcse-results", "a-level-results")
VARIANT = {
    "student-core": "ctf-school-history",
    "attendance": "csv-sessions",
    "exclusions": "xml-one-reason",
    "eyfs-profile": "csv",
    "phonics": "csv",
    "ks1": "csv",
    "ks2": "csv",
    "ks4": "csv",
    "gcse-results": "jcq",
    "a-level-results": "jcq",
    "fft-aspire": "csv-estimates",
    "alps-lpuk": "csv-alps",
}
_CENSUS = {10: "autumn", 1: "spring", 5: "summer"}
_PACKS = load_packs(POLICIES)
_COLUMNS = (
    "id", "name", "kind", "dfe_number", "urn", "contact_role", "contact_email", "contact_telephone",
    "ssh_key", "openpgp_key",
)  # fmt: skip
_OTHERS = (("dfe", "Department for Education"), ("fft", "FFT Education"), ("alps", "Alps Education"))


@dataclass
class Sender:
    """A provider that uploads. `school` is None for a body that is none."""

    party: Party
    school: School | None
    kind: str

    @property
    def id(self) -> str:
        """As the gateway knows it."""
        return self.party.name

    @property
    def is_primary(self) -> bool:
        """Whether it is a primary school."""
        return self.school is not None and self.school.phase == "primary"

    @cached_property
    def login(self) -> str:
        """The fingerprint of its SSH key."""
        return asyncssh.read_public_key(str(self.party.ssh_public)).get_fingerprint()

    @cached_property
    def certificate(self) -> str:
        """The fingerprint of its OpenPGP certificate, as it reads it out."""
        return str(self.party.openpgp.extract_certificate().fingerprint)

    def file(self, data_type: str, day: date, seed: object, *, errors: bool = False) -> bytes:
        """A file of a kind of data as it is on a day, of pupils that do not exist: four, but for the census.

        A census is drawn from the layout of the law pack of its day; one with errors has a code of no list.
        """
        if data_type == "school-census":
            pack = pack_on(_PACKS, day)
            assert pack is not None
            census = draw(pack, pack.layouts["census"], _CENSUS[day.month], of=self.school)
            return census.replace(b"<EnrolStatus>C<", b"<EnrolStatus>Q<", 1) if errors else census
        variant = VARIANT[data_type]
        rng = random.Random(f"{self.id} {data_type} {seed}")
        return make(data_type, variant, rng=rng, school=self.school, pupils=PUPILS, today=day, errors=errors)

    def signed(self, text: bytes) -> bytes:
        """A text, clearsigned."""
        signer = self.party.openpgp.signer()
        return bytes(pysequoia.sign(signer=signer, bytes=text, mode=pysequoia.SignatureMode.CLEAR))


class Schools:
    """All of them, and the way of what they send: it lands as intake lands it."""

    def __init__(self, home: Path, folder: Path, number: int) -> None:
        """Make their keys in `folder`, by the clock of now."""
        self._home, self._folder = Home(home), folder
        rng = random.Random(2025)
        self.schools = [self._school(school(rng, n)) for n in range(number)]
        self.others = [Sender(Party(name, folder / name), None, name) for name, _ in _OTHERS]

    def _school(self, one: School) -> Sender:
        name = f"school-{one.establishment}"
        kind = "school" if one.phase == "primary" else "academy"
        return Sender(Party(name, self._folder / name), one, kind)

    def newcomer(self, n: int) -> Sender:
        """A school that there was not in September."""
        return self._school(school(random.Random(n), n))

    def body(self, kind: str) -> Sender:
        """The body of that kind."""
        return next(one for one in self.others if one.kind == kind)

    def list_of(self, senders: Sequence[Sender], place: Path) -> Path:
        """A list of providers, with the files of their keys and whom to ring."""
        with place.open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(_COLUMNS)
            rows.writerows(self._row(one) for one in senders)
        return place

    def _row(self, one: Sender) -> Iterator[str]:
        name = one.school.name if one.school else dict(_OTHERS)[one.kind]
        number, urn = (one.school.dfe_number, one.school.urn) if one.school else ("", "")
        contact = ("data manager", f"office@{one.id}.invalid", "01823 555 001")
        keys = (str(one.party.ssh_public), str(one.party.certificate))
        yield from (one.id, f"{name} {one.id[-4:]}", one.kind, number, urn, *contact, *keys)

    # The way in.

    @cached_property
    def _certificate(self) -> str:
        return (self._home.published.common / "keys" / "gateway.asc").read_text()

    def send(self, sender: Sender, content: bytes, name: str, folder: Folder = "in") -> str:
        """Seal a file and land it; its reference."""
        return self.land(sender, sender.party.seal(content, self._certificate), name, folder)

    def land(self, sender: Sender, data: bytes, name: str, folder: Folder = "in") -> str:
        """Land bytes as they are; their reference."""
        now = datetime.now(UTC)
        self._home.spool.landed.mkdir(exist_ok=True)
        reference = reserve_reference(self._home.spool, sender.id, now)
        content = self._home.spool.root / f"{reference}.part"
        content.write_bytes(data)
        upload = Upload(
            reference=reference, provider=sender.id, name=name, folder=folder, size=len(data),
            sha256=hashlib.sha256(data).hexdigest(), started_at=now, landed_at=now, ssh_key=sender.login,
            client="",
        )  # fmt: skip
        hand_over(self._home.spool, upload, content)
        return reference

    def landed(self) -> None:
        """What was landed is durable now."""
        fsync_folder(self._home.spool.landed)
