"""The ways there are to work, each a gateway at work in this process: they begin as copies of one home.

So providers, staff and keys are the same everywhere, and a file is sealed once and sent to all of them.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from string import ascii_lowercase

import pysequoia

from gateway.examiner.parent import Examiner, counting_seed
from gateway.home.settings import load_settings
from gateway.homes.demo.parties import Party
from gateway.mailboxes.mailbox_access import MailboxAccess, Person
from gateway.mailboxes.names import MailboxPlace, file_name
from gateway.mailboxes.server import fetched
from gateway.mailboxes.showing import Showing
from gateway.model import Folder
from gateway.processor import retention
from gateway.registry.database import Registry
from gateway.store.of_home import Store, store_of
from tests.clock import THIS_YEAR, Clock
from tests.commands import invoke
from tests.forking import forked
from tests.registry.cluster import Cluster
from tests.store.servers import Server
from tests.whole import jane
from tests.workshop import Workshop

WAYS = ("SQLite, a folder and the loop", "PostgreSQL, a folder and the loop", "PostgreSQL, S3 and the queue")
DUE = timedelta(days=500)
"""After which no file of core data is kept, and most else is."""
SCHOOLS = ("oak", "elm", "ash", "fir", "yew", "ilex", "rowan", "alder", "hazel", "maple", "cedar")
UNRATIFIED = ("larch", "birch")
ABOUT = "9994001"
"""The school that samples are about: the juniper."""


@dataclass(frozen=True)
class Origin:
    """The home that all ways begin with, its people, and what these have sealed so far.

    `spare` has keys that nobody is enrolled with; `known` are the digests that are the same in all ways.
    """

    desk: Workshop
    parties: dict[str, Party]
    jane: Person
    spare: Party
    sealed: dict[tuple[str, str, bytes, str], bytes] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)

    @classmethod
    def made(cls, root: Path) -> Origin:
        """With providers, most of which have ratified, and a member of the central data team."""
        desk = Workshop(root)
        desk._set("rescan_seconds = 5.0", "rescan_seconds = 0.2")
        parties = {name: desk.provider(name, years=THIS_YEAR) for name in SCHOOLS}
        parties |= {name: desk.provider(name) for name in UNRATIFIED}
        parties["juniper"] = desk.provider("juniper", years=THIS_YEAR, dfe_number=ABOUT)
        parties["fft"] = desk.provider("fft", "fft")
        made = cls(desk, parties, jane(desk), Party("spare", root / "parties" / "spare"))
        made.known.add(desk.home.policies_in_force.name)
        made.known.update(one.openpgp.extract_certificate().fingerprint for one in parties.values())
        return made

    def seal(self, sender: str, signer: str, content: bytes, certificate: str) -> bytes:
        """`content` sealed to a certificate, once; where there is no signer, signed by nobody."""
        asked = (sender, signer, content, certificate)
        if asked not in self.sealed:
            if signer:
                made = self.parties[signer].seal(content, certificate)
            else:
                recipient = pysequoia.Cert.from_bytes(certificate.encode())
                made = pysequoia.encrypt(bytes=content, recipients=[recipient], armor=False)
            self.sealed[asked] = made
            self.known.add(hashlib.sha256(content).hexdigest())
            if certificate == self.desk.certificate:
                self.known.add(hashlib.sha256(made).hexdigest())
        return self.sealed[asked]


@dataclass
class Way:
    """A gateway that works in one of the ways. `labels` tell what each of its references is."""

    name: str
    desk: Workshop
    origin: Origin
    labels: dict[str, str] = field(default_factory=dict)

    @classmethod
    def begun(cls, name: str, origin: Origin, root: Path, cluster: Cluster, weed: Server) -> Way:
        """A copy of the origin, moved to where this way has its registry and its files."""
        desk = origin.desk.copied(root)
        desk.clock = Clock(behind=timedelta())
        number = WAYS.index(name)
        if number > 0:
            places = ["--database-url", cluster.database(f"way_{number}")]
            if number > 1:
                place = weed.settings(root.name)
                places += ["--store", str(place.url), "--endpoint", str(place.endpoint)]
                places += ["--credentials", str(place.credentials_file)]
            desk.gateway("move", *places)
        if number > 1:
            desk.home.settings.write_text(desk.home.settings.read_text() + '\n[host]\nname = "one"\n')
        desk.registry.close()
        desk.registry = Registry(load_settings(desk.home).database_url(desk.home))
        return cls(name, desk, origin)

    @property
    def store(self) -> Store:
        """Where its sealed files lie."""
        return store_of(self.desk.home)

    # What people do.

    def seal(self, sender: str, content: bytes, *, signer: str | None = None, to: str = "") -> bytes:
        """`content` signed by its sender or another one, or by nobody, sealed to the gateway or to others."""
        by = sender if signer is None else signer
        return self.origin.seal(sender, by, content, to or self.desk.certificate)

    def put(self, sender: str, data: bytes, name: str = "core.xml.pgp", folder: Folder = "in") -> str:
        """Hand `data` over as intake does; its reference."""
        reference = self.desk.land(self.origin.parties[sender], data, name, folder)
        count = sum(label.startswith(f"<{sender} ") for label in self.labels.values())
        self.labels[reference] = f"<{sender} {ascii_lowercase[count]}>"
        return reference

    def sent(self, sender: str, data: bytes, name: str = "core.xml.pgp", folder: Folder = "in") -> str:
        """The same, once it is decided."""
        reference = self.put(sender, data, name, folder)
        self.desk.process(reference)
        return reference

    def asked(self, *arguments: str, by: str = "ann", code: int = 0) -> str:
        """What `gateway ARGUMENTS` says to a person of that name."""
        result = invoke(self.desk.home.root, *arguments, environment={"GATEWAY_ADMIN": by})
        assert result.exit_code == code, (arguments, result.exit_code, result.output, result.stderr)
        return result.output

    def collected(self, team: str, reference: str) -> tuple[str, list[str]]:
        """A member of a team collects a file and deals with it: the SHA-256 of the view, what it lacks."""
        home, clock = self.desk.home, self.desk.clock
        with self.desk.registrar() as registrar, forked(), closing(Examiner(home)) as examiner:
            showing = Showing(lambda: registrar.catalogue, lambda sha256: counting_seed(home, sha256))
            key, origin = registrar.signing.log_key, registrar.signing.origin
            desk = MailboxAccess(registrar.registry, showing, key, origin, clock)
            files, _ = desk.page(self.origin.jane, MailboxPlace(team), None)
            (delivery,) = [one for one in files if one.reference == reference]
            place = MailboxPlace(team, file_name(delivery))
            given = fetched(examiner, desk.order(self.origin.jane, place))
            desk.collect(self.origin.jane, place, given)
            desk.deal_with(self.origin.jane, place)
        with os.fdopen(given.descriptor, "rb") as memory:
            assert hashlib.sha256(os.pread(memory.fileno(), given.size + 1, 0)).hexdigest() == given.sha256
        return given.sha256, list(given.left_out)

    # The processor.

    def start(self) -> None:
        """Let it work."""
        self.desk._stop = threading.Event()
        self.desk.__enter__()

    def stop(self) -> None:
        """End it as SIGTERM does. Its children wait for the next one."""
        self.desk._stop.set()
        assert self.desk._processor is not None
        self.desk._processor.join(60)
        assert not self.desk._processor.is_alive()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Meanwhile it does not work; then it is started anew."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def delete_what_is_due(self) -> None:
        """As retention does it after that time."""
        with self.desk.registrar() as registrar:
            then = self.desk.now + DUE
            later = dataclasses.replace(registrar, clock=lambda: then)
            assert retention.run(later, then, by="ann") is not None
