"""A school or a member of staff in the demo, with SSH and OpenPGP keys."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncssh
import paramiko
import pysequoia


class Party:
    """A person or school of the demo with an SSH key and an OpenPGP key, made in `folder`.

    `ssh_public` and `certificate` are the public halves, as given to the authority.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self.ssh_key, self.ssh_public = folder / "ssh", folder / "ssh.pub"
        self.certificate = folder / "openpgp.asc"
        folder.mkdir(parents=True, exist_ok=True)
        key = asyncssh.generate_private_key("ssh-ed25519")
        key.write_private_key(self.ssh_key)
        self.ssh_key.chmod(0o600)
        key.write_public_key(self.ssh_public)
        self.openpgp = pysequoia.Tsk.generate(f"{name} <{name}@example.invalid>")
        self.certificate.write_text(str(self.openpgp.extract_certificate()), "utf-8")

    def seal(self, content: bytes, *certificates: str) -> bytes:
        """Sign `content`, encrypt to armored `certificates`, and return binary OpenPGP."""
        recipients = [pysequoia.Cert.from_bytes(text.encode()) for text in certificates]
        return pysequoia.encrypt(
            bytes=content, recipients=recipients, signer=self.openpgp.signer(), armor=False
        )

    @contextmanager
    def sftp(self, place: tuple[str, int]) -> Iterator[paramiko.SFTPClient]:
        """Yield an SFTP session with the service at `place`."""
        client = paramiko.SSHClient()
        # The demo and the tests connect only to a service started by themselves, on loopback.
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())  # noqa: S507
        client.connect(
            *place, username=self.name, key_filename=str(self.ssh_key), allow_agent=False, look_for_keys=False
        )
        try:
            yield client.open_sftp()
        finally:
            client.close()

    def put(self, place: tuple[str, int], name: str, data: bytes) -> None:
        """Upload `data` under `name` to the service at `place`."""
        with self.sftp(place) as session:
            session.putfo(io.BytesIO(data), name)

    def get(self, place: tuple[str, int], path: str) -> bytes:
        """Return the content of `path` at the service at `place`. FileNotFoundError where missing."""
        taken = io.BytesIO()
        with self.sftp(place) as session:
            session.getfo(path, taken)
        return taken.getvalue()
