"""A provider that keeps its keys with GnuPG, as the guide has it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import asyncssh
import pysequoia

from tests.openpgp.gnupg import Gnupg


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
        answers = f"y\n{reason}\n\ny\n"
        return self.gpg.converse(
            "--gen-revoke", fingerprint or self.fingerprint, given=answers.encode(), at=self.clock()
        )


def verified(text: str, certificate: str) -> bool:
    """Whether a clearsigned text is signed by the key of a certificate, as GnuPG would say."""
    cert = pysequoia.Cert.from_bytes(certificate.encode())
    try:
        return len(pysequoia.verify(bytes=text.encode(), store=lambda _: [cert]).valid_sigs) == 1
    except RuntimeError:
        return False
