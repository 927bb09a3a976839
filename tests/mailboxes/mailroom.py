"""A real mailboxes service on a free port of the loopback, over a home with files in it, for tests."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import asyncssh
import paramiko
import pysequoia
import uvloop

from gateway.classify import classify, load_rules
from gateway.home import Home
from gateway.home.settings import ClassifyLimits, Listen, Settings, load_settings
from gateway.homes.create import create_home
from gateway.mailboxes.server import accepting, host_key_path, open_resources
from gateway.mailboxes.tree import SharedResources
from gateway.model import Accepted, Classified, Held, Opened, Provider, Released, Signature, Upload
from gateway.policy.catalogue import load_catalogue
from gateway.policy.decide import decide
from gateway.registry import keys, log, providers, staff, transfers
from gateway.registry.database import Registry
from gateway.registry.tables import EventRow
from gateway.secrets.secret_files import secret_keys
from gateway.ssh.server import host_key
from gateway.zones.spool import new_reference
from tests.policies import why
from tests.sealed import sealed_file

# Nobody on this machine's own address waits; others for long, so that a busy machine is not too slow for it.
PENALTIES = 'penalty_exempt = ["127.0.0.1/32"]\npenalty_login_failed = 20\npenalty_least = 120\n'
# Stands in every content; no file of the home may hold it.
MARKER = b"PLAINTEXT-MARKER-7f3a"
PROVIDER = "school-a"
NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
UNREAD = Classified(data_type="student-core", level="certain", evidence=(), format="ctf", extension="xml")


class Mailroom:
    """A home with one provider, and the service over it while it is `open`."""

    def __init__(self, root: Path, database: str | None = None) -> None:
        self.root = root
        self.home = Home(root / "home")
        create_home(self.home, Settings(log_origin="test.invalid/log", database=database), NOW)
        limits = self.home.policies / "limits.toml"
        # Tests that fail to log in on purpose must not make the others wait.
        limits.write_text(f"{limits.read_text()}\n[mailboxes]\n{PENALTIES}")
        self.registry = Registry(load_settings(self.home).database_url(self.home))
        self.host_key = host_key(host_key_path(self.home))
        self.sender = pysequoia.Tsk.generate("School A <a@example.invalid>")
        self.port = 0
        self.resources: SharedResources
        with self.registry.write() as session:
            providers.add_provider(session, Provider(id=PROVIDER, name="School A", kind="school"), NOW)

    # People and files.

    def staff(self, name: str, *teams: str) -> Path:
        """Enrol a person with a fresh SSH key; the secret key's path."""
        secret = self.root / f"{name}.key"
        key = asyncssh.generate_private_key("ssh-ed25519")
        secret.touch(mode=0o600)
        key.write_private_key(secret)
        line = key.export_public_key().decode().strip()
        (self.root / f"{name}.key.pub").write_text(f"{line}\n")
        with self.registry.write() as session:
            staff.add_staff(session, name, teams, NOW)
            keys.add_key(
                session, "staff", name, "ssh",
                fingerprint=key.get_fingerprint(), material=line, at=NOW, by=f"whoever enrolled {name}",
            )  # fmt: skip
        return secret

    def remove_staff(self, name: str) -> None:
        with self.registry.write() as session:
            staff.remove_staff(session, name, NOW)

    def revoke_key(self, name: str) -> None:
        with self.registry.write() as session:
            key = keys.list_keys(session, "staff", name)[0]
            keys.end_key(session, key, "revoked", at=NOW, by="test")

    def deliver(self, content: bytes, *teams: str, sealed: bytes | None = None) -> str:
        """A file that two persons had go to `teams` as it was sent; its reference."""
        decision = Released(
            flow="student-core",
            data_type="student-core",
            teams=teams,
            reasons=(why("person:released-against-policy"), why("policy:no-basis", count=len(teams))),
        )
        return self._store(content, decision, sealed)

    def accept(self, content: bytes) -> str:
        """A file of pupils' data, accepted for the teams that the policies say; its reference."""
        found = classify(BytesIO(content), "x", ClassifyLimits(), load_rules(self.home.policies))
        catalogue = load_catalogue(self.home.policies)
        with self.registry.read() as session:
            sender = replace(providers.get_provider(session, PROVIDER), ratified=True)
        decision = decide(found, catalogue, sender, NOW)
        assert isinstance(decision, Accepted), decision
        assert isinstance(found, Classified)
        return self._store(content, decision, None, found, "2026-W47")

    def store(self, content: bytes, decision: Released, what: Classified) -> str:
        """A file that was released as what it was classified as; its reference."""
        return self._store(content, decision, None, what)

    def hold_as_sensitive(self, content: bytes) -> str:
        """A file that is held because of something sensitive in it."""
        sensitive = why("policy:sensitive", topics="health")
        return self._store(content, Held(reasons=(sensitive,)), None)

    def hold(self, content: bytes, code: str = "classify:unknown") -> str:
        """A file that waits for a person; its reference."""
        return self._store(content, Held(reasons=(why(code),)), None)

    def hold_as_read(self, content: bytes) -> str:
        """A file of pupils' data that waits for a person, with what was found in it; its reference."""
        found = classify(BytesIO(content), "x", ClassifyLimits(), load_rules(self.home.policies))
        assert isinstance(found, Classified)
        return self._store(content, Held(reasons=(why("classify:unknown"),)), None, found)

    def seal(self, content: bytes) -> bytes:
        """`content`, signed by the provider and encrypted to the gateway."""
        secret = pysequoia.Cert.from_bytes(secret_keys(self.home)[0].read_bytes())
        return pysequoia.encrypt(bytes=content, recipients=[secret], signer=self.sender.signer(), armor=False)

    def _store(
        self,
        content: bytes,
        decision: Accepted | Released | Held,
        sealed: bytes | None,
        what: Classified = UNREAD,
        period: str | None = None,
    ) -> str:
        sealed = self.seal(content) if sealed is None else sealed
        reference = new_reference(PROVIDER, NOW)
        sealed_file(self.home, reference).write_bytes(sealed)
        upload = Upload(
            reference=reference, provider=PROVIDER, name="pupils.xml.gpg", folder="in",
            size=len(sealed), sha256=hashlib.sha256(sealed).hexdigest(),
            started_at=NOW, landed_at=NOW, ssh_key="SHA256:test",
        )  # fmt: skip
        signature = Signature(certificate="a" * 40, signing_key="a" * 40, created_at=NOW)
        digest = hashlib.sha256(content).hexdigest()
        rules = load_catalogue(self.home.policies_in_force).rules
        opened = Opened(content=-1, size=len(content), sha256=digest, signature=signature, engine="test")
        with self.registry.write() as session:
            transfers.land(session, upload)
            transfers.record_content(session, reference, opened, what, period, rules=rules)
            transfers.record_decisions(session, [(reference, decision)], NOW)
        return reference

    def path(self, team: str, reference: str) -> str:
        """Where a delivered file is, for `team`; or a held one, for the team `held`."""
        flow = "held" if team == "held" else "student-core"
        return f"/{team}/2026-11-24_{PROVIDER}_{flow}_{reference}.xml"

    def events(self, reference: str) -> list[EventRow]:
        with self.registry.read() as session:
            return list(log.events(session, reference))

    def log_size(self) -> int:
        with self.registry.read() as session:
            return log.size(session)

    # The service.

    @contextmanager
    def open(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Iterator[None]:
        """Serve on a free port, in a thread."""
        ready, stop = threading.Event(), asyncio.Event()
        loops: list[asyncio.AbstractEventLoop] = []

        async def main() -> None:
            loops.append(asyncio.get_running_loop())
            async with accepting(self.home, self.resources, Listen(port=0)) as self.port:
                ready.set()
                await stop.wait()

        with open_resources(self.home, clock) as self.resources:
            thread = threading.Thread(target=lambda: uvloop.run(main()))
            thread.start()
            assert ready.wait(60)
            try:
                yield
            finally:
                loops[0].call_soon_threadsafe(stop.set)
                thread.join(60)
                assert not thread.is_alive()

    # Clients.

    @contextmanager
    def transport(self, name: str) -> Iterator[paramiko.Transport]:
        transport = paramiko.Transport(("127.0.0.1", self.port))
        try:
            key = paramiko.Ed25519Key.from_private_key_file(str(self.root / f"{name}.key"))
            transport.connect(username=name, pkey=key)
            yield transport
        finally:
            transport.close()

    @contextmanager
    def sftp(self, name: str) -> Iterator[paramiko.SFTPClient]:
        with self.transport(name) as transport:
            client = paramiko.SFTPClient.from_transport(transport)
            assert client is not None
            client.get_channel().settimeout(60)
            yield client

    def ssh_config(self, name: str) -> Path:
        """An ssh_config with the host `mailboxes`, for OpenSSH, lftp and sshfs."""
        path = self.root / f"{name}.config"
        path.write_text(
            f"Host mailboxes\n HostName 127.0.0.1\n Port {self.port}\n User {name}\n"
            f" IdentityFile {self.root / f'{name}.key'}\n IdentitiesOnly yes\n LogLevel ERROR\n"
            " StrictHostKeyChecking no\n UserKnownHostsFile /dev/null\n BatchMode yes\n"
        )
        return path


def open_memory() -> list[Path]:
    """The contents that this process holds in memory (memfd); a passphrase is none."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(descriptor.readlink())
    return [target for target in found if "memfd:" in str(target) and "passphrase" not in target.name]


def files_with(needles: Sequence[bytes], root: Path) -> list[Path]:
    """The files under `root` that hold any of `needles`."""
    return [
        path
        for path in root.rglob("*")
        if path.is_file() and any(needle in path.read_bytes() for needle in needles)
    ]
